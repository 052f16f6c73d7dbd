"""Gradient-boosted regression trees (Friedman 2001) on binned columns, for importances at speed.

Each tree has at most 8 leaves and is fitted to the residual of the trees before it, as in
scikit-learn's default. The speed comes from columns that are cut into quantile bins once, so that
all splits of a level are found by counting, and from 30 trees at a rate of 0.3 in place of 100 at
0.1. A tenth of the samples is kept aside, and predictions are those of the trees up to the one
after which that tenth is predicted best, or the mean, so that noise is not predicted worse than
that. The gains are those of all trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS, DEPTH, RATE, LEAST = 64, 3, 0.3, 5  # LEAST samples on either side of a split


@dataclass(frozen=True, eq=False)
class Boosted:
    """Squared error (summed) that splits on each column (D,) took away, and predictions (N',)."""

    gains: np.ndarray
    predicted: np.ndarray


def cut(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """(N, D) values -> bin numbers below ``BINS``, between quantiles of the ``train`` rows.

    Edges lie half-way between two values, chosen so that mirrored values get mirrored bins.
    """
    columns = [np.searchsorted(_edges(np.sort(column[train])), column) for column in values.T]
    return np.stack(columns, axis=1)


def _edges(ordered: np.ndarray) -> np.ndarray:
    """At most ``BINS`` - 1 edges between sorted values, at the steps nearest to the quantiles."""
    steps = np.flatnonzero(np.diff(ordered) > 0) + 1  # how many values lie before each step
    if len(steps) >= BINS:
        part = np.arange(1, BINS)
        wanted = len(ordered) * part / BINS
        place = np.searchsorted(steps, wanted)
        above = steps[np.minimum(place, len(steps) - 1)]
        below = steps[np.maximum(place - 1, 0)]
        higher, lower = np.abs(above - wanted), np.abs(wanted - below)
        outward = np.where(part < BINS / 2, below, above)  # of two equally near steps
        nearest = np.where(higher < lower, above, np.where(lower < higher, below, outward))
        undecided = (part == BINS / 2) & (higher == lower) & (above != below)
        steps = np.unique(nearest[~undecided])
    return np.asarray((ordered[steps - 1] + ordered[steps]) / 2)


def boost(
    cells: np.ndarray,
    target: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    trees: int,
    aside: int,
) -> Boosted:
    """Fit ``target`` (N,) on the ``train`` rows of ``cells`` (N, D); predict the ``test`` rows.

    ``aside`` first rows to train on are kept to choose the number of trees by.
    """
    kept, fit = np.split(train, [aside])
    x, x_rest = cells[fit], cells[np.concatenate([kept, test])]
    offset = x + BINS * np.arange(x.shape[1])  # a number for each column and bin
    left = target[fit] - target[fit].mean()
    answer = np.full(len(x_rest), target[fit].mean())
    gains = np.zeros(x.shape[1])
    predicted, least_error = answer[len(kept) :], _error(answer, target[kept])
    for _ in range(trees):
        tree, leaf = _grow(x, offset, left)
        value = RATE * np.bincount(leaf, left, minlength=2**DEPTH)
        value /= np.maximum(np.bincount(leaf, minlength=2**DEPTH), 1)
        left = left - value[leaf]
        answer = answer + value[tree.leaves(x_rest)]
        gains = gains + tree.gains
        error = _error(answer, target[kept])
        if error < least_error:
            predicted, least_error = answer[len(kept) :], error
    return Boosted(gains, predicted)


@dataclass(frozen=True, eq=False)
class _Tree:
    """Per level the column and the bin (2^level,) after which each node is split."""

    columns: list[np.ndarray]
    edges: list[np.ndarray]
    gains: np.ndarray

    def leaves(self, cells: np.ndarray) -> np.ndarray:
        node, rows = np.zeros(len(cells), dtype=np.intp), np.arange(len(cells))
        for column, edge in zip(self.columns, self.edges, strict=True):
            node = 2 * node + (cells[rows, column[node]] > edge[node])
        return node


def _grow(x: np.ndarray, offset: np.ndarray, left: np.ndarray) -> tuple[_Tree, np.ndarray]:
    """The tree that takes most squared error away, level by level, and the leaf of each row."""
    rows, width = np.arange(len(x)), x.shape[1]
    tree = _Tree([], [], np.zeros(width))
    node = np.zeros(len(x), dtype=np.intp)
    weights = np.repeat(left, width)
    for level in range(DEPTH):
        index = (offset + (node * width * BINS)[:, None]).ravel()
        gain = _gains(index, weights, 2**level, width)  # (nodes, D * (BINS - 1))
        best = gain.argmax(axis=1)
        most = gain[np.arange(len(gain)), best]
        column, edge = np.divmod(best, BINS - 1)
        edge = np.where(most > 0, edge, BINS)  # no split: all go left
        np.add.at(tree.gains, column, most)
        tree.columns.append(column)
        tree.edges.append(edge)
        node = 2 * node + (x[rows, column[node]] > edge[node])
    return tree, node


def _gains(index: np.ndarray, weights: np.ndarray, nodes: int, width: int) -> np.ndarray:
    """Squared error that each split would take away: S1^2 / n1 + S2^2 / n2 - S^2 / n, or 0."""
    shape = (nodes, width, BINS)
    total = np.bincount(index, weights, minlength=nodes * width * BINS).reshape(shape).cumsum(2)
    count = np.bincount(index, minlength=nodes * width * BINS).reshape(shape).cumsum(2)
    s1, n1 = total[:, :, :-1], count[:, :, :-1]
    s2, n2 = total[:, :, -1:] - s1, count[:, :, -1:] - n1
    gain = s1**2 / np.maximum(n1, 1) + s2**2 / np.maximum(n2, 1)
    gain -= total[:, :, -1:] ** 2 / np.maximum(count[:, :, -1:], 1)
    allowed = (n1 >= LEAST) & (n2 >= LEAST)
    found: np.ndarray = np.where(allowed, np.maximum(gain, 0), 0).reshape(nodes, -1)
    return found


def _error(answer: np.ndarray, kept: np.ndarray) -> float:
    return float(np.square(answer[: len(kept)] - kept).sum())
