"""FactorVAE: its permutation, its discriminator, its loss."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.factor_vae import (
    FactorVAEObjective,
    discriminator_loss,
    make_discriminator,
    permute_latents,
)
from bvae_rl.training.schedules import Constant
from tests.objective_cases import make_vae


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


def test_permuted_latents_keep_their_marginals_and_lose_their_company() -> None:
    column = torch.arange(500.0)
    z = torch.stack([column, column + 1000.0, column + 2000.0], dim=1)
    permuted = permute_latents(z, step=3)
    assert torch.equal(permuted.sort(0).values, z)
    ranks = permuted - torch.tensor([0.0, 1000.0, 2000.0])
    correlations = torch.corrcoef(ranks.T)
    assert correlations[0, 1].abs() < 0.15 and correlations[1, 2].abs() < 0.15
    assert torch.equal(permute_latents(z, step=3), permuted)
    assert not torch.equal(permute_latents(z, step=4), permuted)


def test_the_discriminators_loss_is_the_cross_entropy() -> None:
    zero = torch.zeros(3, 1)
    assert discriminator_loss(zero, zero).item() == pytest.approx(math.log(2.0))
    logits, permuted = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    expected = -0.5 * (math.log(1 / (1 + math.exp(-2.0))) + math.log(1 - 1 / (1 + math.exp(1.0))))
    assert discriminator_loss(logits, permuted).item() == pytest.approx(expected, rel=1e-5)


def test_the_papers_discriminator_has_six_layers_of_a_thousand() -> None:
    linear = [layer for layer in make_discriminator(10, 1000) if isinstance(layer, nn.Linear)]
    sizes = [(layer.in_features, layer.out_features) for layer in linear]
    assert sizes == [(10, 1000), *[(1000, 1000)] * 5, (1000, 1)]


def test_factor_vae_trains_on_one_half_and_pays_the_mean_logit(vae: BetaVAE) -> None:
    x, noise = torch.rand(8, 3, 32, 32), torch.randn(8, 5)
    objective = FactorVAEObjective(Constant(2.0), Constant(7.0), width=16)
    loss, parts = objective.loss(vae, Batch(x), 0, noise)
    e = elbo(vae, Batch(x[0::2]), noise[0::2])
    discriminator = make_discriminator(5, 16)
    discriminator.load_state_dict(objective.state_dict()["network"])
    tc = discriminator(e.z).mean()
    assert loss.item() == pytest.approx((e.recon + 2.0 * e.mean_kl + 7.0 * tc).item(), rel=1e-5)
    assert parts["tc"].item() == pytest.approx(tc.item(), rel=1e-4)
    other = torch.cat([x[0::2], torch.rand(4, 3, 32, 32)]).view(2, 4, 3, 32, 32)
    swapped = Batch(other.transpose(0, 1).reshape(8, 3, 32, 32))
    again, _ = objective.loss(vae, swapped, 0, noise)
    assert again.item() == pytest.approx(loss.item(), rel=1e-5)  # the other half changed


def test_factor_vae_wants_two_codes_to_permute(vae: BetaVAE) -> None:
    objective = FactorVAEObjective(Constant(1.0), Constant(1.0), width=16)
    with pytest.raises(ValueError, match="got 3 images in all; take at least 4"):
        objective.loss(vae, Batch(torch.rand(3, 3, 32, 32)), 0, torch.randn(3, 5))


def test_the_discriminator_learns_to_tell_dependent_latents(vae: BetaVAE) -> None:
    objective = FactorVAEObjective(Constant(1.0), Constant(1.0), width=32, learning_rate=1e-3)
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(64, 1, generator=generator)

    class Copies(nn.Module):
        """A VAE's encoder whose latents all say the same."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            which = x[:, 0, 0, 0].long()
            return torch.cat([shared[which].expand(-1, 5), torch.full((len(x), 5), -4.0)], dim=1)

    vae.encoder = Copies()
    x = torch.zeros(64, 3, 32, 32)
    x[:, 0, 0, 0] = torch.arange(64)
    for step in range(60):
        noise = torch.randn(64, 5, generator=generator)
        _, parts = objective.loss(vae, Batch(x), step, noise)
        objective.after_step(vae, Batch(x), step)
    assert float(parts["accuracy"]) > 0.9
    assert float(parts["tc"]) > 1.0
