"""The figures of ``bvae-rl visualize`` that frames and their factors make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames
from bvae_rl.metrics import MIG, mig
from bvae_rl.metrics.inputs import changing
from bvae_rl.metrics.scorable import scorable
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import back_and_forth, gif, latent_pairs, mp4
from bvae_rl.plots.scatter import Panel
from bvae_rl.scripts.common import say
from bvae_rl.training.pictures.decoded import active_latents, latent_names
from bvae_rl.training.pictures.figures import swap_figure, tracked, traversal_film, vae_figures
from bvae_rl.training.pictures.of_vae import information_heatmap, noted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FPS = 12
MOST_PAIRS = 8  # panels of the scatter
STILL = 0.1  # of the largest standard deviation of a latent


@dataclass(frozen=True, eq=False)
class Shown:
    """A VAE and the frames to draw it on, with the factors that vary in them.

    ``codes`` (N, D), ``active`` (D,), ``factors`` (N, K) of ``specs`` (none where they are not
    known), ``gaps`` what the latents hold of them; ``note`` is what to know of these frames.
    """

    vae: BetaVAE
    frames: np.ndarray
    codes: np.ndarray
    active: np.ndarray
    factors: np.ndarray
    specs: tuple[FactorSpec, ...]
    gaps: MIG | None
    note: str

    @classmethod
    def of(
        cls, vae: BetaVAE, probe: Frames, known: Sequence[FactorSpec], *, note: str = ""
    ) -> Shown:
        """What can be shown of ``vae`` on ``probe``, whose factors the ``known`` specs describe."""
        mu, _ = vae.posterior_frames(probe.frames)
        active = active_latents(vae, mu)
        none = cls(vae, probe.frames, mu, active, np.empty((len(mu), 0)), (), None, "")
        if not known or probe.factors is None:
            return none
        values, scored = scorable(probe.factors, known, say=say)
        try:
            angles, specs = changing(values, scored)  # cyclic ones in radians
        except ValueError:  # nothing changes
            return none
        factors = values[:, [k for k, spec in enumerate(scored) if spec in specs]]
        try:
            gaps = mig(mu, angles, kinds=[spec.kind for spec in specs], active=active)
        except ValueError as error:  # so few frames: the pictures without factors are drawn
            say(f"latents are not named after factors: {error}")
            return none
        return cls(vae, probe.frames, mu, active, factors, specs, gaps, note)

    @property
    def names(self) -> list[str]:
        """Of the factors."""
        return [spec.name for spec in self.specs]

    @property
    def tracks(self) -> list[str] | None:
        """What each latent tracks; None without factors."""
        return None if self.gaps is None else tracked(self.gaps, self.names)


def figures(
    shown: Shown, *, width: float | None, seed: int, styles: np.ndarray
) -> dict[str, Figure]:
    """All that the frames allow, by name; ``styles`` are the frames to swap between."""
    drawn: dict[str, Figure] = {}
    if shown.gaps is not None:
        drawn["heatmap"] = heatmap(shown, width=width)
    drawn |= vae_figures(shown.vae, shown.frames, seed=seed, tracks=shown.tracks, width=width)
    swap = swap_figure(shown.vae, styles, width=width)
    if swap is None:
        say("no swap: the latents are in no groups (content and style)")
    else:
        drawn["swap"] = swap
    if shown.gaps is not None:
        drawn["scatter"] = scatter(shown, width=width)
    return drawn


def films(shown: Shown) -> dict[str, bytes]:
    """The traversals in motion, as a GIF and an MP4 by their file names."""
    pages = back_and_forth(traversal_film(shown.vae, shown.frames, tracks=shown.tracks))
    return {
        "traversals.gif": gif(pages, FPS, last=None),
        "traversals.mp4": mp4(pages, FPS),
    }


def heatmap(shown: Shown, *, width: float | None = None) -> Figure:
    """Which latent tracks which of the factors that vary."""
    assert shown.gaps is not None
    figure = information_heatmap(
        shown.vae, shown.gaps, shown.names, active=shown.active, width=width
    )
    return noted(figure, shown.note)


def scatter(shown: Shown, *, width: float | None = None) -> Figure:
    """For each factor the two active latents that hold most of it, in its colours."""
    assert shown.gaps is not None
    figure = latent_pairs(
        shown.codes, shown.factors, latent_names(shown.vae), shown.names, pairs(shown),
        periods=[
            spec.high - spec.low if spec.kind == "cyclic" else None for spec in shown.specs
        ],
        title="The two latents that hold most of each factor", width=width,
    )  # fmt: skip
    return noted(figure, shown.note)


def pairs(shown: Shown) -> list[Panel]:
    """(latent, next latent or None, factor): the best two of each factor, the best held first.

    Latents that hardly move in these frames are none of them.
    """
    assert shown.gaps is not None
    spread = shown.codes.std(axis=0)
    moving = shown.active & (spread > STILL * spread.max())
    shares = np.where(moving[:, None] | ~moving.any(), shown.gaps.shares, -np.inf)
    found: list[Panel] = []
    for k in np.argsort(-shares.max(axis=0), kind="stable")[:MOST_PAIRS]:
        order = np.argsort(-shares[:, k], kind="stable")
        second = int(order[1]) if np.isfinite(shares[order, k]).sum() > 1 else None
        found.append((int(order[0]), second, int(k)))
    return found
