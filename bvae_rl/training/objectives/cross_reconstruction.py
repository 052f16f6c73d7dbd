"""Crossed grids: each picture is made from the three others of its grid (``quads.py``).

    loss = recon(x | z) + beta(step) * KL + tc(step) * (TC of the content + TC of the appearance)
           + rank(step) * (does an actuator's latent rise with its action?)

with z from the posteriors that ``Batch.take`` names. The total correlation (``tcvae.py``) is what
turns the axes within a group: grids say nothing of which latent of the appearance holds which colour.
``rank.py`` keeps a latent of an actuator from folding what it drives. From ``full`` on that is
settled, and its weight falls to 0 at the end, where detail counts.

A latent that carries what its group should not is of no use to the picture that it is taken for, so
nothing needs to be weighed against leaks. Exchanged features train encoders since Reed et al. 2015
(Deep visual analogy-making) and Mathieu et al. 2016 (1611.03383); the grids of known groups and of
actuators, the Beta-VAE around them and the order below are ours.

A small object's colour is of no use before its place is known and the other way round, and crossed
from the start neither is found. So grids begin as single frames (each picture from its own
posterior); the share of crossed grids rises from 0 to 1 between ``start`` and ``full``, fractions
of the training. Where one actuator moved, (u, a) and (v, a) share most of their state, and look
latents that know it would pay: such grids do not train the appearance, and do not press it either.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.models.losses import kl_per_latent, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches import Batch, Pairing, Rows
from bvae_rl.training.grids import BLOCKS, crossed, other_state
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry, Hyperparameters
from bvae_rl.training.objectives.rank import rank_loss
from bvae_rl.training.objectives.stateless import Stateless
from bvae_rl.training.objectives.tcvae import kl_terms
from bvae_rl.training.schedules import Schedule, constant, fading


@dataclass(frozen=True)
class CrossReconstruction(Stateless):
    """``beta``, ``share`` (of crossed grids), ``tc`` and ``rank`` are schedules over steps.

    ``pairs`` names the grids. ``sampled`` False decodes the means: an autoencoder on grids.
    """

    takes_tiles = True

    beta: Schedule
    share: Schedule
    pairs: str = "views"
    sampled: bool = True
    tc: Schedule = constant(0.0)
    rank: Schedule = constant(0.0)
    name: str = "crossed"

    def __post_init__(self) -> None:
        if self.rank(0) and "interventions" not in self.pairs.split("+"):
            raise ValueError(
                f"rank {self.rank(0):g} says which way an actuator's latent goes, and pairs "
                f"{self.pairs!r} hold no actuator's moves; take views+interventions, or rank=0"
            )

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """The grids that were asked for."""
        return crossed(self.pairs, rows, vae.config)

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """recon + beta * KL of all pictures, and what else is weighed."""
        assert batch.take is not None
        mu, logvar = vae.encode(batch.x)
        share, beta, weight = self.share(step), self.beta(step), self.tc(step)
        content, style = vae.config.slice_of("content"), vae.config.slice_of("style")
        swapped = chosen(len(batch.take), share=share, step=step).to(mu.device)
        untrained = swapped & not_to_train(batch.take, style)
        mu, logvar = (torch.where(untrained, it.detach(), it) for it in (mu, logvar))
        own = sample(mu, logvar, noise) if self.sampled else mu
        z = torch.where(swapped, taken(own, batch.take), own)
        recon = reconstruction(vae, batch.x, z, batch.weights)
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        loss, tc = recon + beta * kl, torch.zeros(())
        if weight:
            within = [kl_terms(own[:, g], mu[:, g], logvar[:, g], size=1) for g in (content, style)]
            tc = torch.stack([terms.total_correlation for terms in within]).sum()
            loss = loss + weight * tc
        parts: dict[str, Tensor | float]
        parts = {"recon": recon, "kl": kl, "beta": beta, "crossed": share, "tc": tc}
        if self.rank(0):
            assert batch.direction is not None
            parts["rank"] = rank = rank_loss(mu, other_state(mu), batch.direction)
            loss = loss + self.rank(step) * rank
        return loss, parts

    def describe(self) -> dict[str, object]:
        """Name and settings."""
        fades = {"rank_fades": True} if self.rank(0) else {}  # VAEs of before have no such key
        return {
            "name": self.name, "pairs": self.pairs, "sampled": self.sampled, "rank": self.rank(0),
            **fades,
        }  # fmt: skip


def chosen(pictures: int, *, share: float, step: int) -> Tensor:
    """(4n, 1): which pictures are decoded from the others of their grid, by ``step`` alone."""
    generator = torch.Generator().manual_seed(step)
    return (torch.rand(pictures // BLOCKS, 1, generator=generator) < share).repeat(BLOCKS, 1)


def taken(z: Tensor, take: Tensor) -> Tensor:
    """z (4n, D) with each latent from the block that ``take`` (4n, D) names, of the same grid."""
    n = len(z) // BLOCKS
    return z.gather(0, take * n + torch.arange(n, device=z.device).repeat(BLOCKS)[:, None])


def not_to_train(take: Tensor, style: slice) -> Tensor:
    """(4n, D): the latents ``appearance`` where content comes from two blocks: one actuator moved."""
    within = torch.zeros(take.shape[1], dtype=torch.bool, device=take.device)
    within[style] = True
    content = take[:, ~within]
    return (content != content[:, :1]).any(dim=1, keepdim=True) & within


def _entry(
    name: str, purpose: str, hyperparameter: str, pressure: Hyperparameters, *, sampled: bool
) -> Entry:
    return Entry(
        name=name,
        source="ours; exchanged features: Reed et al. 2015, Mathieu et al. 2016",
        purpose=purpose,
        hyperparameter=hyperparameter
        + "start, full: when crossing begins and is complete (fractions of the training)",
        cost=1.0,
        make=lambda ramped, hyperparameters, pairs: CrossReconstruction(
            ramped(hyperparameters["beta"]),
            ramped.between(hyperparameters["start"], hyperparameters["full"]),
            pairs,
            sampled,
            ramped(hyperparameters.get("tc", 0.0)),
            fading(hyperparameters["rank"], ramped.between(hyperparameters["full"], 1.0)),
        ),
        paper={**pressure, "rank": 0.0, "start": 0.2, "full": 0.5},
        pairs="views",
        groups=True,
    )


ENTRY = _entry(
    "crossed",
    "content without any appearance in it, and the other way round",
    "beta and tc: up for one latent a factor; ",
    {"beta": 1.0, "tc": 0.0},
    sampled=True,
)
AUTOENCODER = _entry(
    "crossed_ae",
    "the same without pressure: what pairing alone buys",
    "",
    {"beta": 0.0},
    sampled=False,
)
