"""Interventional robustness (Suter et al. 2019, arXiv 1811.00007): does a latent follow one factor?

For factor i held at a value and latent j, how far does the latent stray from its mean there (the
``quantile`` of the absolute deviation), averaged over the values of i; IRS_ji is one minus that,
relative to how far the latent strays at all. The score is the mean over latents of max_i IRS_ji.
Factors are cut into ``bins`` equal-width bins (cyclic ones into equal arcs); categorical ones are
taken as they are.

Default: latents are standardised, and weigh the same. In the bins of continuous and cyclic factors
the deviation is that from a line in the factor, so that the true factors score 1 for any number of
bins. "How far at all" is the same average with the latent shuffled over the samples, so that noise
scores 0 for any number of samples. In [0, 1].

``reference=True`` gives the numbers of disentanglement_lib: deviation from the mean of the bin,
relative to the latent's largest deviation, which also weighs the latents. The true values of a
uniform factor score 1 - 1/bins there and Gaussian noise about .3. Exactly constant latents are left
out in both; that ``active`` counts them, and does not add their values up, is our correction.
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
    """Score in [0, 1], matrix (D, K) and the factor (D,) that each latent follows.

    Constant latents have rows of 0 and follow -1; ``active`` is the number of the others.
    """

    score: float
    matrix: np.ndarray
    parents: np.ndarray
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
    the codes; constant codes score 0. ValueError for unusable arrays and settings.
    """
    checked = check(codes, factors, kinds=kinds)
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile must lie in (0, 1], got {quantile}")
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    varying = np.ptp(checked.codes, axis=0) > 0
    matrix = np.zeros((len(varying), len(checked.kinds)))
    parents = np.full(len(varying), -1)
    if not varying.any():
        return IRS(0.0, matrix, parents, 0)
    z = checked.codes[:, varying] - checked.codes[:, varying].mean(axis=0)
    groups = [_Groups.of(checked, k, bins) for k in range(len(checked.kinds))]
    if reference:
        weight = np.abs(z).max(axis=0)
        found = 1 - _straying(groups, z, quantile, slope=False) / weight[:, None]
    else:
        weight, z = np.ones(z.shape[1]), z / np.abs(z).max(axis=0)
        strays = _straying(groups, z, quantile, slope=True)
        found = np.clip(1 - strays / _by_chance(groups, z, quantile, seed), 0, 1)
    matrix[varying], parents[varying] = found, found.argmax(axis=1)
    score = float(np.average(found.max(axis=1), weights=weight))
    return IRS(score, matrix, parents, int(varying.sum()))


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

    def straying(self, z: np.ndarray, quantile: float, *, slope: bool) -> np.ndarray:
        """Mean over bins of the quantile of |z - what is expected there|, (D,)."""
        total = np.zeros(z.shape[1])
        for rows in self.rows:
            off = z[rows] - z[rows].mean(axis=0)
            if slope and self.within is not None:
                place = self.within[rows] - self.within[rows].mean()
                square = place @ place
                off = off - np.outer(place, place @ off / square if square > 0 else 0 * off[0])
            total += np.quantile(np.abs(off), quantile, axis=0)
        return total / len(self.rows)


def _straying(groups: list[_Groups], z: np.ndarray, quantile: float, *, slope: bool) -> np.ndarray:
    return np.stack([one.straying(z, quantile, slope=slope) for one in groups], axis=1)  # (D, K)


def _by_chance(groups: list[_Groups], z: np.ndarray, quantile: float, seed: int) -> np.ndarray:
    """The same of codes that are shuffled over the samples, (D, K)."""
    random = np.random.default_rng(seed)
    total = np.zeros((z.shape[1], len(groups)))
    for _ in range(_SHUFFLES):
        total += _straying(groups, z[random.permutation(len(z))], quantile, slope=True)
    if (total == 0).any():
        raise ValueError(
            f"{len(z)} samples are too few for IRS: in every bin of some factor a line meets "
            "all samples; use more samples or fewer bins"
        )
    return total / _SHUFFLES
