"""Mutual information of codes and factors from histograms (plug-in estimate, in nats).

Following disentanglement_lib (Locatello et al. 2019), each code is cut into ``bins`` equal-width
bins over its own range. The factors by kind (our extension; there all factors are discrete):
continuous ones are cut in the same way, cyclic ones into ``bins`` equal arcs of the whole circle,
and categorical ones are taken as they are.

The plug-in estimate is biased upwards. For an independent pair with B and M occupied bins it is
about (B - 1)(M - 1) / 2N nats (Miller 1955): .36 at 500 samples with 20 x 20 bins, .018 at 10,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.factors import Kind
from bvae_rl.metrics.inputs import Checked, check


@dataclass(frozen=True, eq=False)
class Information:
    """Mutual information (D, K) and entropy of the factors (K,), in nats."""

    mutual_information: np.ndarray
    entropy: np.ndarray
    samples: int
    bins: int

    def select(self, latents: Sequence[int], factors: Sequence[int]) -> Information:
        """The same measurement, for some of the latents and factors."""
        rows, columns = np.asarray(latents, dtype=int), np.asarray(factors, dtype=int)
        return Information(
            self.mutual_information[np.ix_(rows, columns)],
            self.entropy[columns],
            self.samples,
            self.bins,
        )


def measure(
    codes: Any, factors: Any, *, bins: int = 20, kinds: Sequence[Kind] | None = None
) -> Information:
    """Measure everything that the information metrics of (N, D) codes and (N, K) factors need.

    Raises ValueError for unusable arrays, for fewer than two bins, and for a cyclic factor whose
    angles all fall into one bin.
    """
    checked = check(codes, factors, kinds=kinds)
    levels = _discrete_factors(checked, bins)
    cells = _equal_width(checked.codes, bins)
    return Information(
        np.stack([_information(cells, bins, level) for level in levels.T], axis=1),
        np.array([_entropy(level) for level in levels.T]),
        len(cells),
        bins,
    )


def mutual_information(
    codes: Any, factors: Any, *, bins: int = 20, kinds: Sequence[Kind] | None = None
) -> np.ndarray:
    """I(code; factor) in nats, (D, K), between 0 and the entropy of the factor. See ``measure``."""
    return measure(codes, factors, bins=bins, kinds=kinds).mutual_information


def entropies(factors: Any, *, bins: int = 20, kinds: Sequence[Kind] | None = None) -> np.ndarray:
    """Entropy in nats of each binned factor, (K,). See ``measure``."""
    checked = check(factors, factors, kinds=kinds)
    return np.array([_entropy(level) for level in _discrete_factors(checked, bins).T])


def _equal_width(values: np.ndarray, bins: int) -> np.ndarray:
    """(N, M) values -> bin numbers 0 ... bins-1 over each column's range; constant columns 0."""
    low, width = values.min(axis=0), np.ptp(values, axis=0)
    position = (values - low) / np.where(width > 0, width, 1)
    return np.asarray(np.minimum(position * bins, bins - 1), dtype=np.int64)


def _discrete_factors(checked: Checked, bins: int) -> np.ndarray:
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    levels = _equal_width(checked.factors, bins)
    for k, kind in enumerate(checked.kinds):
        column = checked.factors[:, k]
        if kind == "categorical":
            levels[:, k] = np.unique(column, return_inverse=True)[1]
        elif kind == "cyclic":
            turn = np.mod(column, 2 * np.pi) / (2 * np.pi)
            levels[:, k] = np.minimum(turn * bins, bins - 1)
            if np.ptp(levels[:, k]) == 0:
                raise ValueError(
                    f"factors column {k} is cyclic and all its angles fall into one of {bins} "
                    "bins; angles are in radians; for a short arc declare it continuous"
                )
    return levels


def _entropy(levels: np.ndarray) -> float:
    share = np.bincount(levels) / len(levels)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _information(cells: np.ndarray, bins: int, levels: np.ndarray) -> np.ndarray:
    """I(cell; level) for each of the D columns of ``cells`` (N, D) and one (N,) ``levels``."""
    samples, latents = cells.shape
    values = int(levels.max()) + 1
    index = (np.arange(latents) * bins + cells) * values + levels[:, None]  # (N, D)
    joint = np.bincount(index.ravel(), minlength=latents * bins * values)
    joint = joint.reshape(latents, bins, values).astype(np.float64)
    independent = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True) / samples
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    nats: np.ndarray = (joint * np.log(ratio)).sum(axis=(1, 2)) / samples
    return np.asarray(np.maximum(nats, 0.0))  # rounding may fall below
