"""Bootstrap intervals over samples, for information metrics and for any other.

    estimate -/+ z s        s the standard deviation of the metric over replicates

and not the replicates' quantiles: a replicate draws rows with replacement, holds each drawn row
1.6 times on average, and so has information that is biased upwards once more (twice the plug-in
bias for independent pairs) and a predictor's test rows among its training rows. The spread of
replicates estimates that of the metric, their centre does not estimate the truth. So the interval
is for the metric at this number of samples: a bias that all samples of this size share (see
``information``) is no part of it.

``information_interval`` bins once, counts replicates by weights, moves every entropy so that the
replicates' mean is the estimate (or the gap of a maximum would be taken from values that lie apart
by their bias alone), keeps E0, and gives an ``Information`` of each replicate to the metric. For
noise s is too large, by up to 3**.5: the estimate's own chance part is taken for dependence.

``interval`` calls a metric on drawn rows. Rows of one episode are not independent: give
``episode`` to draw whole episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Unpack

import numpy as np

from bvae_rl.metrics.contingency import replicated_entropies
from bvae_rl.metrics.information import Cells, Information, Settings, count, to_cells
from bvae_rl.metrics.inputs import as_matrix, check_episode, check_lengths

_CIRCLE_CANDIDATES = 32  # of a cyclic factor that replicates look at: the best of the estimate


@dataclass(frozen=True, eq=False)
class Interval:
    """An estimate and its interval at ``level``, arrays of the metric's shape ((), (K,), ...)."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    deviation: np.ndarray
    level: float
    replicates: int


def information_interval(
    metric: Callable[[Information], Any],
    codes: Any,
    factors: Any,
    *,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
    episode: Any = None,
    **settings: Unpack[Settings],
) -> Interval:
    """Interval of a number or array that ``metric`` makes of an ``Information``.

    Say ``lambda information: gap(information).per_factor``. ``episode`` (N,) numbers the episode of
    each row. Settings and errors as for ``measure``; of a cyclic factor's candidates replicates
    look at the 32 best.
    """
    cells = to_cells(codes, factors, **settings)
    weights = _weights(cells.table.rows.shape[1], replicates, seed, episode)
    information = count(cells)
    values = [metric(drawn) for drawn in _replicas(cells, information, weights)]
    return of_replicates(metric(information), values, level=level)


def interval(
    metric: Callable[[np.ndarray, np.ndarray], Any],
    codes: Any,
    factors: Any,
    *,
    replicates: int = 50,
    level: float = 0.95,
    seed: int = 0,
    episode: Any = None,
) -> Interval:
    """Interval of a number or array that ``metric`` makes of (N, D) codes and (N, K) factors.

    For a metric that splits into training and test part, drawn rows stand on both sides and its
    replicates vary less than fresh samples would: read it as a lower bound of the spread. NaN where
    a replicate is not finite; a draw that ``metric`` refuses, of one value of a rare factor, say,
    is left out. ValueError for fewer than two replicates and as ``metric`` raises it of all rows.
    """
    z, v = as_matrix(codes, "codes"), as_matrix(factors, "factors")
    check_lengths(z, v)
    return interval_of_rows(
        lambda rows, _: metric(z[rows], v[rows]), len(z), replicates=replicates, level=level,
        seed=seed, episode=episode,
    )  # fmt: skip


def interval_of_rows(
    metric: Callable[[np.ndarray, np.ndarray], Any],
    samples: int,
    *,
    replicates: int = 50,
    level: float = 0.95,
    seed: int = 0,
    episode: Any = None,
) -> Interval:
    """``interval`` of what ``metric`` makes of row numbers (n,) and the number of each's episode.

    An episode that is drawn twice counts as two. Without ``episode`` each row is one.
    """
    names = np.arange(samples) if episode is None else check_episode(episode, samples)
    found, which = np.unique(names, return_inverse=True)
    weights = _weights(samples, replicates, seed, episode).astype(np.int64)
    estimate = np.asarray(metric(np.arange(samples), which), dtype=np.float64)
    values = []
    for weight in weights.T:
        rows = np.repeat(np.arange(samples), weight)
        copy = np.arange(len(rows)) - np.repeat(np.cumsum(weight) - weight, weight)
        with suppress(ValueError):
            values.append(metric(rows, which[rows] + len(found) * copy))
    if len(values) < 2:
        values = [np.full_like(estimate, np.nan)] * 2
    return of_replicates(estimate, values, level=level)


def _weights(samples: int, replicates: int, seed: int, episode: Any) -> np.ndarray:
    """(N, R) float32: how often each replicate holds each row."""
    if replicates < 2:
        raise ValueError(f"replicates must be at least 2, got {replicates}")
    names = np.arange(samples) if episode is None else check_episode(episode, samples)
    _, which = np.unique(names, return_inverse=True)
    episodes = int(which.max()) + 1
    if episodes < 2:
        raise ValueError("episodes can only be drawn from two or more, got one")
    even = np.full(episodes, 1 / episodes)
    drawn = np.random.default_rng(seed).multinomial(episodes, even, size=replicates)
    return np.ascontiguousarray(drawn.T[which], dtype=np.float32)


def _replicas(cells: Cells, information: Information, weights: np.ndarray) -> list[Information]:
    codes, factors, nats = _centred(
        replicated_entropies(cells.table, weights),
        information.code_entropy,
        information.entropy,
        information.mutual_information,
    )
    circles = []
    for circle, (_, carriers, table) in zip(information.circles, cells.circles, strict=True):
        first = circle.strongest(_CIRCLE_CANDIDATES, information.entropy[circle.factor])
        rows = replace(table, rows=table.rows[first.rows])
        assert (carriers[first.rows] == first.carriers).all()
        own, _, shared = _centred(
            replicated_entropies(rows, weights),
            first.entropy,
            information.entropy[[circle.factor]],
            first.information[:, None],
        )
        circles.append((first, own, shared[..., 0]))
    return [
        replace(
            information,
            mutual_information=nats[r],
            entropy=factors[r],
            code_entropy=codes[r],
            circles=tuple(
                replace(circle, information=shared[r], entropy=own[r])
                for circle, own, shared in circles
            ),
        )
        for r in range(weights.shape[1])
    ]


def _centred(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
    rows: np.ndarray,
    columns: np.ndarray,
    information: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replicates of row and column entropies and of information, with the estimates as means."""
    row, column, joint = drawn
    nats = row[:, :, None] + column[:, None] - joint

    def moved(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return np.asarray(values - values.mean(axis=0) + mean)

    return moved(row, rows), moved(column, columns), moved(nats, information)


def of_replicates(estimate: Any, values: Sequence[Any], *, level: float = 0.95) -> Interval:
    """The interval of an ``estimate`` whose bootstrap replicates are ``values``."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    middle = np.asarray(estimate, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # a replicate may be infinite: a total correlation
        deviation = np.std(np.array(values, dtype=np.float64), axis=0, ddof=1)
    reach = NormalDist().inv_cdf((1 + level) / 2) * deviation
    return Interval(
        middle, middle - reach, middle + reach, np.asarray(deviation), level, len(values)
    )
