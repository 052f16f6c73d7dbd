"""Interquartile mean over seeds and its interval (Agarwal et al. 2021, arXiv:2108.13264).

Below ``ENOUGH`` seeds every point is shown and no interval is drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

ENOUGH = 5


def iqm(values: ArrayLike) -> NDArray[np.float64]:
    """Interquartile mean over the first axis (S, ...): a quarter is cut off each end, rounded down.

    Equals ``scipy.stats.trim_mean(values, 0.25)``, so one to three values give their mean. NaN
    where any seed is NaN.
    """
    ordered = np.sort(np.asarray(values, float), axis=0)
    if len(ordered) == 0:
        raise ValueError("the interquartile mean of no seeds is not defined; pass at least one")
    cut = len(ordered) // 4
    middle: NDArray[np.float64] = ordered[cut : len(ordered) - cut].mean(axis=0)
    return np.where(np.isnan(ordered).any(axis=0), np.nan, middle)


def interval(
    values: ArrayLike, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Percentile bootstrap interval of ``iqm`` over seeds (S, ...); None below ``ENOUGH`` seeds."""
    array = np.asarray(values, float)
    if len(array) < ENOUGH:
        return None
    picks = np.random.default_rng(seed).integers(len(array), size=(len(array), resamples))
    low, high = np.quantile(iqm(array[picks]), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
