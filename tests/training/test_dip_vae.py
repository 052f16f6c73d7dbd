"""DIP-VAE I and II against their formula."""

from __future__ import annotations

import itertools

import pytest
import torch

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.dip_vae import DIPVAEObjective, covariance, off_identity
from bvae_rl.training.schedules import Constant
from tests.objective_cases import make_generator, make_vae, posterior


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture
def generator() -> torch.Generator:
    return make_generator()


def test_covariance_of_known_rows() -> None:
    mu = torch.tensor([[1.0, 2.0], [-1.0, -2.0], [3.0, 0.0], [1.0, 4.0]])  # means 1 and 1
    expected = torch.tensor([[8.0, 4.0], [4.0, 20.0]]) / 4
    assert torch.allclose(covariance(mu), expected)
    off, on = off_identity(covariance(mu))
    assert off.item() == pytest.approx(2 * 1.0**2)
    assert on.item() == pytest.approx((2.0 - 1.0) ** 2 + (5.0 - 1.0) ** 2)


def test_covariance_is_in_float32_under_autocast(generator) -> None:
    mu = 100.0 + torch.randn(64, 8, generator=generator)
    expected = torch.cov(mu.T, correction=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(covariance(mu), expected, atol=1e-4)


@pytest.mark.parametrize("variant", ["I", "II"])
def test_dip_vae_pays_for_covariances_and_variances(variant, vae: BetaVAE) -> None:
    x, noise = torch.rand(8, 3, 32, 32), torch.randn(8, 5)
    mu, logvar = posterior(vae, x)
    matrix = torch.cov(mu.T, correction=0)
    if variant == "II":
        matrix += torch.diag(logvar.exp().mean(0))
    pairs = itertools.permutations(range(5), 2)
    off = sum(matrix[i, j].item() ** 2 for i, j in pairs)
    on = sum((matrix[i, i].item() - 1.0) ** 2 for i in range(5))
    plain, _ = BetaVAEObjective(Constant(2.0)).loss(vae, Batch(x), 0, noise)
    objective = DIPVAEObjective(Constant(2.0), variant, lambda_od=1e4, lambda_d=300.0)
    loss, parts = objective.loss(vae, Batch(x), 0, noise)
    assert (loss - plain).item() == pytest.approx(1e4 * off + 300.0 * on, rel=1e-3)
    assert parts["covariances"].item() == pytest.approx(off, rel=1e-3)
    assert parts["variances"].item() == pytest.approx(on, rel=1e-4)
