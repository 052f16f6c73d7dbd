"""Explicitness (Ridgeway & Mozer 2018, arXiv 1802.05312, section 3): is a factor linearly readable?

categorical  logistic regression on the standardised latents; area under the ROC curve of each class
             against the rest on held-out samples, A, averaged over classes. 2 A - 1, as in the
             paper: 1 is perfect and 0 is chance.
continuous, cyclic   held-out linear-probe R2 (of the value, or of cos and sin together). The paper
             knows classes only; this is our extension.

At most 1; noise scores around 0, and a misleading representation below.
``reference=True`` gives the numbers of disentanglement_lib: A itself (chance is .5), with a third
of the samples held out.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from bvae_rl.metrics.held_out import HeldOut, Splitting
from bvae_rl.metrics.results import FactorScores
from bvae_rl.runtime.optional import require

_ITERATIONS = 2000  # the default 100 can end before the optimum, with a warning


def explicitness(codes: Any, factors: Any, **settings: Unpack[Splitting]) -> FactorScores:
    """Explicitness of (N, D) codes and (N, K) factors; scikit-learn for categorical factors.

    Settings are those of ``Splitting``, ``most`` is 5,000. ValueError for unusable arrays, too few
    samples, and a factor of which only one class is held out.
    """
    settings.setdefault("most", 5000)
    held = HeldOut.of(codes, factors, **settings)
    parts = np.empty(len(held.kinds))
    for k, kind in enumerate(held.kinds):
        if kind != "categorical":
            parts[k] = held.linear_probe(k)
        else:
            area = _area(held, k)
            parts[k] = area if held.reference else 2 * area - 1
    return FactorScores(float(parts.mean()), parts)


def _area(held: HeldOut, factor: int) -> float:
    """Mean of the area under the curve over the classes that are on both sides."""
    x = held.standardised
    label, label_test = held.labels(factor)
    seen = np.intersect1d(label, label_test)
    fitted, scored = len(np.unique(label)), len(np.unique(label_test))
    if fitted < 2 or scored < 2 or not len(seen):
        raise ValueError(
            f"factors column {factor} has {fitted} classes among the {len(label)} samples to fit "
            f"on and {scored} among the {len(label_test)} to score on; two are needed on both "
            "sides: use more samples, or leave the factor out"
        )
    linear = require("sklearn.linear_model", extra="metrics")
    auc = require("sklearn.metrics", extra="metrics").roc_auc_score
    model = linear.LogisticRegression(max_iter=_ITERATIONS).fit(x[held.train], label)
    likely = model.predict_proba(x[held.test])
    place = np.searchsorted(model.classes_, seen)
    return float(
        np.mean([auc(label_test == c, likely[:, j]) for c, j in zip(seen, place, strict=True)])
    )
