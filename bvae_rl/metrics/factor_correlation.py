"""The correlations of the true factors with each other: what the usual scores suffer from.

continuous pairs   Pearson's r, with its sign.
other pairs        the first canonical correlation in [0, 1] of what stands for the factors, (cos,
                   sin) of an angle and the indicators of a category: the largest r that any
                   function of the one (a wave, a value per class) has with one of the other.

The canonical correlation of independent factors is not 0 but up to about sqrt(C / N) +
sqrt(C' / N), with C the number of columns that stand for a factor (the largest singular value of a
random matrix; Marchenko and Pastur 1967).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.inputs import check
from bvae_rl.metrics.targets import make_targets


def factor_correlation(factors: Any, *, kinds: Sequence[Kind] | None = None) -> np.ndarray:
    """Correlations (K, K) of (N, K) factors, in [-1, 1]; ValueError for unusable arrays."""
    checked = check(factors, factors, kinds=kinds)
    targets = make_targets(checked.factors, checked.kinds)
    bases = [_basis(targets.of(k)) for k in range(len(checked.kinds))]
    matrix = np.eye(len(bases))
    for i, first in enumerate(bases):
        for j, second in enumerate(bases[:i]):
            cross = first.T @ second
            both = cross.shape == (1, 1) and checked.kinds[i] == checked.kinds[j] == "continuous"
            found = float(cross[0, 0]) if both else float(np.linalg.norm(cross, ord=2))
            matrix[i, j] = matrix[j, i] = np.clip(found, -1, 1)
    return matrix


def correlation_chance(factors: Any, *, kinds: Sequence[Kind] | None = None) -> np.ndarray:
    """(K, K): what the correlations of independent (N, K) factors seldom exceed.

    With three standard errors of a single column; 0 on the diagonal.
    """
    checked = check(factors, factors, kinds=kinds)
    targets = make_targets(checked.factors, checked.kinds)
    free = [max(1, len(_basis(targets.of(k)).T)) for k in range(len(checked.kinds))]
    reach = np.sqrt(np.array(free) / len(checked.factors))
    chance = np.minimum(reach[:, None] + reach + 1 / np.sqrt(len(checked.factors)), 1.0)
    np.fill_diagonal(chance, 0.0)
    return np.asarray(chance)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal (N, R) of the centred columns (N, C); a single column keeps its sign."""
    centred = columns - columns.mean(axis=0)
    centred = centred / np.abs(centred).max()
    if centred.shape[1] == 1:
        return np.asarray(centred / np.linalg.norm(centred))
    basis, size, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(basis[:, size > 1e-9 * size[0]])
