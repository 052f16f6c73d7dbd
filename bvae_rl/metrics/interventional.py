"""Scores of groups of frames in which one factor was held fixed: FactorVAE and BetaVAE.

Codes are (G, L, D): G groups of L frames, and ``fixed`` (G,) names by number the factor that all
frames of a group share; ``data.probe_groups`` draws them. Which factor that was is predicted from
each group; the classifier learns on one part of the groups and is scored on the other.

The default standardises the codes and corrects accuracy a for chance: kappa = (a - e) / (1 - e), e
the accuracy of the same predictions by chance (Cohen 1960), so that noise scores 0 and the true
factors 1. ``reference=True`` gives the numbers of disentanglement_lib: plain accuracy (chance is
about 1/K), with a third of the groups held out. Its published settings are 15,000 groups of 64
frames for FactorVAE, and of 64 pairs, 128 frames, for BetaVAE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.metrics.information import active_mask
from bvae_rl.metrics.inputs import as_matrix, split
from bvae_rl.runtime.optional import require

_ITERATIONS = 5000
_PUBLISHED_THRESHOLD = 0.05  # standard deviation below which a latent is inactive


@dataclass(frozen=True, eq=False)
class FactorVAEScore:
    """Score (default in [-1, 1], reference in [0, 1]) and its evidence.

    ``votes`` (D, K) counts the groups to learn from by the latent that varied least and the fixed
    factor, ``active`` (D,) marks the latents that may vote.
    """

    score: float
    votes: np.ndarray
    active: np.ndarray


def factor_vae_score(
    codes: Any,
    fixed: Any,
    *,
    variances: Any = None,
    active: Any = None,
    reference: bool = False,
    seed: int = 0,
    test_fraction: float | None = None,
) -> FactorVAEScore:
    """FactorVAE score (Kim & Mnih 2018, arXiv 1802.05983) of codes (G, L, D) and ``fixed`` (G,).

    A group votes for the latent whose variance in it, over ``variances`` (D,), is least; a latent
    predicts the factor for which it got most votes. ``variances`` are those with all factors free
    (default: of all the frames given). ``active`` (D,) says which latents may vote; by default
    those that are not constant, in the reference those of deviation 0.05 or more; without any the
    score is 0. Two slips of disentanglement_lib are not copied: the count of active latents, and
    votes numbered among the active ones. ValueError for unusable arrays.
    """
    z, label = _check(codes, fixed)
    size = z.shape[2]
    flat = z.reshape(-1, size)
    spread = flat.var(axis=0, ddof=1) if variances is None else np.asarray(variances, np.float64)
    if spread.shape != (size,) or not (np.isfinite(spread) & (spread >= 0)).all():
        raise ValueError(f"variances must be {size} finite numbers of 0 or more, got {spread}")
    if reference and active is None:
        active = np.sqrt(spread) >= _PUBLISHED_THRESHOLD
    mask = active_mask(flat, active) & (spread > 0)
    train, test = split(len(z), test_fraction=test_fraction, seed=seed, reference=reference)
    votes = np.zeros((size, int(label.max()) + 1), dtype=np.int64)
    if not mask.any():
        return FactorVAEScore(0.0, votes, mask)
    ratio = z[:, :, mask].var(axis=1, ddof=1) / spread[mask]
    vote = np.flatnonzero(mask)[ratio.argmin(axis=1)]
    np.add.at(votes, (vote[train], label[train]), 1)
    predicted = votes.argmax(axis=1)[vote[test]]
    return FactorVAEScore(_agreement(predicted, label[test], chance=not reference), votes, mask)


def beta_vae_score(
    codes: Any,
    fixed: Any,
    *,
    reference: bool = False,
    seed: int = 0,
    test_fraction: float | None = None,
) -> float:
    """BetaVAE score (Higgins et al. 2017) of codes (G, L, D), L even, and ``fixed`` (G,).

    Frames 2i and 2i + 1 of a group are a pair that shares the value of the fixed factor; pairs of
    one group may differ in it, as published. A logistic regression predicts the factor from the
    mean absolute difference of the pairs. Needs scikit-learn; ValueError for unusable arrays.
    """
    z, label = _check(codes, fixed)
    if z.shape[1] % 2:
        raise ValueError(f"pairs need an even number of frames in a group, got {z.shape[1]}")
    train, test = split(len(z), test_fraction=test_fraction, seed=seed, reference=reference)
    if len(np.unique(label[train])) < 2:
        raise ValueError(f"{len(train)} groups to learn from hold one factor fixed; give more")
    if not reference:
        scale = z.reshape(-1, z.shape[2]).std(axis=0)
        z = z / np.where(np.ptp(z, axis=(0, 1)) > 0, scale, np.inf)
    points = np.abs(z[:, ::2] - z[:, 1::2]).mean(axis=1)  # (G, D)
    linear = require("sklearn.linear_model", extra="metrics")
    model = linear.LogisticRegression(max_iter=_ITERATIONS).fit(points[train], label[train])
    return _agreement(model.predict(points[test]), label[test], chance=not reference)


def _check(codes: Any, fixed: Any) -> tuple[np.ndarray, np.ndarray]:
    z = np.asarray(codes)
    if z.ndim != 3 or 0 in z.shape:
        raise ValueError(f"codes must be groups x frames x latents, got shape {z.shape}")
    flat = as_matrix(z.reshape(-1, z.shape[2]), "codes (all frames)")
    if z.shape[1] < 2:
        raise ValueError(f"a group needs at least 2 frames, got {z.shape[1]}")
    label = np.asarray(fixed)
    if label.shape != z.shape[:1] or label.dtype.kind not in "iu" or label.min() < 0:
        raise ValueError(
            f"fixed must number one factor for each of the {len(z)} groups, got an array of shape "
            f"{label.shape} and dtype {label.dtype}"
        )
    if len(np.unique(label)) < 2:
        raise ValueError("fixed must hold at least two factors: there is nothing to tell apart")
    return flat.reshape(z.shape), label.astype(np.int64)


def _agreement(predicted: np.ndarray, truth: np.ndarray, *, chance: bool) -> float:
    """Accuracy, or kappa: 0 if the predictions say nothing about the truth."""
    accuracy = float(np.mean(predicted == truth))
    if not chance:
        return accuracy
    size = int(max(predicted.max(), truth.max())) + 1
    rates = [np.bincount(one, minlength=size) / len(one) for one in (predicted, truth)]
    expected = float(rates[0] @ rates[1])
    if expected == 1:
        raise ValueError(
            f"the {len(truth)} groups held out all hold the same factor fixed; give more groups"
        )
    return (accuracy - expected) / (1 - expected)
