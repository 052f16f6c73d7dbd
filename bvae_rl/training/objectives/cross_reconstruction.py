"""Cross-reconstruction: each picture is made from the three others of its grid (``grids.py``).

    loss = recon(x | z) + beta(step) * KL + tc(step) * (TC of the content + TC of the style)
           + rank(step) * (does an actuator's latent rise with its action?)

with z from the posteriors that ``Batch.take`` names. The total correlation (``tcvae.py``) turns the
axes within a group: grids say nothing of which style latent holds which colour. ``rank.py`` keeps a
latent of an actuator from folding what it drives; once crossing is complete its weight falls to 0,
so that detail counts in the end.

A latent that holds what its group should not is of no use to the picture that it is taken for, so
nothing needs to be weighed against leaks. Exchanged features train encoders since Reed et al. 2015
(Deep visual analogy-making) and Mathieu et al. 2016 (1611.03383); the grids of known groups and of
interventions, the Beta-VAE around them and the order below are ours.

A small object's colour is of no use before its place is known and the other way round, and crossed
from the start neither is found. So grids begin as single frames (each picture from its own
posterior); the fraction of crossed grids, ``crossing``, rises from 0 to 1. Where one actuator
moved, (u, a) and (v, a) share most of their state, and style latents that know it would pay: such
grids train no style latents, and do not regularise them either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bvae_rl.models.losses import kl_per_latent, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.batch import Batch, Pairing
from bvae_rl.training.batches.grids import BLOCKS, grid_pairing, other_state
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry, Hyperparameters
from bvae_rl.training.objectives.rank import rank_loss
from bvae_rl.training.objectives.tcvae import kl_terms
from bvae_rl.training.schedules import Constant, Fading, Ramp, Schedule


@dataclass(frozen=True)
class CrossReconstruction(LikelihoodObjective):
    """``beta``, ``crossing`` (fraction of crossed grids), ``tc`` and ``rank`` are schedules.

    ``pairs`` names the grids. ``sampled`` False decodes the means: an autoencoder on grids.
    """

    beta: Schedule
    crossing: Schedule = Ramp(0, 0)
    tc: Schedule = Constant(0.0)
    rank: Schedule = Constant(0.0)
    pairs: str = "views"
    sampled: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank(0) and "interventions" not in self.pairs.split("+"):
            raise ValueError(
                f"rank {self.rank(0):g} says which way an actuator's latent goes, and pairs "
                f"{self.pairs!r} hold no interventions; take views+interventions, or rank=0"
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """As in the table."""
        return "cross_reconstruction" if self.sampled else "cross_reconstruction_ae"

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """The grids that were asked for."""
        return grid_pairing(self.pairs, rows, vae.config)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL of all pictures, and what else is weighed."""
        assert batch.take is not None
        mu, logvar = vae.encode(batch.x)
        crossing, beta, weight = self.crossing(step), self.beta(step), self.tc(step)
        content, style = vae.config.slice_of("content"), vae.config.slice_of("style")
        crossed = chosen(len(batch.take), fraction=crossing, step=step).to(mu.device)
        untrained = crossed & not_to_train(batch.take, style)
        mu, logvar = (torch.where(untrained, it.detach(), it) for it in (mu, logvar))
        own = sample(mu, logvar, noise) if self.sampled else mu
        z = torch.where(crossed, taken(own, batch.take), own)
        recon = reconstruction(vae, batch.x, z, batch.weights)
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        loss, tc = recon + beta * kl, torch.zeros(())
        if weight:
            within = [kl_terms(own[:, g], mu[:, g], logvar[:, g], size=1) for g in (content, style)]
            tc = torch.stack([terms.total_correlation for terms in within]).sum()
            loss = loss + weight * tc
        parts: Parts = {"recon": recon, "kl": kl, "beta": beta, "crossing": crossing, "tc": tc}
        if self.rank(0):
            assert batch.direction is not None
            parts["rank"] = rank = rank_loss(mu, other_state(mu), batch.direction)
            loss = loss + self.rank(step) * rank
        return loss, parts


def chosen(pictures: int, *, fraction: float, step: int) -> Tensor:
    """(4n, 1): which pictures are decoded from the others of their grid, by ``step`` alone."""
    generator = torch.Generator().manual_seed(step)
    return (torch.rand(pictures // BLOCKS, 1, generator=generator) < fraction).repeat(BLOCKS, 1)


def taken(z: Tensor, take: Tensor) -> Tensor:
    """z (4n, D) with each latent from the block that ``take`` (4n, D) names, of the same grid."""
    n = len(z) // BLOCKS
    return z.gather(0, take * n + torch.arange(n, device=z.device).repeat(BLOCKS)[:, None])


def not_to_train(take: Tensor, style: slice) -> Tensor:
    """(4n, D): the latents ``style`` where content comes from two blocks: one actuator moved."""
    within = torch.zeros(take.shape[1], dtype=torch.bool, device=take.device)
    within[style] = True
    content = take[:, ~within]
    return (content != content[:, :1]).any(dim=1, keepdim=True) & within


def _arguments(values: Hyperparameters, annealing: Annealing) -> dict[str, Any]:
    return {
        "beta": annealing.to(values["beta"]),
        "crossing": annealing.between(values["start"], values["full"]),
        "tc": annealing.to(values.get("tc", 0.0)),
        "rank": Fading(values["rank"], annealing.between(values["full"], 1.0)),
    }


def _entry(name: str, purpose: str, advice: str, weights: Hyperparameters, sampled: bool) -> Entry:
    return Entry(
        name=name,
        objective=CrossReconstruction,
        source="ours; exchanged features: Reed et al. 2015, Mathieu et al. 2016",
        purpose=purpose,
        advice=f"{advice}start, full: when crossing begins and is complete (fractions of steps)",
        arguments=_arguments,
        paper={**weights, "rank": 0.0, "start": 0.2, "full": 0.5},
        fixed={"sampled": sampled},
        pairs="views",
        groups=True,
    )


ENTRY = _entry(
    "cross_reconstruction",
    "content without any appearance in it, and style without any state",
    "beta and tc: up for one latent a factor; ",
    {"beta": 1.0, "tc": 0.0},
    True,
)
AUTOENCODER = _entry(
    "cross_reconstruction_ae",
    "the same without a KL: what the pairs alone give",
    "",
    {"beta": 0.0},
    False,
)
