"""What a VAE is said to be worth on held-out frames, against torch's own distributions."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.validation import AT_ONCE, latent_statistics, validate


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@torch.no_grad()
def test_the_evidence_lower_bound_is_that_of_a_draw(
    likelihood: Literal["gaussian", "bernoulli"],
) -> None:
    torch.manual_seed(0)
    config = VAEConfig(
        shape=(3, 16, 16), latent_dim=4, channels=(8, 8, 8), hidden=16, likelihood=likelihood,
        recon_weight=5.0 if likelihood == "gaussian" else 1.0,
    )  # fmt: skip
    vae, x = BetaVAE(config).eval(), torch.rand(AT_ONCE + 40, 3, 16, 16)
    found = validate(vae, x)
    mu, logvar = vae.encode(x)
    posterior = Normal(mu, (0.5 * logvar).exp())
    z = mu + (0.5 * logvar).exp() * torch.randn(
        mu.shape, generator=torch.Generator().manual_seed(0)
    )
    logits = vae.decode_logits(z)
    if likelihood == "gaussian":  # recon_weight is 1 / (2 sigma^2)
        pixels = Normal(logits, (2.0 * config.recon_weight) ** -0.5).log_prob(x)
    else:
        pixels = Bernoulli(logits=logits, validate_args=False).log_prob(x)
    kl = kl_divergence(posterior, Normal(torch.zeros(4), torch.ones(4))).sum(1).mean()
    expected = float(pixels.sum((1, 2, 3)).mean() - kl)
    assert found["vae/elbo"] == pytest.approx(expected, rel=1e-4)
    assert found["vae/validation_kl"] == pytest.approx(float(kl), rel=1e-4)


@torch.no_grad()
def test_statistics_are_those_of_the_posterior_means() -> None:
    torch.manual_seed(0)
    vae = BetaVAE(VAEConfig(shape=(3, 16, 16), latent_dim=4, channels=(8, 8, 8), hidden=16)).eval()
    x = torch.rand(AT_ONCE + 40, 3, 16, 16)
    mu, logvar = vae.encode(x)
    posterior = Normal(mu, (0.5 * logvar).exp())
    kl = kl_divergence(posterior, Normal(torch.zeros(4), torch.ones(4))).mean(0)
    found = latent_statistics(vae, x)
    for name, expected in (("mean", mu.mean(0)), ("std", mu.std(0)), ("kl", kl)):
        assert found[name] == pytest.approx(expected.tolist(), rel=1e-3, abs=1e-5)
