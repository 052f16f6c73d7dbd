"""Returns against steps, and scores at home and abroad, for every method and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.metrics.spread import ENOUGH, interval, iqm
from bvae_rl.plots.style import (
    INK,
    MUTED,
    SMALL,
    TEXT,
    axes_of,
    legend,
    method_colour,
    method_label,
    method_marker,
    polish,
)
from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = (
    (1.0, ""),
    (0.55, ""),
    (0.28, "///"),
    (0.15, "..."),
)  # (opacity, hatch) of a visual domain


def learning_curves(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    ylabel: str = "return",
    references: Mapping[str, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Each method's evaluations over environment steps.

    ``curves``: method -> (steps (T,), values (S, T), NaN where a seed has none). Every seed is a thin
    line with a point at each evaluation; from five seeds on their interquartile mean is a thick
    line with a shaded 95% bootstrap interval. ``references`` are named horizontal lines.
    """
    if not curves:
        raise ValueError("there is no curve to show; pass method -> (steps, values)")
    alone = ax is None
    figure, ax = axes_of(ax, 9.0, 5.2)
    seeds = sorted({len(np.atleast_2d(np.asarray(values))) for _, values in curves.values()})
    note = f"thin lines: one per seed ({'-'.join(map(str, seeds[:1] + seeds[1:][-1:]))} per method)"
    if seeds[-1] >= ENOUGH:
        note += "; thick: their interquartile mean; band: its 95% bootstrap interval"
    for method, (steps, values) in curves.items():
        x, y = np.asarray(steps, float), np.atleast_2d(np.asarray(values, float))
        if y.shape[1:] != x.shape:
            raise ValueError(
                f"method {method!r}: values are {y.shape}, steps {x.shape}; pass (S, T), (T,)"
            )
        colour, band = method_colour(method), interval(y)
        several = band is not None
        for seed in y:
            ax.plot(
                x,
                seed,
                color=colour,
                linewidth=0.8 if several else 1.3,
                alpha=0.3 if several else 0.85,
                marker=None if several else method_marker(method),
                markersize=3.2,
            )
        if band is not None:
            ax.fill_between(x, *band, color=colour, alpha=0.18, linewidth=0)
            ax.plot(
                x, iqm(y), color=colour, linewidth=2.2, marker=method_marker(method), markersize=4.5
            )
        ax.plot(
            [],
            [],
            color=colour,
            linewidth=2,
            marker=method_marker(method),
            markersize=5,
            label=method_label(method),
        )
    for name, level in (references or {}).items():
        ax.axhline(level, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        ax.annotate(
            fill(name, 21),
            (1, level),
            xycoords=ax.get_yaxis_transform(),
            xytext=(5, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=SMALL,
            color=MUTED,
            annotation_clip=False,
        )
    polish(ax, title=title, grid="y")
    ax.set_xlabel("environment steps", fontsize=TEXT)
    ax.set_ylabel(ylabel, fontsize=TEXT)
    ax.xaxis.set_major_formatter(require("matplotlib.ticker", extra="plots").EngFormatter(sep=""))
    ax.margins(x=0.02)
    legend(
        figure if alone else ax,
        loc="outside upper center" if alone else "best",
        ncols=min(4, len(curves)),
        title=note,
    )
    return figure


def transfer_bars(
    scores: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    ylabel: str = "normalised score",
    title: str = "",
    references: Sequence[float] = (0.0, 1.0),
    ax: Axes | None = None,
) -> Figure:
    """One group of bars a method, one bar a visual domain (method -> visual domain -> value of each seed).

    A bar is the interquartile mean (of up to three seeds: the mean), each seed a dot; from five
    seeds on a 95% bootstrap interval. ``references`` are horizontal lines.
    """
    domains = list(dict.fromkeys(domain for sets in scores.values() for domain in sets))
    if not domains:
        raise ValueError(
            "there is no score to show; pass method -> visual domain -> values of the seeds"
        )
    figure, ax = axes_of(ax, max(6.5, 1.6 + 1.15 * len(scores)), 4.4)
    width = 0.8 / len(domains)
    for position, (method, sets) in enumerate(scores.items()):
        for index, domain in enumerate(domains):
            values = np.asarray(sets.get(domain, ()), float)
            if not len(values):
                continue
            centre = position + (index - (len(domains) - 1) / 2) * width
            _bar(ax, centre, values, width=0.92 * width, colour=method_colour(method), index=index)
    for level in references:
        ax.axhline(level, color=MUTED, linewidth=1, linestyle=(0, (4, 3)) if level else "-")
    polish(ax, title=title, grid="y")
    ax.set_xticks(range(len(scores)), [_wrap(method_label(method)) for method in scores])
    ax.set_ylabel(ylabel, fontsize=TEXT)
    patch = require("matplotlib.patches", extra="plots").Patch
    keys = [
        patch(label=domain, linewidth=0.8, **_paint(MUTED, index))
        for index, domain in enumerate(domains)
    ]
    legend(
        ax, handles=keys, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, ncols=len(domains)
    )
    note = "bar: interquartile mean of the seeds (dots)"
    if any(len(values) >= ENOUGH for sets in scores.values() for values in sets.values()):
        note += "; line: its 95% bootstrap interval"
    ax.set_xlabel(note, fontsize=SMALL, color=MUTED)
    ax.set_xlim(-0.55, len(scores) - 0.45)
    return figure


def _bar(
    ax: Axes, centre: float, values: NDArray[np.float64], *, width: float, colour: str, index: int
) -> None:
    ax.bar(centre, float(iqm(values)), width, linewidth=0.8, **_paint(colour, index))
    offsets = np.linspace(-0.25, 0.25, len(values)) * width if len(values) > 1 else np.zeros(1)
    ax.scatter(
        centre + offsets, values, s=13, facecolor="white", edgecolor=INK, linewidth=0.8, zorder=3
    )
    band = interval(values)
    if band is not None:
        halo = require("matplotlib.patheffects", extra="plots").withStroke
        ax.vlines(
            centre,
            *band,
            color=INK,
            linewidth=1.6,
            zorder=2.5,
            path_effects=[halo(linewidth=3.4, foreground="white")],
        )


def _paint(colour: str, index: int) -> dict[str, Any]:
    opacity, hatch = SHADES[index % len(SHADES)]
    rgb = np.asarray(require("matplotlib.colors", extra="plots").to_rgb(colour))
    return {"facecolor": tuple(1 - opacity * (1 - rgb)), "edgecolor": colour, "hatch": hatch}


def _wrap(label: str) -> str:
    return fill(label, 16, break_on_hyphens=False)
