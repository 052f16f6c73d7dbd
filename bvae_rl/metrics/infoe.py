"""InfoE (Hsu et al. 2023): how much of the factors a linear predictor reads from all latents.

Predictive V-information (Xu et al. 2020) as a share of the factor's V-entropy, with V the linear
models; 1 - (loss with codes) / (loss without), mean over factors, in [0, 1]:

categorical  log loss of a multinomial logistic regression without penalty;
continuous   squared error of least squares (V: Gaussians of one variance), so that the share is R2;
cyclic       the same for (cos, sin) of the angle, errors of both summed.

By default fits and losses are on different samples, constant answers come from the fitted part,
and a factor that is predicted worse than by a constant counts 0. ``reference=True`` is the
published code: every factor in classes (continuous and cyclic ones cut into bins, our extension),
balanced class weights, 100 iterations, and the loss on the fitted samples, which flatters small
samples; the loss without codes is then the log of the number of classes, and the score may lie
below 0. Codes are standardised in both, as published.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.binning import check_bins, factor_cells
from bvae_rl.metrics.held_out import HeldOut
from bvae_rl.metrics.inputs import check, standardise
from bvae_rl.metrics.results import FactorScores
from bvae_rl.runtime.optional import require


def infoe(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    bins: int = 20,
    reference: bool = False,
    test_fraction: float = 0.25,
    seed: int = 0,
    episode: Any = None,
) -> FactorScores:
    """InfoE of (N, D) codes and (N, K) factors; ``seed`` draws the test split. Needs scikit-learn.

    ``bins`` are those of reference mode, in which nothing is held out. ``episode``: as in
    ``Splitting``. Raises ValueError for unusable arrays, for too few
    samples, and for a categorical factor with a single class in the part that is fitted.
    """
    check_bins(bins, "width", reference=reference)
    if reference:
        checked = check(codes, factors, kinds=kinds)
        every = np.arange(len(checked.codes))
        levels = factor_cells(checked, bins, "width", reference=True).T
        published = [_logistic(checked.codes, level, every, every, True) for level in levels]
        return FactorScores(float(np.mean(published)), np.array(published))
    held = HeldOut.of(
        codes, factors, kinds=kinds, test_fraction=test_fraction, seed=seed, episode=episode
    )
    found = np.empty(len(held.kinds))
    for k, kind in enumerate(held.kinds):
        if kind != "categorical":
            found[k] = held.linear_probe(k)
            continue
        level = np.unique(held.factors[:, k], return_inverse=True)[1]
        if len(np.unique(level[held.train])) == 1:
            raise ValueError(
                f"factor column {k} is constant in the {len(held.train)} samples that are fitted; "
                "use more samples, or leave the factor out"
            )
        found[k] = _logistic(held.codes, level, held.train, held.test, False)
    found = np.clip(found, 0.0, 1.0)
    return FactorScores(float(found.mean()), found)


def _logistic(
    codes: np.ndarray, level: np.ndarray, train: np.ndarray, test: np.ndarray, published: bool
) -> float:
    """One minus the ratio of log losses on ``test``. Classes that ``train`` lacks are left out."""
    linear = require("sklearn.linear_model", extra="metrics")
    convergence = require("sklearn.exceptions", extra="metrics").ConvergenceWarning
    x = standardise(codes, train)
    weights, steps = ("balanced", 100) if published else (None, 300)
    model = linear.LogisticRegression(C=np.inf, class_weight=weights, max_iter=steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", convergence)  # separable classes have no finite optimum
        model.fit(x[train], level[train])
    classes = np.asarray(model.classes_)
    test = test[np.isin(level[test], classes)]
    if published:
        prior = np.full(len(classes), 1 / len(classes))
    else:
        prior = np.bincount(level[train])[classes] / len(train)
    place = np.searchsorted(classes, level[test])
    likely = np.asarray(model.predict_proba(x[test]))[np.arange(len(test)), place]
    least = np.finfo(np.float64).eps  # as scikit-learn's log_loss
    return 1 - float(np.log(np.maximum(likely, least)).sum() / np.log(prior[place]).sum())
