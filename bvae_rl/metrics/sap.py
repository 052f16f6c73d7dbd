"""Separated attribute predictability (Kumar et al. 2018, arXiv 1711.00848, section 3).

How well each code alone predicts each factor, (D, K); per factor the gap between the best two
codes; the score is the mean over factors, in [0, 1]. A second code that does not exist predicts 0.

continuous   R2 of a line, cov^2 / (var var) in the paper.
cyclic       R2 of a line to (cos, sin), our extension. A circle needs two codes, so the gap is what
             the best pair of codes loses without the one and without the other, if the others may
             take its place, added up; (cos, sin) scores 1, and a circle that appears twice 0.
categorical  rescaled accuracy (see ``targets``) of a decision tree on the one code.

The default fits on one part of the samples, scores on the other, and raises what is below 0 to 0.
``reference=True`` gives the numbers of disentanglement_lib: cov^2 / (var var) over all samples, and
for categorical factors the plain held-out accuracy of ``LinearSVC(C=0.01, balanced)`` on unscaled
codes, with a third of the samples held out. Its classes are each told from all others by one
threshold, so that a code equal to a label of three or more values does not score 1 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.held_out import held_out
from bvae_rl.metrics.inputs import Checked, check, standardise
from bvae_rl.metrics.regression import line
from bvae_rl.metrics.targets import Targets, make_targets
from bvae_rl.runtime.optional import require

_LEAST_VARIANCE = 1e-12  # of a code in the published definition


@dataclass(frozen=True, eq=False)
class SAP:
    """Score in [0, 1], its parts (K,), and how well each code alone predicts each factor (D, K)."""

    score: float
    per_factor: np.ndarray
    predictability: np.ndarray


def sap(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    reference: bool = False,
    seed: int = 0,
    test_fraction: float | None = None,
    most: int | None = 5000,
) -> SAP:
    """SAP of (N, D) codes and (N, K) factors; needs scikit-learn for categorical factors.

    ``test_fraction`` defaults to a quarter, in the reference to a third. ``most`` bounds the
    samples that are fitted on (None: no bound; the reference has none). ValueError for unusable
    arrays and too few samples.
    """
    checked = check(codes, factors, kinds=kinds)
    train, test = held_out(
        len(checked.codes), test_fraction=test_fraction, seed=seed, most=most, reference=reference
    )
    readers = _Readers(checked, make_targets(checked.factors, checked.kinds), train, test)
    matrix = np.empty((checked.codes.shape[1], len(checked.kinds)))
    gaps = np.empty(len(checked.kinds))
    for k, kind in enumerate(checked.kinds):
        if kind == "categorical":
            matrix[:, k] = readers.machines(k) if reference else readers.trees(k, seed)
        elif kind == "continuous" and reference:
            matrix[:, k] = _squared_correlation(checked.codes, checked.factors[:, k])
        else:
            matrix[:, k] = [readers.line(k, [j]) for j in range(len(matrix))]
        gaps[k] = readers.pair_gap(k) if kind == "cyclic" else _top_gap(matrix[:, k])
    return SAP(float(gaps.mean()), gaps, matrix)


@dataclass(frozen=True, eq=False)
class _Readers:
    """Predictors of one factor from one code or two, fitted on ``train``, scored on ``test``."""

    checked: Checked
    targets: Targets
    train: np.ndarray
    test: np.ndarray

    def line(self, factor: int, latents: Sequence[int]) -> float:
        codes = standardise(self.checked.codes[:, list(latents)], self.train)
        fitted = self.targets.of(factor)[self.train]
        predicted = line(codes[self.train], fitted, codes[self.test])
        return max(0.0, self.targets.score_one(factor, predicted, self.test))

    def pair_gap(self, factor: int) -> float:
        """What is lost without the one or the other of the best pair, added up; at most all."""
        latents = range(self.checked.codes.shape[1])
        found = {one: self.line(factor, one) for n in (1, 2) for one in combinations(latents, n)}
        best = max(found, key=lambda one: (len(one), found[one]))
        without = [max((r for o, r in found.items() if j not in o), default=0.0) for j in best]
        return min(found[best], sum(max(0.0, found[best] - rest) for rest in without))

    def trees(self, factor: int, seed: int) -> list[float]:
        tree = require("sklearn.tree", extra="metrics").DecisionTreeRegressor(
            max_leaf_nodes=4 * self.targets.of(factor).shape[1],
            min_samples_leaf=5,
            random_state=seed,
        )
        found = []
        for column in self.checked.codes.T[:, :, None]:
            tree.fit(column[self.train], self.targets.of(factor)[self.train])
            predicted = tree.predict(column[self.test])
            found.append(max(0.0, self.targets.score_one(factor, predicted, self.test)))
        return found

    def machines(self, factor: int) -> list[float]:
        # dual=False finds the optimum that the published solver approaches, without its random walk
        machine = require("sklearn.svm", extra="metrics").LinearSVC(
            C=0.01, class_weight="balanced", dual=False
        )
        label = self.checked.factors[:, factor]
        columns = self.checked.codes.T[:, :, None]
        return [
            float(
                machine.fit(z[self.train], label[self.train]).score(z[self.test], label[self.test])
            )
            for z in columns
        ]


def _squared_correlation(codes: np.ndarray, factor: np.ndarray) -> np.ndarray:
    z, v = codes - codes.mean(axis=0), factor - factor.mean()
    variance = np.square(z).sum(axis=0) / (len(z) - 1)
    alive = variance > _LEAST_VARIANCE
    explained = np.square(v @ z) / (np.where(alive, variance, 1) * (len(z) - 1) * (v @ v))
    return np.where(alive, explained, 0.0)


def _top_gap(column: np.ndarray) -> float:
    best = np.sort(column)[::-1]
    return float(best[0] - best[1]) if len(best) > 1 else float(best[0])
