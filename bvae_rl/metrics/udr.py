"""Unsupervised disentanglement ranking (Duan et al. 2020, arXiv 1905.12614): do models agree?

All models encode the same frames; no factors are needed. For models i and j, R (D_i, D_j) holds how
strongly latent a of i and latent b of j depend on each other: the absolute weights of a Lasso
(alpha 0.1) from the standardised latents of i to those of j, or absolute Spearman correlations.
Good models agree up to order and sign, and R has one large entry in each row and column:

    UDR_ij = 1/2 (mean_b r_b^2 / sum_a R_ab + mean_a r_a^2 / sum_b R_ab), r the largest entry,

with 0 for an empty row. A model's score is the median over the other models i of UDR_i,model, at
least 0, and at most 1 with Spearman; 0.9 is what Lasso leaves of perfect agreement. Inactive
latents are left out: those of KL <= 0.01 nats where the KL is given, else the exactly constant
ones. Each side weighs a half, as in disentanglement_lib; the paper weighs it by its active
latents. Nothing is fitted that a held-out part would correct.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from bvae_rl.metrics.inputs import as_matrix, standardise
from bvae_rl.runtime.optional import require

Method = Literal["lasso", "spearman"]
_ALPHA = 0.1
_ITERATIONS = 10_000  # scikit-learn's 1,000 do not converge for codes that repeat themselves


@dataclass(frozen=True, eq=False)
class UDR:
    """Score per model (M,), UDR_ij (M, M) with a diagonal of 0, and active latents per model."""

    scores: np.ndarray
    pairs: np.ndarray
    active: tuple[tuple[int, ...], ...]


def udr(
    codes: Sequence[Any],
    *,
    method: Method = "lasso",
    kl: Sequence[Any] | None = None,
    threshold: float = 0.01,
    seed: int = 0,
    most: int | None = 1000,
) -> UDR:
    """UDR of two or more models' codes, each (N, D_i), of the same N frames; needs scikit-learn.

    ``kl`` gives per model the mean KL of each latent (D_i,), in nats. ``most`` frames are used,
    drawn by ``seed`` (the paper's number; None: all). A model without active latents scores 0.
    ValueError for unusable arrays, different lengths, fewer than two models or ten frames.
    """
    if method not in get_args(Method):
        raise ValueError(f"unknown method {method!r}; known are 'lasso' and 'spearman'")
    if len(codes) < 2:
        raise ValueError(f"UDR compares models: at least two are needed, got {len(codes)}")
    if most is not None and most < 10:
        raise ValueError(f"most must be at least 10 frames, or None, got {most}")
    if kl is not None and len(kl) != len(codes):
        raise ValueError(f"kl must be given for each of the {len(codes)} models, got {len(kl)}")
    models = [as_matrix(one, f"codes[{i}]") for i, one in enumerate(codes)]
    lengths = [len(one) for one in models]
    if len(set(lengths)) > 1 or lengths[0] < 10:
        raise ValueError(
            f"the models must have encoded the same frames, ten or more, got {lengths} rows"
        )
    rows = np.random.default_rng(seed).permutation(lengths[0])[:most]
    everyone = np.arange(len(rows))
    active = [_active(one[rows], kl, i, threshold) for i, one in enumerate(models)]
    scaled = [
        standardise(one[np.ix_(rows, kept)], everyone)
        for one, kept in zip(models, active, strict=True)
    ]
    relate = _lasso if method == "lasso" else _spearman
    pairs = np.zeros((len(models), len(models)))
    for i, first in enumerate(scaled):
        for j, second in enumerate(scaled):
            if i != j and first.shape[1] and second.shape[1]:
                pairs[i, j] = _agreement(relate(first, second))
    scores = [np.median(np.delete(pairs[:, j], j)) for j in range(len(models))]
    return UDR(np.array(scores), pairs, tuple(tuple(map(int, kept)) for kept in active))


def _active(codes: np.ndarray, kl: Sequence[Any] | None, i: int, threshold: float) -> np.ndarray:
    active = np.ptp(codes, axis=0) > 0
    if kl is not None:
        if np.shape(kl[i]) != active.shape or not np.isfinite(kl[i]).all():
            raise ValueError(
                f"kl needs one finite number for each of the {len(active)} latents of model {i}, "
                f"got {kl[i]}"
            )
        active &= np.asarray(kl[i]) > threshold
    return np.flatnonzero(active)


def _lasso(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    model = require("sklearn.linear_model", extra="metrics").Lasso(
        alpha=_ALPHA, max_iter=_ITERATIONS
    )
    weights = np.atleast_2d(model.fit(first, second).coef_)
    return np.abs(weights.reshape(second.shape[1], first.shape[1]).T)


def _spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    rank = require("scipy.stats", extra="metrics").rankdata
    everyone = np.arange(len(first))
    a, b = (standardise(rank(x, axis=0), everyone) for x in (first, second))
    return np.asarray(np.abs(a.T @ b) / len(first))


def _agreement(relation: np.ndarray) -> float:
    parts = []
    for matrix in (relation, relation.T):
        total = matrix.sum(axis=0)
        strength = matrix.max(axis=0) ** 2 / np.where(total > 0, total, 1)
        parts.append(float(strength.mean()))
    return sum(parts) / 2
