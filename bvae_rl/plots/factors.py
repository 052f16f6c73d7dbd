"""Latents against factors, and how much each latent says: heatmap and KL bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bvae_rl.plots.style import (
    GROUP_COLOURS,
    INK,
    MUTED,
    SMALL,
    TEXT,
    TITLE,
    axes_of,
    legend,
    minus,
    polish,
)
from bvae_rl.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARK = 0.55  # cells above this part of the scale carry white figures
IDLE = "#8f8f8f"


def factor_heatmap(
    matrix: ArrayLike,
    latent_names: Sequence[str],
    factor_names: Sequence[str],
    *,
    title: str = "",
    value_label: str = "",
    groups: Mapping[str, tuple[int, int]] | None = None,
    active: ArrayLike | None = None,
    vmax: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Latents (rows, in the order given) against factors, every value printed.

    ``matrix`` (D, K) holds what ``value_label`` names, coloured from 0 to ``vmax`` (default: the
    largest value). ``groups`` maps a name to its rows [first, last); ``active`` (D,) bool greys the
    latents that carry nothing. Raises ValueError if sizes do not agree.
    """
    values = np.asarray(matrix, float)
    if values.shape != (len(latent_names), len(factor_names)):
        raise ValueError(
            f"the matrix is {values.shape}, but there are {len(latent_names)} latent names and "
            f"{len(factor_names)} factor names; pass (D, K)"
        )
    latents, factors = values.shape
    alive = np.ones(latents, bool) if active is None else np.asarray(active, bool)
    if alive.shape != (latents,):
        raise ValueError(f"active is {alive.shape}, but there are {latents} latents; pass (D,)")
    top = vmax if vmax is not None else max(float(np.nanmax(values, initial=0.0)), 1e-9)

    figure, ax = axes_of(ax, 2.6 + 0.72 * factors, 1.5 + 0.235 * latents)
    colormaps = require("matplotlib", extra="plots").colormaps
    mesh = ax.imshow(values, cmap=colormaps["Blues"], vmin=0, vmax=top, aspect="auto")
    polish(ax, title=title)
    for row, column in np.ndindex(latents, factors):
        value = float(values[row, column])
        ink = "white" if value > DARK * top else INK
        colour = ink if alive[row] else IDLE
        ax.text(column, row, _short(value), color=colour, fontsize=SMALL, ha="center", va="center")
    for row in np.flatnonzero(~alive):
        ax.axhspan(row - 0.5, row + 0.5, color="#efefef", zorder=1.5)
    ax.set_xticks(range(factors), [name.replace("_", "\n") for name in factor_names])
    ax.set_yticks(range(latents), list(latent_names))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for label, on in zip(ax.get_yticklabels(), alive, strict=True):
        label.set_color(INK if on else IDLE)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xticks(np.arange(-0.5, factors), minor=True)
    ax.set_yticks(np.arange(-0.5, latents), minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="minor", length=0)
    ax.tick_params(axis="y", pad=9 if groups else 3)
    _mark_groups(ax, groups or {}, gutter=16 + 0.62 * SMALL * max(map(len, latent_names)))
    bar = figure.colorbar(mesh, ax=ax, fraction=0.04, pad=0.02, aspect=40)
    bar.set_label(value_label, fontsize=TEXT, color=INK)
    bar.ax.tick_params(labelsize=SMALL, length=3, color=MUTED)
    bar.outline.set_visible(False)
    return figure


def kl_bars(
    kl: ArrayLike,
    *,
    groups: Mapping[str, tuple[int, int]] | None = None,
    threshold: float = 0.01,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """KL of each latent in nats (D,), by group, with those at or below ``threshold`` greyed."""
    values = np.asarray(kl, float)
    groups = groups or {"latents": (0, len(values))}
    figure, ax = axes_of(ax, max(5.5, 1.6 + 0.22 * len(values)), 3.0)
    for index, (name, (first, last)) in enumerate(groups.items()):
        rows = np.arange(first, last)
        colour = GROUP_COLOURS[index % len(GROUP_COLOURS)]
        count = int((values[rows] > threshold).sum())
        label = f"{name}: {count} of {len(rows)} active"
        ax.bar(rows, values[rows], width=0.8, color=colour, label=label)
    idle = np.flatnonzero(values <= threshold)
    if len(idle):
        floor = 0.012 * max(values.max(), threshold)
        ax.scatter(
            idle,
            np.full(len(idle), floor),
            marker="x",
            s=16,
            linewidths=1,
            color=MUTED,
            label=f"inactive (at most {threshold:g} nats)",
            zorder=3,
        )
    polish(ax, title=title, grid="y")
    ax.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=26)
    step = 1 if len(values) <= 40 else int(np.ceil(len(values) / 40))
    ax.set_xticks(range(0, len(values), step))
    ax.set_xlim(-0.8, len(values) - 0.2)
    ax.set_xlabel("latent", fontsize=TEXT)
    ax.set_ylabel("KL (nats)", fontsize=TEXT)
    legend(ax, ncols=len(groups) + 1, loc="lower left", bbox_to_anchor=(0, 0.98), borderpad=0.2)
    return figure


def _short(value: float) -> str:
    if np.isnan(value):
        return ""
    text = f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no negative zero
    return minus(text.replace("0.", ".", 1) if abs(value) < 1 else text)


def _mark_groups(ax: Axes, groups: Mapping[str, tuple[int, int]], *, gutter: float) -> None:
    for index, (name, (first, last)) in enumerate(groups.items()):
        colour = GROUP_COLOURS[index % len(GROUP_COLOURS)]
        if first > 0:
            ax.axhline(first - 0.5, color=INK, linewidth=1.5)
        side = ax.get_yaxis_transform()
        ax.plot(
            [-0.012] * 2,
            [first - 0.4, last - 0.6],
            color=colour,
            linewidth=4,
            solid_capstyle="butt",
            transform=side,
            clip_on=False,
        )
        ax.annotate(
            name,
            (0, (first + last - 1) / 2),
            xycoords=side,
            xytext=(-gutter, 0),
            textcoords="offset points",
            rotation=90,
            color=INK,
            fontsize=TEXT,
            ha="right",
            va="center",
            annotation_clip=False,
        )
