"""Latents over one episode, next to the factors that they track best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
) -> Figure:
    """Small multiples over the T steps of one episode, everything standardised.

    ``codes`` (T, D), ``factors`` (T, K). One panel for each factor that moves, with the ``top``
    latents of largest ``|r|`` (Pearson), turned so that r > 0, r printed with its own sign;
    constant factors are named below. ``periods`` (K) holds the period of each cyclic factor, None
    for the others: one that stays within a turn is unwrapped, one that goes further is drawn as its
    cosine and its sine, so that no line jumps where a circle closes. Without factors, or if all are
    constant: the ``most`` latents that vary most, one panel each. Raises ValueError if sizes do not
    agree.
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
    moving = [k for k in range(len(names)) if truth[:, k].std() > CONSTANT]
    constant = [names[k] for k in range(len(names)) if k not in moving]
    if moving:
        figure = _beside_factors(z, truth[:, moving], latent_names, [names[k] for k in moving], top)
    else:
        figure = _most_active(z, latent_names, most)
    figure.suptitle(title, fontsize=TEXT + 1.5, color=INK, x=0.01, ha="left")
    note = f" (constant in this episode: {', '.join(constant)})" if constant else ""
    figure.supxlabel(f"environment step{note}", fontsize=TEXT, color=INK)
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
    z: NDArray[np.float64],
    truth: NDArray[np.float64],
    latents: Sequence[str],
    names: Sequence[str],
    top: int,
) -> Figure:
    lines, target = _standard(z), _standard(truth)
    r = lines.T @ target / len(z)  # (D, K), Pearson; 0 where a latent is constant
    figure, panels = _panels(len(names))
    for k, (name, ax) in enumerate(zip(names, panels, strict=True)):
        ax.plot(target[:, k], color=INK, linewidth=2.4, alpha=0.85, label=name)
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
    return figure


def _most_active(z: NDArray[np.float64], latents: Sequence[str], most: int) -> Figure:
    order = np.argsort(-z.std(axis=0), kind="stable")[:most]
    figure, panels = _panels(len(order))
    for d, ax in zip(order, panels, strict=True):
        ax.plot(z[:, d], color=GROUP_COLOURS[0], linewidth=1.5)
        polish(ax, grid="y")
        ax.set_title(latents[d], fontsize=SMALL, color=INK, loc="left", pad=3)
    return figure


def _panels(count: int) -> tuple[Figure, list[Any]]:
    columns = 1 if count <= 3 else 2
    rows = -(-count // columns)
    figure = new_figure(8.0 if columns == 1 else 11.0, 0.9 + 1.55 * rows)
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
