"""Latents against factors, and how much each latent carries: heatmap and KL bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bvae_rl.plots.board import LETTER
from bvae_rl.plots.folding import folded
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

CELL, ROOMY = 0.5, 0.85  # inches of a column: the least, and the most where factors are few
DARK = 0.55  # cells above this part of the scale carry white figures
INACTIVE = "#8f8f8f"


def factor_heatmap(
    matrix: ArrayLike,
    latent_names: Sequence[str],
    factor_names: Sequence[str],
    *,
    title: str = "",
    value_label: str = "",
    groups: Mapping[str, tuple[int, int]] | None = None,
    active: ArrayLike | None = None,
    fold: bool = True,
    vmax: float | None = None,
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Latents (rows, in the order given) against factors, every value printed.

    ``matrix`` (D, K) holds what ``value_label`` names, coloured from 0 to ``vmax`` (default: the
    largest value). ``groups`` maps a name to its rows [first, last). Those that are not ``active``
    (D,) bool are grey, and with ``fold`` two or more of a group share one last row of it, which
    holds the largest of their values. ``width`` is that of the figure in inches; without effect on
    a given ``ax``. Raises ValueError if sizes do not agree.
    """
    values = np.asarray(matrix, float)
    if values.shape != (len(latent_names), len(factor_names)):
        raise ValueError(
            f"the matrix is {values.shape}, but there are {len(latent_names)} latent names and "
            f"{len(factor_names)} factor names; pass (D, K)"
        )
    latents, factors = values.shape
    used = np.ones(latents, bool) if active is None else np.asarray(active, bool)
    if used.shape != (latents,):
        raise ValueError(f"active is {used.shape}, but there are {latents} latents; pass (D,)")
    top = vmax if vmax is not None else max(float(np.nanmax(values, initial=0.0)), 1e-9)
    names = list(latent_names)
    if fold:
        values, names, used, groups = folded(values, names, used, groups or {})
        latents = len(names)
    wide, high = heatmap_size(values.shape, names, factor_names)
    cell = (wide - _sides(names)) / max(factors, 1)
    if ax is None and width is not None:
        cell += (width - wide) / max(factors, 1)
    slanted = cell < LETTER * _longest(factor_names)
    figure, ax = axes_of(ax, width or wide, high)
    colormaps = require("matplotlib", extra="plots").colormaps
    mesh = ax.imshow(values, cmap=colormaps["Blues"], vmin=0, vmax=top, aspect="auto")
    polish(ax, title=title)
    for row, column in np.ndindex(latents, factors):
        value = float(values[row, column])
        ink = "white" if value > DARK * top else INK
        colour = ink if used[row] else INACTIVE
        ax.text(column, row, _short(value), color=colour, fontsize=SMALL, ha="center", va="center")
    for row in np.flatnonzero(~used):
        ax.axhspan(row - 0.5, row + 0.5, color="#efefef", zorder=1.5)
    ax.set_xticks(range(factors), [name.replace("_", "\n") for name in factor_names])
    ax.set_yticks(range(latents), names)
    ax.xaxis.tick_top()
    if slanted:
        ax.set_xticks(range(factors), [name.replace("_", " ") for name in factor_names])
        for label in ax.get_xticklabels():
            label.set(rotation=40, ha="left", rotation_mode="anchor")
    ax.tick_params(length=0)
    for label, on in zip(ax.get_yticklabels(), used, strict=True):
        label.set_color(INK if on else INACTIVE)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xticks(np.arange(-0.5, factors), minor=True)
    ax.set_yticks(np.arange(-0.5, latents), minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="minor", length=0)
    ax.tick_params(axis="y", pad=9 if groups else 3)
    _mark_groups(ax, groups or {}, gutter=16 + 0.62 * SMALL * max(map(len, names)))
    bar = figure.colorbar(mesh, ax=ax, fraction=0.04, pad=0.02, aspect=24)
    bar.set_label(
        fill(value_label, max(12, int(0.24 * latents / LETTER))), fontsize=SMALL, color=INK
    )
    bar.ax.tick_params(labelsize=SMALL, length=3, color=MUTED)
    bar.outline.set_visible(False)
    return figure


