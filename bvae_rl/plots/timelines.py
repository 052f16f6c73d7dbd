"""Latents over one episode, next to the factors that they track best."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.board import LETTER
from bvae_rl.plots.style import (
    GROUP_COLOURS,
    INK,
    MUTED,
    SMALL,
    TEXT,
    legend,
    minus,
    new_figure,
    polish,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", ":")
TWO_COLUMNS = 9.0  # inches that two columns of panels need for their legends
CONSTANT = 1e-6  # standard deviation up to which a series counts as constant


def timelines(
    codes: ArrayLike,
    factors: ArrayLike | None,
    latent_names: Sequence[str],
    factor_names: Sequence[str] = (),
    *,
    periods: Sequence[float | None] = (),
    title: str = "",
    top: int = 2,
    most: int = 6,
    width: float | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Small multiples over the T steps of one episode, everything standardised.

    ``codes`` (T, D), ``factors`` (T, K). One panel for each factor that moves, with the ``top``
    latents of largest ``|r|`` (Pearson), turned so that r > 0, r printed with its own sign;
    constant factors are named below. ``periods`` (K) holds the period of each cyclic factor, None
    for the others: one that stays within a turn is unwrapped, one that goes further is drawn as its
    cosine and its sine, so that no line jumps where a circle closes. Without factors, or if all are
    constant: the ``most`` latents that vary most, one panel each. ``width`` is that of the figure
    in inches; ``figure`` is drawn on instead of a new one (a ``SubFigure`` too). Raises ValueError
    if sizes do not agree.
    """
    z = np.asarray(codes, float)
    truth = np.empty((len(z), 0)) if factors is None else np.asarray(factors, float)
    names = list(factor_names) if factors is not None else []
    if z.ndim != 2 or z.shape[1] != len(latent_names) or truth.shape != (len(z), len(names)):
        raise ValueError(
            f"codes are {z.shape} with {len(latent_names)} names and factors {truth.shape} with "
            f"{len(names)} names; pass (T, D) and (T, K) of the same episode"
        )
    if periods and names:
        truth, names = _without_jumps(truth, names, periods)
    finite = np.isfinite(truth).all(axis=0)
    broken = [name for name, known in zip(names, finite, strict=True) if not known]
    moving = [k for k in np.flatnonzero(finite) if truth[:, k].std() > CONSTANT]
    constant = [names[k] for k in np.flatnonzero(finite) if k not in moving]
    count = len(moving) or min(most, z.shape[1])
    figure, panels = _panels(count, width, figure)
    if moving:
        _beside_factors(panels, z, truth[:, moving], latent_names, [names[k] for k in moving], top)
    else:
        _most_active(panels, z, latent_names)
    figure.suptitle(title, fontsize=TEXT + 1.5, color=INK, x=0.01, ha="left")
    note = f" (constant in this episode: {', '.join(constant)})" if constant else ""
    note += f" (not finite: {', '.join(broken)})" if broken else ""
    wide = int(figure.bbox.width / figure.dpi / LETTER)
    figure.supxlabel(fill(f"environment step{note}", wide), fontsize=TEXT, color=INK)
    return figure


def _without_jumps(
    truth: NDArray[np.float64], names: Sequence[str], periods: Sequence[float | None]
) -> tuple[NDArray[np.float64], list[str]]:
    """Columns and names in which a cyclic factor is unwrapped, or two lines of a circle."""
    lines: list[NDArray[np.float64]] = []
    shown: list[str] = []
    for values, name, period in zip(truth.T, names, periods, strict=True):
        unwrapped = values if period is None else np.unwrap(values, period=period)
        if period is None or np.ptp(unwrapped) <= period:
            lines, shown = [*lines, unwrapped], [*shown, name]
        else:
            angle = 2 * np.pi * values / period
            lines += [np.cos(angle), np.sin(angle)]
            shown += [f"{name} (cos)", f"{name} (sin)"]
    return np.stack(lines, axis=1), shown


def _beside_factors(
    panels: Sequence[Any],
    z: NDArray[np.float64],
    truth: NDArray[np.float64],
    latents: Sequence[str],
    names: Sequence[str],
    top: int,
) -> None:
    lines, target = _standard(z), _standard(truth)
    r = lines.T @ target / len(z)  # (D, K), Pearson; 0 where a latent is constant
    for k, (name, ax) in enumerate(zip(names, panels, strict=True)):
        ax.plot(target[:, k], color=INK, linewidth=2.4, alpha=0.85, label=name.lstrip("_"))
        for place, d in enumerate(np.argsort(-abs(r[:, k]), kind="stable")[:top]):
            sign = -1.0 if r[d, k] < 0 else 1.0
            label = minus(f"{'-' if sign < 0 else ''}{latents[d]}  (r = {r[d, k]:+.2f})")
            colour, style = GROUP_COLOURS[place % len(GROUP_COLOURS)], STYLES[min(place, 2)]
            ax.plot(sign * lines[:, d], color=colour, linewidth=1.5, linestyle=style, label=label)
        polish(ax, grid="y")
        legend(
            ax, loc="lower left", bbox_to_anchor=(0, 0.98), ncols=1 + top, borderpad=0,
            handlelength=1.8, columnspacing=1.2,
        )  # fmt: skip
        ax.set_ylabel("standardised", fontsize=SMALL, color=MUTED)


def _most_active(panels: Sequence[Any], z: NDArray[np.float64], latents: Sequence[str]) -> None:
    order = np.argsort(-z.std(axis=0), kind="stable")[: len(panels)]
    for d, ax in zip(order, panels, strict=True):
        ax.plot(z[:, d], color=GROUP_COLOURS[0], linewidth=1.5)
        polish(ax, grid="y")
        ax.set_title(latents[d], fontsize=SMALL, color=INK, loc="left", pad=3)


def _panels(count: int, width: float | None, figure: Figure | None) -> tuple[Figure, list[Any]]:
    if figure is not None:
        width = figure.bbox.width / figure.dpi
    columns = 1 if count <= 3 or (width is not None and width < TWO_COLUMNS) else 2
    rows = -(-count // columns)
    if figure is None:
        figure = new_figure(width or (8.0 if columns == 1 else 11.0), 0.9 + 1.55 * rows)
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for ax in grid[count:]:
        ax.remove()
    for ax in grid[max(count - columns, 0) : count]:
        ax.tick_params(labelbottom=True)
    return figure, list(grid[:count])


def _standard(x: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = x.std(axis=0)
    lines: NDArray[np.float64] = (x - x.mean(axis=0)) / np.where(spread > CONSTANT, spread, np.inf)
    return lines
