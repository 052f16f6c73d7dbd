"""DIP-VAE I and II (Kumar et al. 2018, arXiv 1711.00848, eq. 6 and 7): uncorrelated latents.

Besides beta * KL each pays for how far a covariance C of the latents is from the identity:

    lambda_od * sum_{i != j} C_ij^2 + lambda_d * sum_i (C_ii - 1)^2

    I   C = Cov[mu(x)]
    II  C = Cov[mu(x)] + E[diag(sigma^2(x))], the covariance of the sampled latents

C is that of the batch. Its entries err by about 1 / sqrt(B) (unit variances), so even independent
latents pay near lambda_od * D * (D - 1) / B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import not_negative
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule

Variant = Literal["I", "II"]


def covariance(mu: Tensor) -> Tensor:
    """Covariance (D, D) of the rows of ``mu`` (B, D), divided by B; in float32 under autocast."""
    with torch.autocast(mu.device.type, enabled=False):
        centred = mu.float() - mu.float().mean(0)
        return centred.T @ centred / len(mu)


def off_identity(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of squares off the diagonal, and of (diagonal - 1), of a (D, D) matrix."""
    diagonal = covariance.diagonal()
    off = covariance - torch.diag(diagonal)
    return off.square().sum(), (diagonal - 1.0).square().sum()


@dataclass(frozen=True)
class DIPVAEObjective(LikelihoodObjective):
    """``variant`` I or II; ``lambda_od`` weighs covariances, ``lambda_d`` variances."""

    beta: Schedule
    variant: Variant
    lambda_od: float
    lambda_d: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in ("I", "II"):
            raise ValueError(f"unknown DIP-VAE {self.variant!r}; known: I, II")
        not_negative(lambda_od=self.lambda_od, lambda_d=self.lambda_d)

    @property
    def name(self) -> str:  # type: ignore[override]
        """As in the table."""
        return {"I": "dip1", "II": "dip2"}[self.variant]

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL + lambda_od * (covariances) + lambda_d * (variances)."""
        e = elbo(vae, batch, noise)
        matrix = covariance(e.mu)
        if self.variant == "II":
            matrix = matrix + torch.diag(e.logvar.exp().mean(0))
        off, on = off_identity(matrix)
        beta = self.beta(step)
        loss = e.recon + beta * e.mean_kl + self.lambda_od * off + self.lambda_d * on
        return loss, {
            "recon": e.recon, "kl": e.mean_kl, "beta": beta, "covariances": off, "variances": on
        }  # fmt: skip


def _entry(name: str, variant: Variant, equation: int, purpose: str, ratio: float) -> Entry:
    return Entry(
        name=name,
        objective=DIPVAEObjective,
        source=f"Kumar et al. 2018, eq. {equation}",
        purpose=purpose,
        advice=f"lambda_od: up for uncorrelated latents; the paper has lambda_d {ratio:g} times it",
        paper={"beta": 1.0, "lambda_od": 10.0, "lambda_d": 10.0 * ratio},
        tuned={"lambda_od": 5.0, "lambda_d": 5.0 * ratio},
        fixed={"variant": variant},
    )


ENTRY_I = _entry("dip1", "I", 6, "posterior means that are uncorrelated, each of variance 1", 10.0)
ENTRY_II = _entry("dip2", "II", 7, "samples that are uncorrelated; unused latents may stay so", 1.0)
