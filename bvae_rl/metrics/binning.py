"""From numbers to cells: equal-width bins, equal-frequency bins and arcs of a circle.

Two rules keep information exactly the same under a change of sign or scale (and equal-frequency
bins under every increasing or decreasing map):

- bins mirror: a value on an edge belongs to the bin nearer the middle, and the exact middle of an
  even number of bins, which lies in neither half, is a cell of its own. So there are up to
  ``bins + 1`` cells; ties are the only values that another rule would place elsewhere.
- a value within 1e-5 of a bin's width of an edge lies on it, so that rounding decides nothing on
  grids, float32 codes included.

``published_cells`` is np.digitize over np.histogram's edges, as in disentanglement_lib, which
closes every bin on its left and so is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.inputs import Checked

Binning = Literal["width", "quantile"]

_ON_EDGE = 1e-5  # of a bin's width


def check_bins(bins: int, binning: str, *, reference: bool) -> None:
    """ValueError for fewer than two bins and for a rule that is not known or not published."""
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    if binning not in ("width", "quantile"):
        raise ValueError(f"unknown binning {binning!r}; known are 'width' and 'quantile'")
    if reference and binning != "width":
        raise ValueError("the published definitions use equal-width bins; got binning='quantile'")


def cells(values: np.ndarray, bins: int, binning: Binning) -> np.ndarray:
    """(N, M) values -> cell numbers from 0 to ``bins``, column by column; constant columns one."""
    if binning == "width":
        low, high = values.min(axis=0), values.max(axis=0)
        width = np.where(high > low, high - low, 1)
        return _mirrored((values - low) / width * bins, (high - values) / width * bins, bins)
    below = np.empty_like(values)  # twice the mid-rank, a whole number
    for column, ranks in zip(values.T, below.T, strict=True):
        _, which, count = np.unique(column, return_inverse=True, return_counts=True)
        ranks[:] = (2 * np.cumsum(count) - count)[which]
    scale = bins / (2 * len(values))
    return _mirrored(below * scale, (2 * len(values) - below) * scale, bins)


def _mirrored(from_low: np.ndarray, from_high: np.ndarray, bins: int) -> np.ndarray:
    """Cells by the distances from both ends, in bins."""
    last = bins if bins % 2 == 0 else bins - 1
    below, above = np.floor(from_low + _ON_EDGE), np.floor(from_high + _ON_EDGE)
    found = np.where(from_low <= from_high, below, last - above).astype(np.int64)
    middle = np.abs(from_low - from_high) <= 2 * _ON_EDGE
    found[middle] = bins // 2
    return found


def published_cells(values: np.ndarray, bins: int) -> np.ndarray:
    """(N, M) values -> 0 ... bins-1, as np.digitize(x, np.histogram(x, bins)[1][:-1]) less one."""
    found = np.empty(values.shape, dtype=np.int64)
    for column, out in zip(values.T, found.T, strict=True):
        out[:] = np.digitize(column, np.histogram_bin_edges(column, bins)[:-1]) - 1
    return found


def arcs(turns: np.ndarray, bins: int, binning: Binning) -> np.ndarray:
    """(N, M) angles in turns -> cell numbers: equal arcs from angle 0 on, or as many samples each.

    Angles within rounding below a full turn count as 0.
    """
    turns = turns + _ON_EDGE / bins
    turns -= np.floor(turns)
    if binning == "quantile":  # angles that differ by rounding are the same
        return cells(np.round(turns, 9), bins, "quantile")
    return np.minimum((turns * bins).astype(np.int64), bins - 1)


def factor_cells(
    checked: Checked, bins: int, binning: Binning, *, reference: bool = False
) -> np.ndarray:
    """(N, K) cell numbers by kind: bins of values, arcs of angles, categories as they are.

    ValueError for angles that all fall into one arc. In reference mode all but continuous factors
    are the same.
    """
    v = checked.factors
    found = published_cells(v, bins) if reference else cells(v, bins, binning)
    for k in _of_kind(checked.kinds, "categorical"):
        found[:, k] = np.unique(v[:, k], return_inverse=True)[1]
    for k in _of_kind(checked.kinds, "cyclic"):
        turns = v[:, [k]] / (2 * np.pi)
        if np.ptp(arcs(turns, bins, "width")) == 0:
            raise ValueError(
                f"factors column {k} is cyclic and all its angles fall into one of {bins} "
                "bins; angles are in radians; for a short arc declare it continuous"
            )
        found[:, k] = arcs(turns, bins, binning)[:, 0]
    return found


def _of_kind(kinds: Sequence[Kind], kind: Kind) -> list[int]:
    return [k for k, known in enumerate(kinds) if known == kind]
