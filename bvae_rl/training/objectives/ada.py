"""Ada-GVAE and Ada-ML-VAE (Locatello et al. 2020, arXiv 2002.02886, section 4, eq. 6 and 7).

Two frames differ in some factors, and nobody says which. A latent counts as shared where the two
posteriors are close: where their divergence is below the middle between the smallest and the
largest of the pair. What is shared is averaged (Ada-GVAE) or multiplied (Ada-ML-VAE).

The divergence is symmetric, as in Dittadi et al. 2021 (2010.14407); the paper's own is one-sided,
KL(q(z|x1) || q(z|x2)), and depends on which frame comes first (``symmetric`` 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.models.losses import (
    average_shared,
    kl_per_latent,
    multiply_shared,
    sample,
    symmetric_kl,
)
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch, Pairing
from bvae_rl.training.batches.pair_sources import unlabelled
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule

COMBINE: dict[str, Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]] = {
    "average": average_shared,
    "product": multiply_shared,
}


@dataclass(frozen=True)
class AdaObjective(LikelihoodObjective):
    """``beta`` is a schedule over training steps; ``combine`` is average or product.

    ``symmetric`` compares posteriors by the mean of both KL divergences, else by one.
    """

    beta: Schedule
    combine: str = "average"
    pairs: str = "consecutive"
    symmetric: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.combine not in COMBINE:
            raise ValueError(f"unknown combine {self.combine!r}; known: {', '.join(COMBINE)}")

    @property
    def name(self) -> str:  # type: ignore[override]
        """As in the table."""
        return {"average": "ada_gvae", "product": "ada_mlvae"}[self.combine]

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """The pairs that were asked for; what they share is not known."""
        return unlabelled(self.pairs, rows)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL over both images, with the inferred latents shared."""
        assert batch.x2 is not None
        x = torch.cat([batch.x, batch.x2])  # (2B, C, H, W)
        mu, logvar = vae.encode(x)
        halves = (*mu.chunk(2), *logvar.chunk(2))
        one, two, logvar1, logvar2 = halves
        divergence = symmetric_kl if self.symmetric else kl_between
        shared = inferred(divergence(one, logvar1, two, logvar2))
        one, logvar1, two, logvar2 = COMBINE[self.combine](one, logvar1, two, logvar2, shared)
        mu, logvar = torch.cat([one, two]), torch.cat([logvar1, logvar2])
        recon = reconstruction(vae, x, sample(mu, logvar, noise), batch.weights)
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        beta = self.beta(step)
        shared_latents = shared.sum(1).float().mean()
        loss = recon + beta * kl
        return loss, {"recon": recon, "kl": kl, "beta": beta, "shared": shared_latents}


def inferred(divergence: Tensor) -> Tensor:
    """Which latents a pair shares, bool (B, D), by the ``divergence`` (B, D) of its posteriors."""
    low, high = divergence.amin(1, keepdim=True), divergence.amax(1, keepdim=True)
    return divergence.detach() < 0.5 * (low + high)


def kl_between(mu: Tensor, logvar: Tensor, mu2: Tensor, logvar2: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(mu2, exp(logvar2))), a latent each, (B, D) nats."""
    apart = (mu - mu2).square() * (-logvar2).exp()
    return 0.5 * ((logvar - logvar2).exp() + apart - 1.0 + logvar2 - logvar)


def _entry(name: str, combine: str, equation: str) -> Entry:
    return Entry(
        name=name,
        objective=AdaObjective,
        source=f"Locatello et al. 2020, section 4, {equation}",
        purpose="pairs of which nobody knows what they share",
        advice="beta: up for structure; the gap of the pairs: few factors should differ",
        paper={"beta": 1.0, "symmetric": 0.0},
        tuned={"symmetric": 1.0},
        fixed={"combine": combine},
        pairs="consecutive",
    )


ENTRY_GVAE = _entry("ada_gvae", "average", "average (eq. 7)")
ENTRY_MLVAE = _entry("ada_mlvae", "product", "product (eq. 6)")
