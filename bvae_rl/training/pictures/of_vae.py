"""Pictures of a trained VAE: what it keeps of a frame, what each latent does and what it holds.

What is encoded and decoded for them stands in ``figures`` and ``decoded``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bvae_rl.metrics import MIG, Scores
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import factor_heatmap, png
from bvae_rl.plots.factors import heatmap_size
from bvae_rl.plots.folding import folded
from bvae_rl.plots.style import new_figure
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import Run
from bvae_rl.training.pictures.decoded import latent_names
from bvae_rl.training.pictures.figures import vae_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECONSTRUCTIONS = "reconstructions.png"
SHARE = "share of the factor's information, adjusted for chance"
WIDEST = 15.0  # inches of heatmaps side by side, before the next stands below

logger = logging.getLogger(__name__)


def can_draw() -> bool:
    """Whether matplotlib is there; says what to install where it is not."""
    try:
        require("matplotlib", extra="plots")
    except ImportError as error:
        logger.info("no pictures are drawn: %s", error)
        return False
    return True


def write_vae_pictures(
    vae: BetaVAE, frames: np.ndarray, out: str | Path, *, seed: int = 0, elsewhere: bool = True
) -> list[Path]:
    """Reconstructions, traversals and KL as PNG in ``out``, from uint8 frames (N, H, W, C).

    The figures of ``vae_figures``, by their names.
    """
    run, figures = Run(out), vae_figures(vae, frames, seed=seed, elsewhere=elsewhere)
    return [run.write_file(f"{name}.png", png(figure)) for name, figure in figures.items()]


def information_heatmap(
    vae: BetaVAE,
    gaps: MIG,
    factors: Sequence[str],
    *,
    active: np.ndarray | None = None,
    title: str = "Which latent tracks which factor",
    **options: Any,
) -> Figure:
    """Share of each factor's information that each latent holds, adjusted for chance.

    ``options`` are those of ``factor_heatmap``.
    """
    return factor_heatmap(
        gaps.shares.clip(0.0), latent_names(vae), factors, value_label=SHARE, title=title,
        groups=vae.config.groups or None, active=active, **options,
    )  # fmt: skip


def scores_heatmap(
    vaes: Mapping[str, BetaVAE], scores: Mapping[str, Scores], *, note: str = ""
) -> Figure:
    """``information_heatmap`` of each VAE that was scored under its name.

    As many side by side as can be read, the others below. ``note`` stands below them all, up to
    its first semicolon.
    """
    sizes = []
    for name, vae in vaes.items():
        gaps, names = scores[name].all.mig, latent_names(vae)
        rows = folded(gaps.shares, names, _active(scores[name]), vae.config.groups)
        sizes.append(heatmap_size(rows.values.shape, rows.names, scores[name].all.factors))
    widest = max(width for width, _ in sizes)
    columns = min(len(vaes), max(1, int(WIDEST / widest)))
    heights = [
        max(height for _, height in sizes[n : n + columns]) for n in range(0, len(vaes), columns)
    ]
    figure = new_figure(widest * columns, sum(heights))
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for n, (name, vae) in enumerate(vaes.items()):
        found = scores[name]
        options = {} if len(vaes) == 1 else {"title": name}
        information_heatmap(
            vae, found.all.mig, found.all.factors, active=_active(found), vmax=1.0,
            ax=figure.add_subplot(grid[n // columns, n % columns]), **options,
        )  # fmt: skip
    return noted(figure, note)


def noted(figure: Figure, note: str) -> Figure:
    """``figure`` with a line below it: the ``note`` up to its first semicolon."""
    if note:
        figure.supxlabel(note.partition(";")[0], fontsize="small", x=0.02, ha="left")
    return figure


def _active(found: Scores) -> np.ndarray:
    """(D,) bool."""
    return np.isin(range(found.latents), found.active)
