"""Every formula against a closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from bvae_rl.models.losses import (
    average_shared,
    beta_norm,
    kl_per_latent,
    log_constant,
    recon_nll,
    sample,
    symmetric_kl,
)


def test_kl_of_a_known_gaussian() -> None:
    mu, logvar = torch.tensor([[0.0, 1.0, -2.0]]), torch.tensor([[0.0, 0.0, math.log(4.0)]])
    expected = torch.tensor([[0.0, 0.5, 0.5 * (4.0 + 4.0 - 1.0 - math.log(4.0))]])
    assert torch.allclose(kl_per_latent(mu, logvar), expected)
    reference = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_per_latent(mu, logvar), reference)


def test_gaussian_likelihood_with_its_constant_is_the_log_density() -> None:
    generator = torch.Generator().manual_seed(0)
    x, mean = (torch.rand(5, 3, 4, 4, generator=generator) for _ in range(2))
    s = 12.5  # sigma = 1 / sqrt(2 s) = 0.2
    nll = recon_nll(mean, x, likelihood="gaussian", recon_weight=s)
    constant = log_constant(48, likelihood="gaussian", recon_weight=s)
    expected = -Normal(mean, 0.2).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(nll + constant, expected, rtol=1e-4)


def test_bernoulli_likelihood_is_the_log_probability_of_binary_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 1, 4, 4, generator=generator)
    x = (torch.rand(5, 1, 4, 4, generator=generator) > 0.5).float()
    expected = -Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(recon_nll(logits, x, likelihood="bernoulli", recon_weight=1.0), expected)
    assert log_constant(16, likelihood="bernoulli", recon_weight=1.0) == 0.0


def test_the_likelihood_is_summed_over_pixels() -> None:
    one = recon_nll(
        torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1), likelihood="gaussian", recon_weight=3.0
    )
    many = recon_nll(
        torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), likelihood="gaussian", recon_weight=3.0
    )
    assert one.item() == 3.0
    assert many.item() == 3.0 * 192


def test_normalised_beta_of_higgins() -> None:
    assert beta_norm(4.0, latent_dim=9, pixels=64 * 64 * 3) == pytest.approx(0.0029, abs=5e-5)


def test_samples_have_the_posterior_mean_and_spread() -> None:
    noise = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
    z = sample(torch.tensor([[3.0]]), torch.tensor([[math.log(0.25)]]), noise)
    assert z.mean().item() == pytest.approx(3.0, abs=0.01)
    assert z.std().item() == pytest.approx(0.5, abs=0.01)


def test_only_shared_latents_are_averaged() -> None:
    mu1, mu2 = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 2.0]])
    var1, var2 = torch.tensor([[1.0, 1.0]]), torch.tensor([[3.0, 3.0]])
    shared = torch.tensor([[True, False]])
    a, av, b, bv = average_shared(mu1, var1.log(), mu2, var2.log(), shared)
    assert a.tolist() == [[1.0, 0.0]]
    assert b.tolist() == [[1.0, 2.0]]
    assert torch.allclose(av.exp(), torch.tensor([[2.0, 1.0]]))
    assert torch.allclose(bv.exp(), torch.tensor([[2.0, 3.0]]))


def test_symmetric_kl_is_the_mean_of_both_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    mu, logvar, mu2, logvar2 = (torch.randn(3, 4, generator=generator) for _ in range(4))
    p, q = Normal(mu, (0.5 * logvar).exp()), Normal(mu2, (0.5 * logvar2).exp())
    expected = 0.5 * (kl_divergence(p, q) + kl_divergence(q, p))
    assert torch.allclose(symmetric_kl(mu, logvar, mu2, logvar2), expected, rtol=1e-4)
