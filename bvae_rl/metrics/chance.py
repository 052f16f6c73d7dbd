"""What information chance alone gives: its mean over permutations of the samples (Vinh 2010).

With both marginals fixed, the count n of a cell with row total a and column total b is
hypergeometric, and I = H_row + H_column - log N + (1/N) sum of n log n over the cells. So

    E0 = H_row + H_column - log N + (1/N) sum over cells of E[n log n],

computed here from the recurrence of the hypergeometric probabilities: exact but for a tail beyond
8 standard deviations + 15. Information is in nats.

    I* = (I - E0) / (H - E0)

is the chance-adjusted share: 0 on average for independent samples, 1 for a copy of the factor.
"""

from __future__ import annotations

import math

import numpy as np

_RARE = 8.0  # nats: exp(-8) is 1 in 3000


def n_log_n(samples: int) -> np.ndarray:
    """Table of n log n for n = 0 ... samples."""
    n = np.arange(samples + 1, dtype=np.float64)
    return n * np.log(np.maximum(n, 1))


def sum_in_order(values: np.ndarray) -> np.ndarray:
    """Sum over the last axis of values >= 0, to the last bit the same in any order of entries.

    Zeros change nothing either: they come first, and the sum is sequential.
    """
    return np.asarray(np.add.accumulate(np.sort(values, axis=-1), axis=-1)[..., -1])


def mean_in_order(values: np.ndarray) -> float:
    """Mean of (M,) values, to the last bit the same in any order: each latent counts alike."""
    return math.fsum(values) / len(values)


def entropy(counts: np.ndarray) -> np.ndarray:
    """Entropy in nats of counts (..., B) that have the same total in every row."""
    samples = int(counts[(0,) * (counts.ndim - 1)].sum()) if counts.size else 1
    nats = np.log(samples) - sum_in_order(n_log_n(samples)[counts]) / samples
    return np.asarray(np.maximum(nats, 0.0))


def expected_information(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """E0 (P, Q) for every pair of P row marginals (P, A) and Q column marginals (Q, B).

    Integer counts, all of the same total; zeros are allowed and change nothing.
    """
    samples = int(rows[0].sum())
    a, which_a = np.unique(rows, return_inverse=True)
    b, which_b = np.unique(columns, return_inverse=True)
    table = np.zeros((len(a), len(b)))
    used = np.ix_(a > 0, b > 0)
    table[used] = _mean_n_log_n(a[a > 0][:, None], b[b > 0], samples)
    which_a, which_b = which_a.reshape(rows.shape), which_b.reshape(columns.shape)
    joint = np.empty((len(rows), len(columns)))
    for p, which in enumerate(which_a):
        per_cell = table[which[:, None, None], which_b]  # (A, Q, B)
        joint[p] = sum_in_order(per_cell.transpose(1, 0, 2).reshape(len(columns), -1))
    found = entropy(rows)[:, None] + entropy(columns) - np.log(samples) + joint / samples
    return np.asarray(np.maximum(found, 0.0))


def chance_margin(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How far above E0 chance leads in 1 of 3000 permutations at most, (P, Q) nats.

    2 N I is chi-squared of (A - 1)(B - 1) degrees of freedom f for A and B occupied cells, in the
    limit; the bound 2 sqrt(f t) + 2 t at exp(-t) is that of Laurent & Massart (2000).
    """
    free = ((rows > 0).sum(axis=1) - 1)[:, None] * ((columns > 0).sum(axis=1) - 1)
    return np.asarray((np.sqrt(free * _RARE) + _RARE) / rows[0].sum())


def share(information: np.ndarray, chance: np.ndarray, entropy: np.ndarray | float) -> np.ndarray:
    """I* = (I - E0) / (H - E0), at most 1; 0 where chance alone gives all of H."""
    room = entropy - chance
    enough = room > 1e-9
    ratio = (information - chance) / np.where(enough, room, 1)
    return np.asarray(np.where(enough, np.minimum(ratio, 1.0), 0.0))


def _mean_n_log_n(a: np.ndarray, b: np.ndarray, samples: int) -> np.ndarray:
    """E[n log n] of the hypergeometric n with row totals ``a`` and column totals ``b``."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    a = np.broadcast_to(a, shape).ravel().astype(np.float64)
    b = np.broadcast_to(b, shape).ravel().astype(np.float64)
    mean = a * b / samples
    variance = mean * (samples - a) * (samples - b) / (samples * max(samples - 1, 1))
    reach = 8 * np.sqrt(variance) + 15
    start = np.maximum(np.maximum(0, a + b - samples), np.floor(mean - reach))
    steps = (np.minimum(np.minimum(a, b), np.ceil(mean + reach)) - start).astype(np.int64) + 1

    order = np.argsort(-steps, kind="stable")
    a, b, n, steps = a[order], b[order], start[order], steps[order]
    rest = samples - a - b
    table = n_log_n(samples)
    weight = np.ones_like(a)  # probabilities up to a factor
    total, found = np.zeros_like(a), np.zeros_like(a)
    longest_first = -steps
    for step in range(int(steps.max(initial=0))):
        live = int(np.searchsorted(longest_first, -step, side="left"))  # those with steps > step
        w, at = weight[:live], n[:live]
        total[:live] += w
        found[:live] += w * table[at.astype(np.int64)]
        w *= (a[:live] - at) * (b[:live] - at)
        w /= (at + 1) * np.maximum(rest[:live] + at + 1, 1)
        at += 1
    mean_of = np.empty_like(found)
    mean_of[order] = found / total
    return mean_of.reshape(shape)
