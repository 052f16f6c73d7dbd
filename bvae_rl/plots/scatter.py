"""Pairs of latents, each frame a point in the colour of a factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.style import INK, MUTED, SMALL, TEXT, TITLE, axes_of, new_figure, polish
from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panel = tuple[int, int | None, int]  # latent across, latent upwards (None: the factor), factor
PANEL = 3.1  # inches
MOST_POINTS = 3000  # drawn of each panel


def latent_scatter(
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike | None,
    *,
    xlabel: str = "",
    ylabel: str = "",
    value_label: str = "",
    period: float | None = None,
    title: str = "",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Two latents (N,) against each other, in the colour of a factor ``values`` (N,), or of none.

    Of more than 3,000 points evenly spaced ones are drawn. A cyclic factor has a ``period`` and,
    where it goes round, a colour scale that closes; one of up to ten whole values gets a colour
    each. ``width`` is that of the figure in inches; without effect on a given ``ax``. ValueError if
    sizes do not agree.
    """
    points = [np.asarray(a, float) for a in (x, y)]
    colours = None if values is None else np.asarray(values, float)
    if (
        points[0].ndim != 1
        or {a.shape for a in points} != {points[0].shape}
        or (colours is not None and colours.shape != points[0].shape)
    ):
        raise ValueError(
            f"x is {points[0].shape}, y {points[1].shape} and values "
            f"{None if colours is None else colours.shape}; pass (N,) each"
        )
    wide = width or PANEL + 0.6
    figure, ax = axes_of(ax, wide, 0.85 * wide)
    count = len(points[0])
    shown = np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(int)
    marks: dict[str, Any] = {"s": 7, "linewidths": 0, "alpha": 0.75, "rasterized": True}
    if colours is None:
        ax.scatter(points[0][shown], points[1][shown], color=MUTED, **marks)
    else:
        marks |= _colouring(colours, period)
        drawn = ax.scatter(points[0][shown], points[1][shown], c=colours[shown], **marks)
        drawn.set_alpha(0.75)
        bar = figure.colorbar(drawn, ax=ax, fraction=0.05, pad=0.02, aspect=28)
        bar.set_label(value_label, fontsize=SMALL, color=INK)
        bar.ax.tick_params(labelsize=SMALL, length=2, color=MUTED)
        bar.outline.set_visible(False)
        if bar.solids is not None:
            bar.solids.set_alpha(1.0)
        if len(levels := np.unique(colours)) <= 10 and (levels == levels.round()).all():
            bar.set_ticks(levels.tolist(), labels=[f"{level:g}" for level in levels])
    polish(ax)
    ax.set_title(title, fontsize=TEXT, color=INK, loc="left", pad=5)
    ax.set_xlabel(xlabel, fontsize=TEXT)
    ax.set_ylabel(ylabel, fontsize=TEXT)
    return figure


def latent_pairs(
    codes: ArrayLike,
    factors: ArrayLike,
    latent_names: Sequence[str],
    factor_names: Sequence[str],
    panels: Sequence[Panel],
    *,
    periods: Sequence[float | None] = (),
    title: str = "",
    width: float | None = None,
    figure: Figure | None = None,
) -> Figure:
    """A ``latent_scatter`` for each (latent across, latent upwards, factor that colours).

    ``codes`` (N, D), ``factors`` (N, K); without a latent upwards the factor itself stands there,
    which shows how a latent follows it. ``periods`` (K) of cyclic factors, None for others.
    ``width`` is that of the figure in inches; ``figure`` is drawn on instead of a new one.
    ValueError if sizes do not agree or there is no panel.
    """
    z, truth = np.asarray(codes, float), np.asarray(factors, float)
    if z.shape != (len(z), len(latent_names)) or truth.shape != (len(z), len(factor_names)):
        raise ValueError(
            f"codes are {z.shape} with {len(latent_names)} names and factors {truth.shape} with "
            f"{len(factor_names)} names; pass (N, D) and (N, K) of the same frames"
        )
    if not panels:
        raise ValueError("there is no pair to show; pass (latent, latent or None, factor)")
    if figure is not None:
        width = figure.bbox.width / figure.dpi
    columns = max(1, int((width or 4 * PANEL) / (0.9 * PANEL)))
    columns = min(columns, len(panels) if len(panels) < 4 else round(len(panels) ** 0.5), 4)
    rows = -(-len(panels) // columns)
    if figure is None:
        wide = width or (PANEL + 0.3) * columns
        figure = new_figure(wide, 0.35 + 0.82 * wide / columns * rows)
        figure.set_layout_engine("constrained", wspace=0.06, hspace=0.05)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(panels) :]:
        ax.remove()
    for ax, (across, upwards, k) in zip(axes, panels, strict=False):
        name = factor_names[k].replace("_", " ")
        latent_scatter(
            z[:, across], truth[:, k] if upwards is None else z[:, upwards], truth[:, k],
            xlabel=latent_names[across], ylabel=name if upwards is None else latent_names[upwards],
            value_label=name, period=periods[k] if periods else None, title="", ax=ax,
        )  # fmt: skip
    figure.suptitle(title, fontsize=TITLE, color=INK, x=0.01, ha="left")
    return figure


def _colouring(values: NDArray[np.float64], period: float | None) -> dict[str, Any]:
    maps = require("matplotlib", extra="plots").colormaps
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if period is not None and high - low > 0.7 * period:  # else it goes no way round
        return {"cmap": maps["twilight"], "vmin": low, "vmax": low + period}
    levels = np.unique(values)
    if 1 < len(levels) <= 10 and (levels == levels.round()).all():
        steps = int(high - low) + 1
        if steps <= 10:
            return {"cmap": maps["viridis"].resampled(steps), "vmin": low - 0.5, "vmax": high + 0.5}
    return {"cmap": maps["viridis"], "vmin": low, "vmax": high if high > low else low + 1.0}
