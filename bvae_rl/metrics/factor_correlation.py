"""The correlations of the true factors with each other: what the usual scores suffer from.

continuous pairs   Pearson's r, with its sign.
other pairs        the first canonical correlation in [0, 1] of what stands for the factors, (cos,
                   sin) of an angle and the indicators of a category: the largest r that any
                   function of the one (a wave, a value per class) has with one of the other.

The canonical correlation of independent factors is not 0 but about sqrt((C + C') / N), with C the
number of columns that stand for a factor.
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


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal (N, R) of the centred columns (N, C); a single column keeps its sign."""
    centred = columns - columns.mean(axis=0)
    centred = centred / np.abs(centred).max()
    if centred.shape[1] == 1:
        return np.asarray(centred / np.linalg.norm(centred))
    basis, size, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(basis[:, size > 1e-9 * size[0]])
