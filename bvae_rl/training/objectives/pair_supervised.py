"""The pair-supervised Beta-VAE: known groups (Bouchacourt et al. 2018, arXiv 1705.08841).

Both frames of a pair have some latents in common, and it is known which (``pair_sources.py``): the
content of one state in two appearances, the appearance of two states, all but one joint's where one
moved. What is shared is *combined*:

    average   mean and variance, as in Ada-GVAE (Locatello et al. 2020, arXiv 2002.02886)
    product   of both posteriors, as in ML-VAE (Bouchacourt et al. 2018), in the form of Ada-ML-VAE:
              the evidence is halved, so that two equal posteriors stay what they are, and the prior
              counts for each frame, where ML-VAE has one of a group
    swap      each frame is made from the other's; what the partner cannot know is then of no use
              in the shared latents, while an average still holds half of it

None asks the two posteriors to agree: a content mean may go on moving a little with the appearance,
and a regressor reads that off (*leak*). So each pair also pays ``beta * align`` times the symmetric
KL between its two posteriors over the shared latents, our addition.
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
    swap_shared,
    symmetric_kl,
)
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch, Pairing
from bvae_rl.training.batches.pair_sources import paired
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import not_negative
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule

Combine = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]
COMBINE: dict[str, Combine] = {
    "average": average_shared, "product": multiply_shared, "swap": swap_shared
}  # fmt: skip


@dataclass(frozen=True)
class PairSupervisedObjective(LikelihoodObjective):
    """``beta`` is a schedule over training steps, ``align`` weighs agreement (0: none).

    ``pairs`` names the pairs ("views", "views+interventions"), ``combine`` what is done with what
    they share. ``sampled`` False decodes the means: with beta 0 a plain autoencoder on pairs, whose
    ``align`` then weighs the squared distance of what is shared.
    """

    beta: Schedule
    align: float = 4.0
    combine: str = "average"
    pairs: str = "views"
    sampled: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative(align=self.align)
        if self.combine not in COMBINE:
            raise ValueError(f"unknown combine {self.combine!r}; known: {', '.join(COMBINE)}")

    @property
    def name(self) -> str:  # type: ignore[override]
        """As in the table."""
        return {"average": "pairs", "product": "mlvae_groups", "swap": "swap"}[self.combine]

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """The pairs that were asked for."""
        return paired(self.pairs, rows, vae.config)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * (KL + align * disagreement), over both images of each pair."""
        assert batch.x2 is not None and batch.shared is not None
        x = torch.cat([batch.x, batch.x2])  # (2B, C, H, W): one pass for both
        mu, logvar = vae.encode(x)
        (mu1, mu2), (logvar1, logvar2) = mu.chunk(2), logvar.chunk(2)
        beta = self.beta(step)
        if self.sampled:
            apart, weight = symmetric_kl(mu1, logvar1, mu2, logvar2), beta * self.align
        else:
            apart, weight = (mu1 - mu2).square(), self.align
        disagreement = torch.where(batch.shared, apart, 0.0).sum(1).mean()  # apart: (B, D)
        mu1, logvar1, mu2, logvar2 = COMBINE[self.combine](mu1, logvar1, mu2, logvar2, batch.shared)
        mu, logvar = torch.cat([mu1, mu2]), torch.cat([logvar1, logvar2])
        z = sample(mu, logvar, noise) if self.sampled else mu
        recon = reconstruction(vae, x, z, batch.weights)
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        loss = recon + beta * kl + weight * disagreement
        return loss, {"recon": recon, "kl": kl, "beta": beta, "disagreement": disagreement}


def _entry(name: str, combine: str, source: str, purpose: str, *, align: float) -> Entry:
    return Entry(
        name=name,
        objective=PairSupervisedObjective,
        source=f"{source}; align is ours",
        purpose=purpose,
        advice="align: up against leaks; beta: up for structure",
        paper={"beta": 1.0, "align": 0.0},
        tuned={"align": align},
        fixed={"combine": combine},
        pairs="views",
        groups=True,
    )


ENTRY = _entry(
    "pairs",
    "average",
    "known groups (Bouchacourt et al. 2018), averaged as in Locatello et al. 2020, eq. 7",
    "content that does not move with the appearance",
    align=4.0,
)
PRODUCT = _entry(
    "mlvae_groups",
    "product",
    "Bouchacourt et al. 2018, with the product of Locatello et al. 2020, eq. 6",
    "known groups whose evidence is multiplied",
    align=0.0,
)
SWAP = _entry(
    "swap",
    "swap",
    "known groups (Bouchacourt et al. 2018), exchanged",
    "each frame made from its partner's latents",
    align=0.0,
)
