"""Capacity annealing (Burgess et al. 2018, arXiv 1804.03599, eq. 8): recon + gamma * |KL - C(t)|.

KL is the batch mean, as in the reference codes of the paper's followers.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import positive
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule


@dataclass(frozen=True)
class CapacityObjective(LikelihoodObjective):
    """``nats`` is the target C(step); ``gamma`` weighs the KL's distance from it."""

    name = "capacity"

    nats: Schedule
    gamma: float = 100.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(gamma=self.gamma)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + gamma * |KL - C|."""
        e = elbo(vae, batch, noise)
        target = self.nats(step)
        loss = e.recon + self.gamma * (e.mean_kl - target).abs()
        return loss, {"recon": e.recon, "kl": e.mean_kl, "beta": self.gamma, "capacity": target}


ENTRY = Entry(
    name="capacity",
    objective=CapacityObjective,
    source="Burgess et al. 2018, eq. 8",
    purpose="a KL that ends where you say, factors in order of what they are worth",
    advice="nats: where the KL ends",
    held=("nats",),
    paper={"nats": 25.0, "gamma": 1000.0},
    tuned={"nats": 25.0, "gamma": 100.0},
)
