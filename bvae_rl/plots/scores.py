"""Returns against steps, and scores in the source and the target domains, by method and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.style import (
    INK,
    MUTED,
    SMALL,
    TEXT,
    axes_of,
    legend,
    method_colour,
    method_label,
    method_styles,
    polish,
    seeds_note,
)
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.spread import ENOUGH, interval, iqm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = (0, (4, 3))
REFERENCE: dict[str, Any] = {"color": MUTED, "linewidth": 1, "zorder": 1}
SHADES = (  # opacity, hatch of a domain
    (1.0, ""), (0.55, ""), (0.28, "///"), (0.15, "..."),
    (0.55, "xxx"), (0.28, "|||"), (0.15, "---"), (0.28, "ooo"),
)  # fmt: skip


def learning_curves(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    ylabel: str = "return",
    references: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Each method's evaluations over environment steps.

    ``curves``: method -> (steps (T,), values (S, T), NaN where a seed has none). Every seed is a
    thin line with a point at each evaluation; from five seeds on their interquartile mean is a
    thick line with a shaded 95% bootstrap interval. ``references`` are named horizontal lines.
    ``labels`` replace the names of methods.
    """
    if not curves:
        raise ValueError("there is no curve to show; pass method -> (steps, values)")
    alone = ax is None
    figure, ax = axes_of(ax, 9.0, 5.2)
    seeds = {len(np.atleast_2d(np.asarray(values))) for _, values in curves.values()}
    styles = method_styles(curves)
    for method, (steps, values) in curves.items():
        x, y = np.asarray(steps, float), np.atleast_2d(np.asarray(values, float))
        if y.shape[1:] != x.shape:
            raise ValueError(
                f"method {method!r}: values are {y.shape}, steps {x.shape}; pass (S, T), (T,)"
            )
        _, colour, marker = styles[method]
        band = interval(y)
        each: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.3}
        if band is None:
            each = {"linewidth": 1.3, "alpha": 0.85, "marker": marker, "markersize": 3.2}
        ax.plot(x, y.T, color=colour, **each)
        if band is not None:
            ax.fill_between(x, *band, color=colour, alpha=0.18, linewidth=0)
            ax.plot(x, iqm(y), color=colour, linewidth=2.2, marker=marker, markersize=4.5)
        label = (labels or {}).get(method, method_label(method))
        ax.plot(
            [], [], color=colour, linewidth=2, marker=marker, markersize=5, label=fill(label, 44)
        )  # fmt: skip
    for name, level in (references or {}).items():
        ax.axhline(level, linestyle=DASHES, **REFERENCE)
        ax.annotate(
            fill(name, 21), (1, level), xycoords=ax.get_yaxis_transform(), xytext=(5, 0),
            textcoords="offset points", ha="left", va="center", fontsize=SMALL, color=MUTED,
            annotation_clip=False,
        )  # fmt: skip
    polish(ax, title=title, grid="y")
    ax.set_xlabel("environment steps", fontsize=TEXT)
    ax.set_ylabel(ylabel, fontsize=TEXT)
    ax.xaxis.set_major_formatter(require("matplotlib.ticker", extra="plots").EngFormatter(sep=""))
    ax.margins(x=0.02)
    counts = "-".join(map(str, sorted({min(seeds), max(seeds)})))
    note = f"thin lines: one per seed ({counts} per method)"
    if max(seeds) >= ENOUGH:
        note += "; thick: their interquartile mean; band: its 95% bootstrap interval"
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
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """One group of bars a method, one bar a visual domain: normalised scores.

    ``scores``: method -> visual domain -> value of each seed. A bar is the interquartile mean (of
    up to three seeds: the mean), each seed a dot; from five seeds on a 95% bootstrap interval.
    Lines at 0 and 1 are the references that the scores are normalised by. ``labels`` replace the
    names of methods.
    """
    domains = list(dict.fromkeys(domain for sets in scores.values() for domain in sets))
    if not domains:
        raise ValueError(
            "there is no score to show; pass method -> visual domain -> values of the seeds"
        )
    figure, ax = axes_of(None, max(6.5, 1.6 + 1.15 * len(scores)), 4.4)
    width = 0.8 / len(domains)
    for position, (method, sets) in enumerate(scores.items()):
        for index, domain in enumerate(domains):
            values = np.asarray(sets.get(domain, ()), float)
            if len(values):
                centre = position + (index - (len(domains) - 1) / 2) * width
                paint = _paint(method_colour(method), index)
                _bar(ax, centre, values, width=0.92 * width, paint=paint)
    for level, style in ((0.0, "-"), (1.0, DASHES)):
        ax.axhline(level, linestyle=style, **REFERENCE)
    polish(ax, grid="y")
    named = [(labels or {}).get(method, method_label(method)) for method in scores]
    ax.set_xticks(range(len(scores)), [fill(n, 16, break_on_hyphens=False) for n in named])
    ax.set_ylabel("normalised score", fontsize=TEXT)
    patch = require("matplotlib.patches", extra="plots").Patch
    keys = [patch(label=name, **_paint(MUTED, index)) for index, name in enumerate(domains)]
    legend(
        ax, handles=keys, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0, ncols=len(domains)
    )
    most = max(len(values) for sets in scores.values() for values in sets.values())
    ax.set_xlabel(seeds_note("dots", "bar", "line", most), fontsize=SMALL, color=MUTED)
    ax.set_xlim(-0.55, len(scores) - 0.45)
    return figure


def _bar(
    ax: Axes, centre: float, values: NDArray[np.float64], *, width: float, paint: dict[str, Any]
) -> None:
    ax.bar(centre, float(iqm(values)), width, **paint)
    offsets = np.linspace(-0.25, 0.25, len(values)) * width if len(values) > 1 else np.zeros(1)
    ax.scatter(
        centre + offsets, values, s=13, facecolor="white", edgecolor=INK, linewidth=0.8, zorder=3
    )
    band = interval(values)
    if band is not None:
        halo = require("matplotlib.patheffects", extra="plots").withStroke
        effects = [halo(linewidth=3.4, foreground="white")]
        ax.vlines(centre, *band, color=INK, linewidth=1.6, zorder=2.5, path_effects=effects)


def _paint(colour: str, index: int) -> dict[str, Any]:
    opacity, hatch = SHADES[index % len(SHADES)]
    rgb = np.asarray(require("matplotlib.colors", extra="plots").to_rgb(colour))
    face = tuple(1 - opacity * (1 - rgb))
    return {"facecolor": face, "edgecolor": colour, "hatch": hatch, "linewidth": 0.8}
