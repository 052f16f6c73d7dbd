"""beta-VAE (Higgins et al. 2017, ICLR, eq. 4): recon + beta(step) * KL, on single frames."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule


@dataclass(frozen=True)
class BetaVAEObjective(LikelihoodObjective):
    """``beta`` is a schedule over training steps."""

    name = "beta"

    beta: Schedule

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL."""
        e = elbo(vae, batch, noise)
        beta = self.beta(step)
        return e.recon + beta * e.mean_kl, {"recon": e.recon, "kl": e.mean_kl, "beta": beta}


ENTRY = Entry(
    name="beta",
    objective=BetaVAEObjective,
    source="Higgins et al. 2017, eq. 4; beta = 1 is the VAE (Kingma and Welling 2014)",
    purpose="the plain trade-off of detail for structure",
    advice="beta: up for structure, down for small objects",
    paper={"beta": 4.0},
    tuned={"beta": 1.0},
)
