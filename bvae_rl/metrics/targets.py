"""How a factor becomes something a regressor can predict, and how the prediction is scored.

continuous   the value itself; R2.
cyclic       (cos, sin) of the angle in radians; one R2 with the squared errors of both summed, so
             that it does not depend on where the angle 0 lies.
categorical  one-hot; accuracy a rescaled to (a - c) / (1 - c) with c the part of the most common
             class in the tested samples, so that 0 is the best constant answer, as for R2.

All are 1 for a perfect prediction and negative for one that is worse than a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bvae_rl.data.factors import Kind


@dataclass(frozen=True, eq=False)
class Targets:
    """Regression targets (N, M) and, for each of the M columns, the factor it belongs to."""

    columns: np.ndarray
    owner: np.ndarray
    kinds: tuple[Kind, ...]

    def of(self, factor: int) -> np.ndarray:
        """The columns of one factor, (N, C)."""
        return self.columns[:, self.owner == factor]

    def score(
        self, predicted: np.ndarray, rows: np.ndarray, *, beside: np.ndarray | None = None
    ) -> np.ndarray:
        """Score per factor, (K,), of ``predicted`` (len(rows), M) on the given rows.

        ``beside``: the rows whose spread errors are measured by; by default the given ones.
        ValueError where a factor is constant in these.
        """
        factors = range(len(self.kinds))
        columns = [predicted[:, self.owner == k] for k in factors]
        return np.array([self.score_one(k, columns[k], rows, beside=beside) for k in factors])

    def score_one(
        self,
        factor: int,
        predicted: np.ndarray,
        rows: np.ndarray,
        *,
        beside: np.ndarray | None = None,
    ) -> float:
        """Score of the ``predicted`` columns (len(rows), C) of one factor on the given rows."""
        truth = self.of(factor)
        every = truth[rows if beside is None else beside]
        return _score(truth[rows], predicted, every, self.kinds[factor], factor)


def make_targets(factors: np.ndarray, kinds: Sequence[Kind]) -> Targets:
    """Targets of (N, K) checked factors."""
    blocks = [_encode(factors[:, k], kind) for k, kind in enumerate(kinds)]
    owner = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    return Targets(np.concatenate(blocks, axis=1), owner, tuple(kinds))


def _encode(values: np.ndarray, kind: Kind) -> np.ndarray:
    if kind == "cyclic":
        return np.stack([np.cos(values), np.sin(values)], axis=1)
    if kind == "categorical":
        return np.asarray(values[:, None] == np.unique(values), dtype=np.float64)
    return values[:, None]


def _score(
    truth: np.ndarray, predicted: np.ndarray, every: np.ndarray, kind: Kind, factor: int
) -> float:
    if kind == "categorical":
        right = float(np.mean(truth.argmax(axis=1) == predicted.argmax(axis=1)))
        chance = float(every.mean(axis=0).max())
        if chance < 1:
            return (right - chance) / (1 - chance)
    else:
        spread = float(np.square(every - every.mean(axis=0)).sum()) * len(truth) / len(every)
        if np.ptp(every, axis=0).max() > 0 and spread > 0:  # rounding can leave either at 0
            return 1 - float(np.square(truth - predicted).sum()) / spread
    raise ValueError(
        f"factor column {factor} is constant in the {len(truth)} samples held out for testing; "
        "use more samples, or leave the factor out"
    )
