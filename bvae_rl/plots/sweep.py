"""A sweep at a glance: rate against distortion (Alemi et al. 2018, 1711.00464), scores beside it.

On the left each value swept is a point: how many nats the latents carry of an image, and how many
nats its reconstruction lacks. On the right are the scores of the representation at each value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.rate_distortion import CHOSEN, draw_curve, label_curve, middles
from bvae_rl.plots.style import (
    INK,
    MUTED,
    SMALL,
    TEXT,
    TITLE,
    legend,
    new_figure,
    polish,
    seeds_note,
)
from bvae_rl.runtime.spread import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = (  # of the scores, in the order in which they are given
    ("#009E73", "o"), ("#0072B2", "s"), ("#E69F00", "D"), ("#CC79A7", "^"), ("#7A5C00", "v"),
    ("#56B4E9", "P"), ("#8B1E3F", "X"),
)  # fmt: skip


def sweep(
    values: Sequence[float],
    rate: ArrayLike,
    distortion: ArrayLike,
    active: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    label: str = "beta",
    chosen: int | None = None,
    title: str = "",
    note: str = "",
) -> Figure:
    """P values swept, S seeds each: ``rate``, ``distortion``, ``active`` latents, ``scores``.

    All (P, S), NaN where a seed has none: rate and distortion in nats, the scores, by name, at most
    1. ``label`` names what was swept; ``chosen`` is the index of the recommended value. ValueError
    if sizes do not agree.
    """
    points = len(values)
    arrays = {"rate": rate, "distortion": distortion, "active": active, **scores}
    found = {name: np.asarray(array, float) for name, array in arrays.items()}
    for name, array in found.items():
        if array.ndim != 2 or len(array) != points or array.shape != found["rate"].shape:
            raise ValueError(f"{name} is {array.shape} for {points} values; pass (P, S) throughout")
    figure = new_figure(11.5, 5.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.12))
    names = [f"{value:g}" for value in values]
    counts = [_count(row) for row in found["active"]]
    curve = draw_curve(left, found["rate"], found["distortion"], chosen)
    _along(right, {name: found[name] for name in scores}, names, counts, chosen, label)
    figure.suptitle(title, fontsize=TITLE + 1, color=INK, x=0.01, ha="left")
    seeds = found["rate"].shape[1]
    notes = [note, seeds_note("dots", "lines", "bands", seeds) if seeds > 1 else ""]
    figure.supxlabel("; ".join(filter(None, notes)), fontsize=SMALL, color=MUTED, x=0.01, ha="left")
    figure.draw_without_rendering()  # places are known only now
    words = [f"{name}\n{count} active" for name, count in zip(names, counts, strict=True)]
    if chosen is not None:
        words[chosen] = f"{label} = {words[chosen]}"
    label_curve(left, curve, words, chosen)
    return figure


def _along(
    ax: Axes,
    scores: Mapping[str, NDArray[np.float64]],
    names: list[str],
    counts: list[str],
    chosen: int | None,
    label: str,
) -> None:
    places = np.arange(len(names), dtype=float)
    if chosen is not None:
        ax.axvspan(chosen - 0.3, chosen + 0.3, color=CHOSEN, alpha=0.12, linewidth=0)
    for (name, found), (colour, marker) in zip(scores.items(), cycle(LINES), strict=False):
        middle = middles(found)
        band = _bands(found)
        if band is not None:
            ax.fill_between(places, *band, color=colour, alpha=0.15, linewidth=0)
        there = np.isfinite(middle)
        ax.plot(
            places[there], middle[there], color=colour, marker=marker, markersize=6,
            markeredgecolor="white", linewidth=2, label=name, zorder=3,
        )  # fmt: skip
        if found.shape[1] > 1:
            spread = np.broadcast_to(places[:, None], found.shape)
            ax.scatter(spread, found, s=9, color=colour, alpha=0.45, linewidths=0, zorder=2.5)
    lowest = min((float(np.nanmin(a)) for a in scores.values() if np.isfinite(a).any()), default=0)
    ax.set_ylim(min(0.0, max(lowest, -0.5)) - 0.02, 1.02)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ticks = [f"{name}\n{count or '-'}" for name, count in zip(names, counts, strict=True)]
    ax.set_xticks(places, ticks)
    polish(ax, grid="y")
    if chosen is not None:
        tick = ax.get_xticklabels()[chosen]
        tick.set_color(CHOSEN)
        tick.set_fontweight("bold")
    ax.set_xlabel(f"{label} (second line: active latents)", fontsize=TEXT)
    ax.set_ylabel("score (higher is better)", fontsize=TEXT)
    if scores:
        legend(
            ax, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(scores), borderpad=0.1,
            handlelength=1.6, columnspacing=1.3, fontsize=TEXT,
        )  # fmt: skip


def _bands(found: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """95% interval of each middle, (P,) twice; None with fewer than five seeds."""
    rows = [interval(row[np.isfinite(row)]) for row in found]
    if all(row is None for row in rows):
        return None
    both = [(np.nan, np.nan) if row is None else (float(row[0]), float(row[1])) for row in rows]
    return np.array([low for low, _ in both]), np.array([high for _, high in both])


def _count(row: NDArray[np.float64]) -> str:
    """Active latents of the seeds of one value: "12", "11-13", "" if there is none."""
    there = row[np.isfinite(row)]
    if not len(there):
        return ""
    low, high = int(there.min()), int(there.max())
    return f"{low}" if low == high else f"{low}-{high}"
