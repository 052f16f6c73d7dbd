"""Interventional robustness (Suter et al. 2019, arXiv 1811.00007): does a code follow one factor?

For factor i held at a value and code j, how far does the code stray from its mean there (the
``quantile`` of the absolute deviation), averaged over the values of i; IRS_ji is one minus that,
relative to how far the code strays at all. The score is the mean over codes of max_i IRS_ji.
Factors are cut into ``bins`` equal-width bins (cyclic ones into equal arcs); categorical ones are
taken as they are.

Default: codes are standardised, and weigh the same. In the bins of continuous and cyclic factors
the deviation is that from a line in the factor, so that identity codes score 1 for any number of
bins. "How far at all" is the same average with the code shuffled over the samples, so that noise
scores 0 for any number of samples. In [0, 1].

``reference=True`` gives the numbers of disentanglement_lib: deviation from the mean of the bin,
relative to the code's largest deviation, which also weighs the codes. Identity codes of a uniform
factor score 1 - 1/bins there and Gaussian noise about .3. Exactly constant codes are left out in
both; that ``active`` counts them, and does not add their values up, is our correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.inputs import Checked, check

_SHUFFLES = 5


@dataclass(frozen=True, eq=False)
class IRS:
    """Score in [0, 1], matrix (D, K) with rows of 0 for constant codes, number of the others."""

    score: float
    matrix: np.ndarray
    parents: np.ndarray  # (D,) the factor that each code follows, -1 for constant codes
    active: int


def irs(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    reference: bool = False,
    seed: int = 0,
    quantile: float = 0.99,
    bins: int = 20,
) -> IRS:
    """IRS of (N, D) codes and (N, K) factors, which should be independent of each other.

    ``quantile`` 1 is the version of the paper, 0.99 that of disentanglement_lib. ``seed`` shuffles
    the codes. Codes that are all constant score 0. ValueError for unusable arrays and settings.
    """
    checked = check(codes, factors, kinds=kinds)
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile must lie in (0, 1], got {quantile}")
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    alive = np.ptp(checked.codes, axis=0) > 0
    matrix = np.zeros((len(alive), len(checked.kinds)))
    parents = np.full(len(alive), -1)
    if not alive.any():
        return IRS(0.0, matrix, parents, 0)
    z = checked.codes[:, alive] - checked.codes[:, alive].mean(axis=0)
    groups = [_Groups.of(checked, k, bins) for k in range(len(checked.kinds))]
    if reference:
        weight = np.abs(z).max(axis=0)
        strays = np.stack([one.straying(z, quantile, bend=False) for one in groups], axis=1)
        found = 1 - strays / weight[:, None]
    else:
        weight, z = np.ones(z.shape[1]), z / np.abs(z).max(axis=0)
        strays = np.stack([one.straying(z, quantile, bend=True) for one in groups], axis=1)
        found = np.clip(1 - strays / _by_chance(groups, z, quantile, seed), 0, 1)
    matrix[alive], parents[alive] = found, found.argmax(axis=1)
    score = float(np.average(found.max(axis=1), weights=weight))
    return IRS(score, matrix, parents, int(alive.sum()))


@dataclass(frozen=True, eq=False)
class _Groups:
    """The rows of the samples by bin of one factor, and where each lies in its bin."""

    rows: list[np.ndarray]
    within: np.ndarray | None  # (N,) None for categorical factors

    @classmethod
    def of(cls, checked: Checked, factor: int, bins: int) -> _Groups:
        column, kind = checked.factors[:, factor], checked.kinds[factor]
        if kind == "categorical":
            return cls([np.flatnonzero(column == value) for value in np.unique(column)], None)
        if kind == "cyclic":
            place = np.mod(column, 2 * np.pi) / (2 * np.pi) * bins
        else:
            place = (column - column.min()) / np.ptp(column) * bins
        level = np.minimum(np.floor(place), bins - 1)
        return cls([np.flatnonzero(level == value) for value in np.unique(level)], place - level)

    def straying(self, z: np.ndarray, quantile: float, *, bend: bool) -> np.ndarray:
        """Mean over bins of the quantile of |z - what is expected there|, (D,)."""
        total = np.zeros(z.shape[1])
        for rows in self.rows:
            off = z[rows] - z[rows].mean(axis=0)
            if bend and self.within is not None:
                place = self.within[rows] - self.within[rows].mean()
                square = place @ place
                off = off - np.outer(place, place @ off / square if square > 0 else 0 * off[0])
            total += np.quantile(np.abs(off), quantile, axis=0)
        return total / len(self.rows)


def _by_chance(groups: list[_Groups], z: np.ndarray, quantile: float, seed: int) -> np.ndarray:
    """The same of codes that are shuffled over the samples, (D, K)."""
    random = np.random.default_rng(seed)
    total = np.zeros((z.shape[1], len(groups)))
    for _ in range(_SHUFFLES):
        shuffled = z[random.permutation(len(z))]
        total += np.stack([one.straying(shuffled, quantile, bend=True) for one in groups], axis=1)
    if (total == 0).any():
        raise ValueError(
            f"{len(z)} samples are too few for IRS: every bin of some factor holds samples that "
            "a line meets; use more samples or fewer bins"
        )
    return total / _SHUFFLES
