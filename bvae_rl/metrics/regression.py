"""Linear-probe and MLP-probe R2: how well each factor is read from the codes.

The probe is fitted on one part of the samples and scored on the other; targets and scores by kind
as in ``targets``. The linear one is least squares with an intercept, the other the small network of
``regressor``. Random splits of rollout frames put neighbours on both sides: give ``episode`` there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.held_out import HeldOut, least_squares
from bvae_rl.metrics.inputs import check, stack
from bvae_rl.metrics.targets import Targets

Model = Literal["mlp", "linear"]


@dataclass(frozen=True, eq=False)
class R2:
    """Held-out score per factor (K,), at most 1, negative if worse than a constant; their mean.

    ``interval`` (1 + K, 2) bounds the mean and each factor's score at 95%, if replicates were
    drawn: of the held-out samples, so it does not cover the chance in the fit.
    """

    per_factor: np.ndarray
    mean: float
    interval: np.ndarray | None = None


def r2(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    model: Model = "mlp",
    seed: int = 0,
    test_fraction: float = 0.25,
    codes_test: Any = None,
    factors_test: Any = None,
    steps: int = 2000,
    replicates: int = 0,
    episode: Any = None,
) -> R2:
    """R2 of (N, K) factors from (N, D) codes on held-out samples.

    With ``codes_test`` and ``factors_test`` the fit uses all of ``codes`` and the score all of
    these; otherwise a random ``test_fraction`` is held out, of whole episodes where ``episode``
    (N,) numbers them. ``steps`` are those of the network. ``replicates`` (0, or 2 and more) of the
    held-out samples, or episodes, give the interval; draws in which a factor is constant are left
    out. ValueError for unusable arrays, an unknown model, and too few
    samples.
    """
    if (codes_test is None) != (factors_test is None):
        raise ValueError("codes_test and factors_test must be given together")
    if codes_test is None:
        held = HeldOut.of(
            codes, factors, kinds=kinds, test_fraction=test_fraction, seed=seed, episode=episode
        )
    else:
        fitted = check(codes, factors, kinds=kinds, minimum=10)
        both = stack(fitted, check(codes_test, factors_test, kinds=kinds, suffix="_test"))
        train, test = np.split(np.arange(len(both.codes)), [len(fitted.codes)])
        held = HeldOut.at(both, train, test, seed)
    predicted = predict(held, model, steps)
    interval = _bootstrap(predicted, held, replicates) if replicates else None
    return replace(scored(predicted, held.targets, held.test), interval=interval)


def predict(held: HeldOut, model: Model, steps: int) -> np.ndarray:
    """A probe's predictions (len(test), M); ValueError for an unknown model or too few steps."""
    if model not in get_args(Model):
        raise ValueError(f"unknown model {model!r}; known are 'mlp' and 'linear'")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    x, x_test = held.standardised[held.train], held.standardised[held.test]
    y = held.targets.columns[held.train]
    if model == "linear":
        return least_squares(x, y, x_test)
    from bvae_rl.metrics.regressor import fit_predict  # torch is loaded where it is used

    aside = None if held.episode is None else held.aside
    owner = held.targets.owner
    return fit_predict(x, y, x_test, owner=owner, seed=held.seed, steps=steps, aside=aside)


def scored(predicted: np.ndarray, targets: Targets, rows: np.ndarray) -> R2:
    """The scores of predictions (len(rows), M) of the given rows."""
    per_factor = targets.score(predicted, rows)
    return R2(per_factor, float(per_factor.mean()))


def _bootstrap(predicted: np.ndarray, held: HeldOut, replicates: int) -> np.ndarray:
    """95% percentile interval (1 + K, 2) over draws of the tested rows, or episodes.

    Of a few episodes a draw may hold one several times, within which a factor hardly changes: their
    errors are measured by the spread of all.
    """
    rng, rows, scores = np.random.default_rng(held.seed), held.test, []
    number = np.arange(len(rows)) if held.episode is None else held.episode[rows]
    names, which = np.unique(number, return_inverse=True)
    beside = None if held.episode is None else rows
    places = np.split(which.argsort(kind="stable"), np.cumsum(np.bincount(which))[:-1])
    for drawn in rng.integers(len(names), size=(max(replicates, 0), len(names))):
        if held.episode is not None:
            drawn = np.concatenate([places[k] for k in drawn])
        with suppress(ValueError):  # a draw may hold one value of a factor only
            scores.append(held.targets.score(predicted[drawn], rows[drawn], beside=beside))
    if len(scores) < 2:
        raise ValueError(
            f"an interval needs two or more replicates, got {replicates}, of which {len(scores)} "
            "hold two values of every factor; draw more, or test on more samples"
        )
    both = np.column_stack([np.mean(scores, axis=1), scores])
    return np.quantile(both, [0.025, 0.975], axis=0).T
