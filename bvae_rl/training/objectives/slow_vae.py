"""SlowVAE (Klindt et al. 2021, arXiv 2007.10930, eq. 5): factors move seldom and then far.

    loss = recon + 1/2 * (beta * KL + gamma * transition)       an image, averaged over both
    transition = KL(posterior || Laplace density around the other frame's mean)

which for a pair is both reconstructions, the KL of one frame to the prior and the KL of the other
to where the first one was; averaged over which of them comes first. The expectation of |z - m|
under a Gaussian has a closed form, so nothing more is sampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.models.losses import kl_per_latent, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch, Pairing
from bvae_rl.training.batches.pair_sources import unlabelled
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule


@dataclass(frozen=True)
class SlowVAEObjective(LikelihoodObjective):
    """``beta`` is a schedule; ``gamma`` weighs the transition, ``rate`` is its Laplace rate."""

    name = "slow"

    beta: Schedule
    gamma: float = 10.0
    rate: float = 6.0
    pairs: str = "consecutive"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.gamma >= 0 and self.rate > 0):
            raise ValueError(
                f"gamma must not be negative and rate positive, got {self.gamma} and {self.rate}"
            )

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """The pairs that were asked for; what they share is not known."""
        return unlabelled(self.pairs, rows)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + (beta * KL + gamma * transition) / 2, an image."""
        assert batch.x2 is not None
        x = torch.cat([batch.x, batch.x2])  # (2B, C, H, W)
        mu, logvar = vae.encode(x)
        recon = reconstruction(vae, x, sample(mu, logvar, noise), batch.weights)
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        one, two = mu.chunk(2)
        apart = torch.cat([one - two, two - one])  # (2B, D)
        transition = laplace_kl(apart, logvar, self.rate).sum(1).mean()
        beta = self.beta(step)
        loss = recon + 0.5 * (beta * kl + self.gamma * transition)
        return loss, {"recon": recon, "kl": kl, "beta": beta, "transition": transition}


def laplace_kl(apart: Tensor, logvar: Tensor, rate: float) -> Tensor:
    """KL(N(m + apart, exp(logvar)) || Laplace(m, 1 / rate)), elementwise, in nats."""
    sigma = torch.exp(0.5 * logvar)
    ratio = apart / sigma
    distance = sigma * math.sqrt(2.0 / math.pi) * torch.exp(-0.5 * ratio.square())
    distance = distance + apart * torch.erf(ratio / math.sqrt(2.0))  # E|z - m|
    entropy = 0.5 * (logvar + math.log(2.0 * math.pi) + 1.0)
    return rate * distance - math.log(0.5 * rate) - entropy


ENTRY = Entry(
    name="slow",
    objective=SlowVAEObjective,
    source="Klindt et al. 2021, eq. 5",
    purpose="frames that follow each other, in worlds where few things move at a time",
    advice="gamma: up to hold latents still; rate: the size of a usual move, inverted",
    paper={"beta": 1.0, "gamma": 10.0, "rate": 6.0},
    tuned={"gamma": 1.0},
    pairs="consecutive",
)
