"""Separated attribute predictability (Kumar et al. 2018, arXiv 1711.00848, section 3).

How well each latent alone predicts each factor, (D, K); per factor the gap between the best two
latents; the score is the mean over factors, in [0, 1]. A missing second latent counts 0.

continuous   linear-probe R2, cov^2 / (var var) in the paper.
cyclic       linear-probe R2 of (cos, sin), our extension. A circle needs two latents, so the gap is
             what the best pair of latents loses without the one and without the other, if the
             others may take its place, added up; (cos, sin) scores 1, a duplicated circle 0.
categorical  rescaled accuracy (see ``targets``) of a decision tree on the one latent.

The default fits on one part of the samples, scores on the other, and raises what is below 0 to 0.
``reference=True`` gives the numbers of disentanglement_lib: cov^2 / (var var) over all samples, and
for categorical factors the plain held-out accuracy of ``LinearSVC(C=0.01, balanced)`` on unscaled
latents, with a third of the samples held out. It separates each class from all others by one
threshold, so that a latent equal to a label of three or more values does not score 1 there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Unpack

import numpy as np

from bvae_rl.metrics.held_out import HeldOut, Splitting
from bvae_rl.runtime.optional import require

_LEAST_VARIANCE = 1e-12  # of a latent in the published definition


@dataclass(frozen=True, eq=False)
class SAP:
    """Score in [0, 1], its parts (K,), and how well one latent predicts each factor (D, K)."""

    score: float
    per_factor: np.ndarray
    predictability: np.ndarray


def sap(codes: Any, factors: Any, **settings: Unpack[Splitting]) -> SAP:
    """SAP of (N, D) codes and (N, K) factors; needs scikit-learn for categorical factors.

    Settings are those of ``Splitting``, ``most`` is 5,000. ValueError for unusable arrays and too
    few samples.
    """
    settings.setdefault("most", 5000)
    held = HeldOut.of(codes, factors, **settings)
    matrix = np.empty((held.codes.shape[1], len(held.kinds)))
    gaps = np.empty(len(held.kinds))
    for k, kind in enumerate(held.kinds):
        if kind == "categorical":
            matrix[:, k] = _machines(held, k) if held.reference else _trees(held, k)
        elif kind == "continuous" and held.reference:
            matrix[:, k] = _squared_correlation(held.codes, held.factors[:, k])
        else:
            matrix[:, k] = [max(0.0, held.linear_probe(k, [j])) for j in range(len(matrix))]
        best = np.sort(np.append(matrix[:, k], 0.0))
        gaps[k] = _pair_gap(held, k) if kind == "cyclic" else best[-1] - best[-2]
    return SAP(float(gaps.mean()), gaps, matrix)


def _pair_gap(held: HeldOut, factor: int) -> float:
    """What is lost without the one or the other of the best pair, added up; at most all."""
    latents = range(held.codes.shape[1])
    found = {
        some: max(0.0, held.linear_probe(factor, some))
        for size in (1, 2)
        for some in combinations(latents, size)
    }
    best = max(found, key=lambda some: (len(some), found[some]))
    without = [max((r for o, r in found.items() if j not in o), default=0.0) for j in best]
    return min(found[best], sum(max(0.0, found[best] - rest) for rest in without))


def _trees(held: HeldOut, factor: int) -> list[float]:
    target = held.targets.of(factor)[held.train]
    tree = require("sklearn.tree", extra="metrics").DecisionTreeRegressor(
        max_leaf_nodes=4 * target.shape[1], min_samples_leaf=5, random_state=held.seed
    )
    found = []
    for column in _about_one(held.codes).T[:, :, None]:
        predicted = tree.fit(column[held.train], target).predict(column[held.test])
        found.append(max(0.0, held.targets.score_one(factor, predicted, held.test)))
    return found


def _about_one(codes: np.ndarray) -> np.ndarray:
    """``codes`` times powers of two, exactly: to trees a spread below 1e-7 is none."""
    _, exponents = np.frexp(codes.std(axis=0))
    return np.ldexp(codes, -exponents)


def _machines(held: HeldOut, factor: int) -> list[float]:
    # dual=False finds the optimum that the published solver approaches, without its random walk
    machine = require("sklearn.svm", extra="metrics").LinearSVC(
        C=0.01, class_weight="balanced", dual=False
    )
    label, label_test = held.labels(factor)
    return [
        float(machine.fit(column[held.train], label).score(column[held.test], label_test))
        for column in held.codes.T[:, :, None]
    ]


def _squared_correlation(codes: np.ndarray, factor: np.ndarray) -> np.ndarray:
    z, v = codes - codes.mean(axis=0), factor - factor.mean()
    variance = np.square(z).sum(axis=0) / (len(z) - 1)
    varies = variance > _LEAST_VARIANCE
    explained = np.square(v @ z) / (np.where(varies, variance, 1) * (len(z) - 1) * (v @ v))
    return np.where(varies, explained, 0.0)
