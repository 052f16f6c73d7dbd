"""sigma-VAE: the optimal deviation, its likelihood and its gradient."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.losses import kl_per_latent
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.sigma_vae import SigmaVAEObjective, gaussian_nll, optimal_log_sigma
from bvae_rl.training.schedules import Constant
from tests.objective_cases import drawn, make_generator, make_vae, posterior


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return drawn(tmp_path_factory.mktemp("frames"), 600)


@pytest.fixture
def generator() -> torch.Generator:
    return make_generator()


def test_the_optimal_sigma_is_the_root_of_the_mean_squared_error() -> None:
    x = torch.zeros(2, 1, 4, 4)
    x_hat = torch.full((2, 1, 4, 4), 0.5)
    x_hat[1] = 0.1  # mean square (0.25 + 0.01) / 2
    log_sigma = optimal_log_sigma(x_hat, x).item()
    mse = 0.13
    assert log_sigma == pytest.approx(-6.0 + math.log1p(math.sqrt(mse) * math.exp(6.0)), rel=1e-5)
    assert log_sigma == pytest.approx(0.5 * math.log(mse), abs=0.008)  # the clip is far away
    exact = torch.tensor(0.5 * math.log(mse))
    best = gaussian_nll(x_hat, x, exact).mean()
    for other in (-0.05, 0.05):
        assert gaussian_nll(x_hat, x, exact + other).mean() > best
    assert optimal_log_sigma(x, x).item() == -6.0


def test_sigma_vae_is_the_gaussian_likelihood_at_that_sigma(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    mu, logvar = posterior(vae, x)
    x_hat = vae.decode_logits(mu + (0.5 * logvar).exp() * noise)
    loss, parts = SigmaVAEObjective(Constant(2.0)).loss(vae, Batch(x), 0, noise)
    sigma = parts["sigma"].item()
    assert sigma == pytest.approx((x_hat - x).square().mean().sqrt().item(), rel=0.01)
    nll = -Normal(x_hat, sigma).log_prob(x).sum((1, 2, 3)).mean()
    kl = kl_per_latent(mu, logvar).sum(1).mean()
    assert loss.item() == pytest.approx((nll + 2.0 * kl).item(), rel=1e-5)
    assert parts["recon"].item() == pytest.approx(nll.item(), rel=1e-5)


def test_sigma_vae_has_the_gradient_of_a_fixed_sigma_and_none_at_a_perfect_frame() -> None:
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x_hat = (x + 0.1).requires_grad_(True)
    log_sigma = optimal_log_sigma(x_hat, x)
    (gradient,) = torch.autograd.grad(gaussian_nll(x_hat, x, log_sigma).sum(), x_hat)
    variance = math.exp(2 * log_sigma.item())
    assert torch.allclose(gradient, torch.full_like(x, 0.1 / variance), rtol=1e-3)
    perfect = x.clone().requires_grad_(True)
    loss = gaussian_nll(perfect, x, optimal_log_sigma(perfect, x)).sum()
    assert torch.equal(torch.autograd.grad(loss, perfect)[0], torch.zeros_like(x))


def test_sigma_counts_pixels_by_their_weight() -> None:
    x, x_hat = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.2)
    x_hat[..., 0, 0] = 100.0
    weight = torch.ones(1, 1, 2, 2)
    weight[..., 0, 0] = 0.0
    log_sigma = optimal_log_sigma(x_hat, x, weight)
    assert log_sigma.exp().item() == pytest.approx(0.2, rel=0.02)
    counted = gaussian_nll(torch.full((1, 3, 2, 2), 0.2), x, log_sigma).item() * 3 / 4
    assert gaussian_nll(x_hat, x, log_sigma, weight).item() == pytest.approx(counted, rel=1e-5)


def test_sigma_vae_wants_a_gaussian_likelihood(store: FrameStore) -> None:
    config = VAEConfig(
        shape=(3, 32, 32), latent_dim=2, channels=(4, 4, 4), hidden=8, likelihood="bernoulli"
    )
    with pytest.raises(ValueError, match="got bernoulli; train with --likelihood gaussian"):
        SigmaVAEObjective(Constant(1.0)).pairing(Rows(store), BetaVAE(config))
