"""How agents and their encoders fare after a move to a new visual domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from bvae_rl.plots.scores import learning_curves
from bvae_rl.plots.style import legend, new_figure
from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curves = Mapping[str, tuple[ArrayLike, ArrayLike]]  # treatment -> (steps (T,), values (S, T))


def adaptation(panels: Mapping[str, Mapping[str, Curves]]) -> Figure:
    """A row of panels a measure, a column a visual domain: measure -> visual domain -> curves.

    Curves are as in ``learning_curves`` and share one legend; errors stand on a log scale. A
    measure without curves is left out; ValueError if all are.
    """
    panels = {measure: columns for measure, columns in panels.items() if any(columns.values())}
    domains = list(dict.fromkeys(name for columns in panels.values() for name in columns))
    if not domains:
        raise ValueError(
            "there is no curve to show; pass measure -> visual domain -> treatment -> curve"
        )
    figure = new_figure(4.9 * len(domains), 3.6 * len(panels))
    axes = figure.subplots(len(panels), len(domains), squeeze=False, sharex=True)
    for place, (measure, columns) in enumerate(panels.items()):
        for ax, name in zip(axes[place], domains, strict=True):
            if not columns.get(name):
                ax.set_visible(False)
                continue
            title = "" if place else f"moved to {name}"
            learning_curves(columns[name], ylabel=measure, title=title, ax=ax)
            handles, labels = ax.get_legend_handles_labels()
            note = ax.get_legend().get_title().get_text()
            ax.get_legend().remove()
            if place < len(panels) - 1:
                ax.set_xlabel("")
            if "error" in measure:
                ax.set_yscale("log")
                plain = require("matplotlib.ticker", extra="plots").LogFormatter
                ax.yaxis.set_major_formatter(plain())
                ax.yaxis.set_minor_formatter(plain(minor_thresholds=(2, 0.5)))
    figure.align_ylabels()
    legend(
        figure, handles=handles, labels=labels, loc="outside upper center",
        ncols=min(4, len(labels)), title=note,
    )  # fmt: skip
    return figure
