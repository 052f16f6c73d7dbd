"""The three parts of the KL against loops over densities, and beta-TCVAE on them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.tcvae import TCVAEObjective, kl_terms
from bvae_rl.training.schedules import Constant
from tests.objective_cases import drawn, make_generator, make_vae, number


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return drawn(tmp_path_factory.mktemp("frames"), 600)


@pytest.fixture
def generator() -> torch.Generator:
    return make_generator()


def test_the_parts_of_the_kl_are_those_of_a_loop_over_densities(generator) -> None:
    z, mu, logvar = (torch.randn(4, 3, generator=generator) for _ in range(3))
    found = kl_terms(z, mu, logvar, size=50)
    information = correlation = dimension_wise = 0.0
    for i in range(4):
        # q(z_i | x_j) for each latent and j, as plain numbers
        density = [
            [
                math.exp(-((z[i, d] - mu[j, d]) ** 2) / (2 * logvar[j, d].exp()))
                / math.sqrt(2 * math.pi * logvar[j, d].exp())
                for d in range(3)
            ]
            for j in range(4)
        ]
        joint = math.log(sum(math.prod(row) for row in density) / (4 * 50))
        marginals = sum(math.log(sum(row[d] for row in density) / (4 * 50)) for d in range(3))
        prior = sum(-0.5 * (math.log(2 * math.pi) + float(z[i, d]) ** 2) for d in range(3))
        information += (math.log(math.prod(density[i])) - joint) / 4
        correlation += (joint - marginals) / 4
        dimension_wise += (marginals - prior) / 4
    assert found.mutual_information.item() == pytest.approx(information, rel=1e-4)
    assert found.total_correlation.item() == pytest.approx(correlation, rel=1e-4)
    assert found.dimension_wise.item() == pytest.approx(dimension_wise, rel=1e-4)


@pytest.mark.parametrize("size", [1, 20_000])
def test_the_parts_of_the_kl_add_up_to_it(size: int, generator) -> None:
    mu, logvar, noise = (torch.randn(32, 6, generator=generator) for _ in range(3))
    z = mu + (0.5 * logvar).exp() * noise
    terms = kl_terms(z, mu, logvar, size=size)
    total = terms.mutual_information + terms.total_correlation + terms.dimension_wise
    ratio = Normal(mu, (0.5 * logvar).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    assert total.item() == pytest.approx(ratio.sum(1).mean().item(), abs=1e-3)


def test_total_correlation_tells_independent_latents_from_copies(generator) -> None:
    mu = torch.randn(1000, 2, generator=generator)
    logvar = torch.full((1000, 2), math.log(0.1))
    noise = torch.randn(1000, 2, generator=generator)

    def correlation(mu: Tensor, noise: Tensor) -> float:
        z = mu + math.sqrt(0.1) * noise
        return kl_terms(z, mu, logvar, size=1).total_correlation.item()

    # the same mu in both: a Gaussian pair of correlation 1 / 1.1 and -log(1 - r^2) / 2 nats
    copied = mu[:, :1].expand(-1, 2)
    assert correlation(mu, noise) == pytest.approx(0.0, abs=0.06)
    expected = -0.5 * math.log(1.0 - (1.0 / 1.1) ** 2)  # 0.88
    assert correlation(copied, noise) == pytest.approx(expected, abs=0.1)


def test_the_size_of_the_data_moves_the_parts_but_no_gradient(generator) -> None:
    mu = torch.randn(16, 4, generator=generator, requires_grad=True)
    logvar, noise = torch.zeros(16, 4), torch.randn(16, 4, generator=generator)
    values, gradients = [], []
    for size in (1, 1000):
        value = kl_terms(mu + noise, mu, logvar, size=size).total_correlation
        values.append(value.item())
        gradients.append(torch.autograd.grad(value, mu)[0])
    assert values[1] - values[0] == pytest.approx(3 * math.log(1000), rel=1e-4)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5)


def test_tcvae_weighs_the_three_parts(vae: BetaVAE) -> None:
    x, noise = torch.rand(8, 3, 32, 32), torch.randn(8, 5)

    def loss(alpha: float, beta: float, gamma: float) -> tuple[float, dict[str, float]]:
        objective = TCVAEObjective(*(Constant(v) for v in (alpha, beta, gamma)))
        object.__setattr__(objective, "_size", 100)
        value, parts = objective.loss(vae, Batch(x), 0, noise)
        return value.item(), {name: number(v) for name, v in parts.items()}

    plain, _ = BetaVAEObjective(Constant(1.0)).loss(vae, Batch(x), 0, noise)
    base, parts = loss(1.0, 1.0, 1.0)
    assert base == pytest.approx(plain.item(), rel=1e-6)
    assert loss(1.0, 6.0, 1.0)[0] - base == pytest.approx(5.0 * parts["tc"], rel=1e-3)
    assert loss(3.0, 1.0, 1.0)[0] - base == pytest.approx(2.0 * parts["mi"], rel=1e-3)
    rest = parts["kl"] - parts["mi"] - parts["tc"]  # dimension-wise KL, its mean in closed form
    assert loss(1.0, 1.0, 3.0)[0] - base == pytest.approx(2.0 * rest, rel=1e-3)
    assert parts["beta"] == 1.0


def test_tcvae_takes_the_number_of_training_frames(store: FrameStore, vae: BetaVAE) -> None:
    rows = Rows(store, validation=0.02)
    objective = TCVAEObjective(Constant(1.0), Constant(6.0), Constant(1.0))
    batch = objective.pairing(rows, vae)(store, np.random.default_rng(0), 4)
    assert objective._size == len(rows.train) == len(store) - len(rows.validation)
    assert len(rows.validation) > 0
    assert batch.x.shape == (4, 3, 32, 32) and batch.x2 is None
