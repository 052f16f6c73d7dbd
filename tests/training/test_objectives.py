"""Each objective's loss against its formula, computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bvae_rl.models.losses import (
    average_shared,
    kl_per_latent,
    multiply_shared,
    recon_nll,
    sample,
    swap_shared,
    symmetric_kl,
)
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.capacity import CapacityObjective
from bvae_rl.training.objectives.pair_supervised import PairSupervisedObjective
from bvae_rl.training.schedules import Constant, Linear

GROUPS = {"content": (0, 3), "style": (3, 5)}


@pytest.fixture
def vae() -> BetaVAE:
    torch.manual_seed(0)
    config = VAEConfig(
        shape=(3, 32, 32),
        latent_dim=5,
        groups=GROUPS,
        channels=(8, 8, 8),
        hidden=16,
        recon_weight=3.0,
    )
    return BetaVAE(config)


def terms(vae: BetaVAE, x: torch.Tensor, noise: torch.Tensor) -> tuple[float, float]:
    mu, logvar = vae.encode(x)
    z = mu + torch.exp(0.5 * logvar) * noise
    recon = 3.0 * ((vae.decode_logits(z) - x) ** 2).sum((1, 2, 3)).mean()
    return recon.item(), kl_per_latent(mu, logvar).sum(1).mean().item()


def test_beta_vae_is_recon_plus_beta_of_the_step_times_kl(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    recon, kl = terms(vae, x, noise)
    objective = BetaVAEObjective(Linear(0.0, 8.0, 100))
    loss, parts = objective.loss(vae, Batch(x), 50, noise)
    assert loss.item() == pytest.approx(recon + 4.0 * kl, rel=1e-5)
    assert parts["beta"] == 4.0


def test_capacity_pulls_the_kl_to_its_target(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    recon, kl = terms(vae, x, noise)
    for target in (0.0, kl + 7.0):
        loss, _ = CapacityObjective(Constant(target), gamma=5.0).loss(vae, Batch(x), 0, noise)
        assert loss.item() == pytest.approx(recon + 5.0 * abs(kl - target), rel=1e-4)


@pytest.mark.parametrize(
    ("combine", "function"),
    [("average", average_shared), ("product", multiply_shared), ("swap", swap_shared)],
)
def test_pairs_share_a_posterior_and_pay_for_disagreement(
    combine: str, function: Callable[..., tuple[torch.Tensor, ...]], vae: BetaVAE
) -> None:
    x, x2, noise = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), torch.randn(4, 5)
    shared = torch.tensor([[True] * 3 + [False] * 2, [False] * 3 + [True] * 2])
    (mu, logvar), (mu2, logvar2) = vae.encode(x), vae.encode(x2)
    apart = (symmetric_kl(mu, logvar, mu2, logvar2) * shared).sum(1).mean().detach()
    m1, v1, m2, v2 = function(mu, logvar, mu2, logvar2, shared)
    means, logvars = torch.cat([m1, m2]), torch.cat([v1, v2])
    decoded = vae.decode_logits(sample(means, logvars, noise))
    recon = recon_nll(decoded, torch.cat([x, x2]), likelihood="gaussian", recon_weight=3.0).mean()
    kl = kl_per_latent(means, logvars).sum(1).mean()
    objective = PairSupervisedObjective(Constant(2.0), align=4.0, combine=combine)
    loss, parts = objective.loss(vae, Batch(x, x2, shared), 0, noise)
    assert loss.item() == pytest.approx((recon + 2.0 * (kl + 4.0 * apart)).item(), rel=1e-5)
    assert torch.as_tensor(parts["disagreement"]).item() == pytest.approx(apart.item(), rel=1e-5)
    assert apart > 0


def test_pairs_without_noise_are_an_autoencoders(vae: BetaVAE) -> None:
    x, x2 = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    shared = torch.tensor([[True] * 3 + [False] * 2, [False] * 3 + [True] * 2])
    (mu, logvar), (mu2, logvar2) = vae.encode(x), vae.encode(x2)
    m1, _, m2, _ = swap_shared(mu, logvar, mu2, logvar2, shared)
    decoded = vae.decode_logits(torch.cat([m1, m2]))
    recon = recon_nll(decoded, torch.cat([x, x2]), likelihood="gaussian", recon_weight=3.0).mean()
    apart = ((mu - mu2).square() * shared).sum(1).mean()
    objective = PairSupervisedObjective(Constant(0.0), align=4.0, combine="swap", sampled=False)
    for noise in torch.randn(2, 4, 5):
        loss, _ = objective.loss(vae, Batch(x, x2, shared), 0, noise)
        assert loss.item() == pytest.approx((recon + 4.0 * apart).item(), rel=1e-5)


def test_a_pair_of_equal_images_agrees(vae: BetaVAE) -> None:
    x = torch.rand(2, 3, 32, 32)
    batch = Batch(x, x.clone(), torch.ones(2, 5, dtype=torch.bool))
    _, parts = PairSupervisedObjective(Constant(1.0)).loss(vae, batch, 0, torch.zeros(4, 5))
    assert torch.as_tensor(parts["disagreement"]).item() == pytest.approx(0.0, abs=1e-6)


def test_bad_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="align must be finite and not negative, got -1"):
        PairSupervisedObjective(Constant(1.0), align=-1.0)
    with pytest.raises(ValueError, match="gamma must be finite and positive, got 0"):
        CapacityObjective(Constant(1.0), gamma=0.0)