def heatmap_size(
    shape: tuple[int, ...], latent_names: Sequence[str], factor_names: Sequence[str]
) -> tuple[float, float]:
    """Width and height in inches that ``factor_heatmap`` takes for (R, K) rows and factors."""
    rows, factors = shape
    cell = min(max(CELL, 0.1 + LETTER * _longest(factor_names)), ROOMY if factors <= 8 else CELL)
    return _sides(latent_names) + cell * factors, 1.5 + 0.235 * rows


def _sides(latent_names: Sequence[str]) -> float:
    """Inches beside the cells: names, groups, and the scale of colours."""
    return 1.75 + LETTER * max(map(len, latent_names), default=0)


def _longest(factor_names: Sequence[str]) -> int:
    """Letters of the longest word."""
    return max((len(word) for name in factor_names for word in name.split("_")), default=0)


def kl_bars(
    kl: ArrayLike,
    *,
    groups: Mapping[str, tuple[int, int]] | None = None,
    active: ArrayLike | None = None,
    threshold: float = 0.01,
    label: str = "KL (nats)",
    title: str = "",
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """KL of each latent in nats (D,), by group, with those crossed that are not ``active`` (D,).

    By default those are active whose KL is above ``threshold``.
    ``width`` is that of the figure in inches; without effect on a given ``ax``.
    """
    values = np.asarray(kl, float)
    used = values > threshold if active is None else np.asarray(active, bool)
    if used.shape != values.shape:
        raise ValueError(f"active is {used.shape}, but there are {len(values)} latents; pass (D,)")
    groups = groups or {"latents": (0, len(values))}
    figure, ax = axes_of(ax, width or min(max(5.5, 1.6 + 0.22 * len(values)), 11.0), 3.0)
    for colour, (name, (first, last)) in zip(cycle(GROUP_COLOURS), groups.items(), strict=False):
        rows = np.arange(first, last)
        count = int(used[rows].sum())
        words = f"{name}: {count} of {len(rows)} active"
        ax.bar(rows, values[rows], width=0.8, color=colour, label=words)
    inactive = np.flatnonzero(~used)
    if len(inactive):
        height = np.full(len(inactive), 0.012 * max(values.max(), threshold))
        words = f"inactive (at most {threshold:g} nats)" if active is None else "inactive"
        ax.scatter(inactive, height, marker="x", s=16, linewidths=1, color=MUTED, label=words)
    polish(ax, grid="y")
    ax.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=26)
    ax.set_xticks(range(0, len(values), 1 + (len(values) - 1) // 40))
    ax.set_xlim(-0.8, len(values) - 0.2)
    ax.set_xlabel("latent", fontsize=TEXT)
    ax.set_ylabel(label, fontsize=TEXT)
    legend(ax, ncols=len(groups) + 1, loc="lower left", bbox_to_anchor=(0, 0.98), borderpad=0.2)
    return figure


def _short(value: float) -> str:
    if np.isnan(value):
        return ""
    text = f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no negative zero
    return minus(text.replace("0.", ".", 1) if abs(value) < 1 else text)


def _mark_groups(ax: Axes, groups: Mapping[str, tuple[int, int]], *, gutter: float) -> None:
    side = ax.get_yaxis_transform()
    for colour, (name, (first, last)) in zip(cycle(GROUP_COLOURS), groups.items(), strict=False):
        if first > 0:
            ax.axhline(first - 0.5, color=INK, linewidth=1.5)
        ax.plot(
            [-0.012] * 2, [first - 0.4, last - 0.6], color=colour, linewidth=4,
            solid_capstyle="butt", transform=side, clip_on=False,
        )  # fmt: skip
        ax.annotate(
            name, (0, (first + last - 1) / 2), xycoords=side, xytext=(-gutter, 0),
            textcoords="offset points", rotation=90, color=INK, fontsize=TEXT,
            ha="right", va="center", annotation_clip=False,
        )  # fmt: skip
