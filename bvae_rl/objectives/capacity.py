"""Capacity annealing (Burgess et al. 2018, arXiv 1804.03599, eq. 8): recon + gamma * |KL - C(t)|.

KL is the batch mean, as in the reference codes of the paper's followers.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bvae_rl.model import BetaVAE
from bvae_rl.objectives.beta_vae import elbo_terms
from bvae_rl.objectives.stateless import Stateless
from bvae_rl.pairs import Batch, Pairing, Rows, single
from bvae_rl.schedules import Schedule


@dataclass(frozen=True)
class CapacityObjective(Stateless):
    """``capacity`` is C(step) in nats (``schedules.capacity``); ``gamma`` weighs the deviation."""

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
        recon, kl = elbo_terms(vae, batch.x, noise)
        target = self.capacity(step)
        loss = recon + self.gamma * (kl - target).abs()
        return loss, {"recon": recon, "kl": kl, "beta": self.gamma, "capacity": target}

    def describe(self) -> dict[str, object]:
        """Name and gamma."""
        return {"name": self.name, "gamma": self.gamma}
