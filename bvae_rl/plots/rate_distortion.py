"""Rate against distortion (Alemi et al. 2018, 1711.00464): of a sweep, or of several VAEs.

A VAE is a point: how many nats its latents carry of an image, and how much its reconstruction
lacks. Lower left is better; beta chooses the place on the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.labels import label_points
from bvae_rl.plots.style import INK, TEXT, axes_of, polish
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.spread import iqm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE, CHOSEN = "#0072B2", "#D55E00"
HEADROOM = 0.18  # of the axes, for the labels of points
RATE = "rate: KL of the latents (nats an image)"
DISTORTION = "distortion: reconstruction loss (nats an image)"


def rate_distortion(
    rate: ArrayLike,
    distortion: ArrayLike,
    names: Sequence[str],
    *,
    active: ArrayLike | None = None,
    joined: bool = True,
    chosen: int | None = None,
    distortion_label: str = DISTORTION,
    title: str = "Rate and distortion",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """P points with names; ``rate`` in nats and ``distortion`` are (P,), or (P, S) of S seeds.

    Seeds are dots around the point of their interquartile mean, NaN where one is missing.
    ``active`` (P,) latents stand below the names. ``joined`` draws the line through the points in
    this order: for a sweep, not for VAEs that nothing orders. ``chosen`` is the index of a point
    to stress. ``width`` is that of the figure in inches; without effect on a given ``ax``, whose
    place in its figure must not move afterwards. ValueError if sizes do not agree.
    """
    x, y = np.asarray(rate, float), np.asarray(distortion, float)
    if x.ndim not in (1, 2) or x.shape != y.shape or len(x) != len(names):
        raise ValueError(
            f"rate is {x.shape} and distortion {y.shape} for {len(names)} names; pass (P,) or "
            "(P, S) and P names"
        )
    counts = [""] * len(x) if active is None else [f"\n{int(n)} active" for n in np.asarray(active)]
    if len(counts) != len(x):
        raise ValueError(f"active has {len(counts)} entries for {len(x)} points; pass (P,)")
    wide = width or 5.6
    figure, ax = axes_of(ax, wide, max(0.8 * wide, 2.8))
    points = draw_curve(
        ax, x.reshape(len(x), -1), y.reshape(len(x), -1), chosen, joined=joined,
        distortion_label=distortion_label, title=title,
    )  # fmt: skip
    figure.draw_without_rendering()  # places are known only now
    words = [f"{name}{count}" for name, count in zip(names, counts, strict=True)]
    label_curve(ax, points, words, chosen)
    return figure


def draw_curve(
    ax: Axes,
    rate: NDArray[np.float64],
    distortion: NDArray[np.float64],
    chosen: int | None,
    *,
    joined: bool = True,
    distortion_label: str = DISTORTION,
    title: str = "Rate and distortion",
) -> NDArray[np.float64]:
    """Draw (P, S) without words; returns the points (P, 2), NaN for one without a seed."""
    x, y = middles(rate), middles(distortion)
    order = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if joined:
        ax.plot(x[order], y[order], color=CURVE, linewidth=1.4, alpha=0.55, zorder=2)
    if rate.shape[1] > 1:
        ax.scatter(rate, distortion, s=11, color=CURVE, alpha=0.45, linewidths=0, zorder=2.5)
    for p in order:
        colour = CHOSEN if p == chosen else CURVE
        ax.scatter(x[p], y[p], s=70, color=colour, edgecolor="white", linewidth=1.2, zorder=3)
    ax.margins(HEADROOM)
    polish(ax, title=title, grid="both")
    ax.set_xlabel(RATE, fontsize=TEXT)
    ax.set_ylabel(distortion_label, fontsize=TEXT)
    ticker = require("matplotlib.ticker", extra="plots")
    if len(order) and np.nanmax(abs(y)) >= 100:
        ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    return np.stack([x, y], axis=1)


def label_curve(
    ax: Axes, points: NDArray[np.float64], words: Sequence[str], chosen: int | None
) -> None:
    """Words beside each of the points (P, 2) that are there; the axes have got their place."""
    there = [p for p in range(len(words)) if np.isfinite(points[p]).all()]
    label_points(
        ax, points[there], [words[p] for p in there], bold=[p == chosen for p in there],
        colours=[CHOSEN if p == chosen else INK for p in there],
    )  # fmt: skip


def middles(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interquartile mean of each row (P, S) over the seeds that are there, NaN if none is."""
    rows = [row[np.isfinite(row)] for row in found]
    return np.array([float(iqm(row)) if len(row) else np.nan for row in rows])
