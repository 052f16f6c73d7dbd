"""Contingency tables of many pairs at once, counted plainly or for bootstrap replicates.

A replicate draws the samples with replacement, which is the same as giving sample i a whole
weight: its table is then a product of weights and indicators, and all replicates of a latent are
one matrix product a cell (float32, exact for counts below 2**24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bvae_rl.metrics.chance import n_log_n, sum_in_order


@dataclass(frozen=True, eq=False)
class Table:
    """Cell numbers of P row variables (P, N) and Q column variables (Q, N)."""

    rows: np.ndarray
    columns: np.ndarray


def marginals(cells: np.ndarray) -> np.ndarray:
    """How many samples lie in each cell: (P, N) -> (P, cells)."""
    count, size = len(cells), int(cells.max(initial=0)) + 1
    index = (cells + size * np.arange(count)[:, None]).ravel()
    return np.bincount(index, minlength=count * size).reshape(count, size)


def joint_entropies(table: Table) -> np.ndarray:
    """Entropy in nats of each pair of a row and a column variable, (P, Q)."""
    rows, samples = table.rows, table.rows.shape[1]
    nats, tall = n_log_n(samples), int(rows.max(initial=0)) + 1
    found = np.empty((len(rows), len(table.columns)))
    first = np.arange(len(rows))[:, None] * tall + rows
    for q, column in enumerate(table.columns):
        wide = int(column.max()) + 1
        joint = np.bincount((first * wide + column).ravel(), minlength=len(rows) * tall * wide)
        found[:, q] = sum_in_order(nats[joint.reshape(len(rows), -1)])
    return np.log(samples) - found / samples


def replicated_entropies(
    table: Table, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entropies of rows (R, P), columns (R, Q) and pairs (R, P, Q) in R weighted replicates.

    ``weights`` is float32 (N, R) of whole numbers, how often each replicate holds each sample.
    """
    samples, replicates = weights.shape
    drawn = weights.sum(axis=0, dtype=np.float64)
    nats = n_log_n(int(drawn.max()))
    wide = [int(column.max()) + 1 for column in table.columns]
    offsets = np.concatenate([[0], np.cumsum(wide)[:-1]]).astype(np.int64)
    indicator = np.zeros((samples, sum(wide)), dtype=np.float32)
    for offset, column in zip(offsets, table.columns, strict=True):
        indicator[np.arange(samples), offset + column] = 1

    def total(counts: np.ndarray) -> np.ndarray:  # sum of n log n over the cells of each column
        return np.add.reduceat(nats[counts.astype(np.int64)], offsets, axis=-1)

    size, log_size = drawn[:, None], np.log(drawn)[:, None]
    columns = log_size - total(weights.T @ indicator) / size
    rows = np.empty((replicates, len(table.rows)))
    joint = np.empty((replicates, len(table.rows), len(wide)))
    for p, row in enumerate(table.rows):
        order = np.argsort(row, kind="stable")
        ends = np.flatnonzero(np.diff(row[order])) + 1
        weight, inside = weights[order], indicator[order]
        alone, together = np.zeros(replicates), np.zeros((replicates, len(wide)))
        for part, levels in zip(np.split(weight, ends), np.split(inside, ends), strict=True):
            alone += nats[part.sum(axis=0).astype(np.int64)]
            together += total(part.T @ levels)
        rows[:, p] = np.log(drawn) - alone / drawn
        joint[:, p] = log_size - together / size
    return rows, columns, joint
