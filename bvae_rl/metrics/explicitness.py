"""Explicitness (Ridgeway & Mozer 2018, arXiv 1802.05312, section 3): is a factor linearly readable?

categorical  logistic regression on the standardised codes; area under the ROC curve of each class
             against the rest on held-out samples, A, averaged over classes. 2 A - 1, as in the
             paper: 1 is perfect and 0 is chance.
continuous, cyclic   held-out R2 of a line (of the value, or of cos and sin together). The paper
             knows classes only; this is our extension.

At most 1; the score of noise lies around 0, and a code that misleads scores below.
``reference=True`` gives the numbers of disentanglement_lib: A itself (chance is .5), with a third
of the samples held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.held_out import held_out
from bvae_rl.metrics.inputs import check, standardise
from bvae_rl.metrics.regression import line
from bvae_rl.metrics.targets import make_targets
from bvae_rl.runtime.optional import require

_ITERATIONS = 2000  # the default 100 can end before the optimum, with a warning


@dataclass(frozen=True, eq=False)
class Explicitness:
    """Mean over factors, at most 1, and its parts (K,)."""

    score: float
    per_factor: np.ndarray


def explicitness(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    reference: bool = False,
    seed: int = 0,
    test_fraction: float | None = None,
    most: int | None = 5000,
) -> Explicitness:
    """Explicitness of (N, D) codes and (N, K) factors; scikit-learn for categorical factors.

    ``test_fraction`` defaults to a quarter, in the reference to a third. At most ``most`` samples
    are fitted on (None: no bound; the reference has none). ValueError for unusable arrays, too few
    samples, and a factor of which one class only is held out.
    """
    checked = check(codes, factors, kinds=kinds)
    train, test = held_out(
        len(checked.codes), test_fraction=test_fraction, seed=seed, most=most, reference=reference
    )
    x = standardise(checked.codes, train)
    targets = make_targets(checked.factors, checked.kinds)
    parts = []
    for k, kind in enumerate(checked.kinds):
        if kind == "categorical":
            label = checked.factors[:, k]
            area = _area(x[train], label[train], x[test], label[test], k)
            parts.append(area if reference else 2 * area - 1)
        else:
            predicted = line(x[train], targets.of(k)[train], x[test])
            parts.append(targets.score_one(k, predicted, test))
    return Explicitness(float(np.mean(parts)), np.array(parts))


def _area(
    x: np.ndarray, label: np.ndarray, x_test: np.ndarray, label_test: np.ndarray, factor: int
) -> float:
    """Mean of the area under the curve over the classes that are on both sides."""
    seen = np.intersect1d(label, label_test)
    if len(np.unique(label)) < 2 or len(np.unique(label_test)) < 2 or not len(seen):
        raise ValueError(
            f"factors column {factor} has {len(np.unique(label))} classes among the {len(label)} "
            f"samples to fit on and {len(np.unique(label_test))} among the {len(label_test)} to "
            "score on; two are needed on both sides: use more samples, or leave the factor out"
        )
    linear = require("sklearn.linear_model", extra="metrics")
    auc = require("sklearn.metrics", extra="metrics").roc_auc_score
    model = linear.LogisticRegression(max_iter=_ITERATIONS).fit(x, label)
    likely = model.predict_proba(x_test)
    place = np.searchsorted(model.classes_, seen)
    areas = [auc(label_test == c, likely[:, j]) for c, j in zip(seen, place, strict=True)]
    return float(np.mean(areas))
