"""Several metrics of the same methods side by side: a panel a metric, a line a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from bvae_rl.plots.style import INK, MUTED, SMALL, TEXT, new_figure, polish, seeds_note
from bvae_rl.runtime.spread import interval, iqm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOUR = "#0072B2"


def metric_panels(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """``values``: metric -> method -> value of each seed; ``labels`` name the methods in words.

    Every seed is a dot, the bar across them their interquartile mean; from five seeds on a line is
    its 95% bootstrap interval. A metric without values is left out; ValueError if all are.
    """
    methods = list(dict.fromkeys(method for found in values.values() for method in found))
    values = {metric: found for metric, found in values.items() if any(map(len, found.values()))}
    if not values:
        raise ValueError("there is nothing to show; pass metric -> method -> values of the seeds")
    columns = min(5, len(values))
    rows = -(-len(values) // columns)
    figure = new_figure(2.6 + 2.0 * columns, rows * (1.1 + 0.42 * len(methods)))
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for ax, (metric, by_method) in zip(axes.flat, values.items(), strict=False):
        for line, method in enumerate(methods):
            found = np.asarray(by_method.get(method, ()), float)
            if not len(found):
                continue
            band = interval(found)
            if band is not None:
                ax.plot(list(band), [line, line], color=COLOUR, linewidth=4, alpha=0.35)
            middle = float(iqm(found))
            ax.plot([middle, middle], [line - 0.24, line + 0.24], color=INK, linewidth=2)
            height = np.full(len(found), line)
            ax.scatter(found, height, s=16, color=COLOUR, zorder=3, alpha=0.8, clip_on=False)
        polish(ax, grid="x")
        ax.set_title(metric, fontsize=TEXT, color=INK, loc="left")
        names = [fill((labels or {}).get(method, method), 30) for method in methods]
        ax.set_yticks(range(len(methods)), names, fontsize=SMALL)
        ax.set_ylim(len(methods) - 0.5, -0.5)
        low, high = ax.get_xlim()
        ax.set_xlim(min(low, 0.0), max(high, 1.0))
    for ax in axes.flat[len(values) :]:
        ax.set_visible(False)
    most = max(len(found) for by_method in values.values() for found in by_method.values())
    figure.supxlabel(seeds_note("dots", "bar", "line", most), fontsize=SMALL, color=MUTED)
    return figure
