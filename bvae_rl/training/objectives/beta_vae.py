"""beta-VAE (Higgins et al. 2017, ICLR, eq. 4): recon + beta(step) * KL, on single frames."""

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
class BetaVAEObjective(Stateless):
    """``beta`` is a schedule over training steps."""

    takes_tiles = True

    beta: Schedule
    name: str = "beta_vae"

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Independent frames."""
        return single(rows)

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """recon + beta * KL."""
        e = elbo(vae, batch, noise)
        beta = self.beta(step)
        return e.recon + beta * e.mean_kl, {"recon": e.recon, "kl": e.mean_kl, "beta": beta}

    def describe(self) -> dict[str, object]:
        """Name only: the schedule is described by whoever made it."""
        return {"name": self.name}


ENTRY = Entry(
    name="beta",
    source="Higgins et al. 2017, eq. 4; beta = 1 is the VAE (Kingma and Welling 2014)",
    purpose="the plain trade of detail for structure",
    hyperparameter="beta: up for structure, down for small objects",
    cost=1.0,
    make=lambda ramped, hyperparameters, pairs: BetaVAEObjective(ramped(hyperparameters["beta"])),
    paper={"beta": 4.0},
    tuned={"beta": 1.0},
)
