"""Capacity annealing (Burgess et al. 2018, arXiv 1804.03599, eq. 8): recon + gamma * |KL - C(t)|.

KL is the batch mean, as in the reference codes of the paper's followers.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches import Batch, Pairing, Rows, single
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.objectives.stateless import Stateless
from bvae_rl.training.schedules import Schedule


@dataclass(frozen=True)
class CapacityObjective(Stateless):
    """``capacity`` is C(step) in nats (``schedules.capacity``); ``gamma`` weighs the deviation."""

    takes_tiles = True

    capacity: Schedule
    gamma: float = 100.0
    name: str = "capacity"

    def __post_init__(self) -> None:
        if not self.gamma > 0:
            raise ValueError(f"gamma must be positive, got {self.gamma}")

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Independent frames."""
        return single(rows)

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """recon + gamma * |KL - C|."""
        e = elbo(vae, batch, noise)
        target = self.capacity(step)
        loss = e.recon + self.gamma * (e.mean_kl - target).abs()
        return loss, {"recon": e.recon, "kl": e.mean_kl, "beta": self.gamma, "capacity": target}

    def describe(self) -> dict[str, object]:
        """Name and gamma."""
        return {"name": self.name, "gamma": self.gamma}


ENTRY = Entry(
    name="capacity",
    source="Burgess et al. 2018, eq. 8",
    purpose="a KL that ends where you say, factors in order of what they are worth",
    hyperparameter="nats: where the KL ends",
    cost=1.0,
    make=lambda ramped, hyperparameters, pairs: CapacityObjective(
        ramped.held(hyperparameters["nats"]), hyperparameters["gamma"]
    ),
    paper={"nats": 25.0, "gamma": 1000.0},
    tuned={"nats": 25.0, "gamma": 100.0},
)
