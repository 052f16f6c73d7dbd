"""Generalisation of a readout to other appearances (Traeuble et al. 2022, arXiv 2107.05686).

A small regressor learns to read the factors from the codes of one visual domain and is tested on the
codes of the others. Theirs is the score that predicts best how a policy on the same codes does in
looks it was not trained in. Here: the regressors and scores of ``regression`` and ``targets`` (R2,
rescaled accuracy for categorical factors), fitted on one part of the source set; the gap is the
score on the other part of the source minus that on each other set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.held_out import held_out
from bvae_rl.metrics.inputs import Checked, check
from bvae_rl.metrics.regression import R2, Model, check_model, read, scored
from bvae_rl.metrics.targets import make_targets


@dataclass(frozen=True, eq=False)
class Generalisation:
    """R2 per set, of the source on held-out samples, and what is lost against the source.

    ``gap`` holds per other set the difference of the mean scores, ``gap_per_factor`` that of each
    factor (K,); positive where the source is read better.
    """

    source: str
    scores: dict[str, R2]
    gap: dict[str, float]
    gap_per_factor: dict[str, np.ndarray]


def generalisation(
    codes_by_set: Mapping[str, Any],
    factors_by_set: Mapping[str, Any],
    *,
    source: str,
    kinds: Sequence[Kind] | None = None,
    model: Model = "mlp",
    seed: int = 0,
    test_fraction: float = 0.25,
    steps: int = 2000,
) -> Generalisation:
    """Fit on the ``source`` set, score on every set: (N, D) codes and (N, K) factors by name.

    The factors must change in every set. Raises ValueError for unusable arrays, sets that are not
    in both mappings, fewer than two sets, and too few samples.
    """
    check_model(model, steps)
    if set(codes_by_set) != set(factors_by_set) or source not in codes_by_set:
        raise ValueError(
            f"codes and factors of the same sets are needed, {source!r} (the source) among them; "
            f"got codes of {sorted(codes_by_set)} and factors of {sorted(factors_by_set)}"
        )
    if len(codes_by_set) < 2:
        raise ValueError(f"a set other than the source {source!r} is needed to generalise to")
    sets = {
        name: check(
            codes_by_set[name], factors_by_set[name], kinds=kinds, suffix=f" of set {name!r}"
        )
        for name in (source, *(name for name in codes_by_set if name != source))
    }
    _check_columns(sets, source)
    starts = np.cumsum([0, *(len(one.codes) for one in sets.values())])
    train, test = held_out(int(starts[1]), test_fraction=test_fraction, seed=seed)
    rows = {source: test} | {
        name: np.arange(starts[i], starts[i + 1]) for i, name in enumerate(sets) if i > 0
    }
    codes = np.concatenate([one.codes for one in sets.values()])
    targets = make_targets(
        np.concatenate([one.factors for one in sets.values()]), sets[source].kinds
    )
    every = np.concatenate(list(rows.values()))
    predicted = read(codes, targets, train, every, model=model, seed=seed, steps=steps)
    ends = np.cumsum([len(one) for one in rows.values()])[:-1]
    scores = {
        name: scored(part, targets, rows[name])
        for name, part in zip(rows, np.split(predicted, ends), strict=True)
    }
    base = scores[source]
    others = [name for name in scores if name != source]
    return Generalisation(
        source,
        scores,
        {name: base.mean - scores[name].mean for name in others},
        {name: base.per_factor - scores[name].per_factor for name in others},
    )


def _check_columns(sets: Mapping[str, Checked], source: str) -> None:
    first = sets[source]
    for name, one in sets.items():
        for what in ("codes", "factors"):
            expected, got = getattr(first, what).shape[1], getattr(one, what).shape[1]
            if got != expected:
                raise ValueError(
                    f"{what} of set {name!r} have {got} columns, those of {source!r} {expected}"
                )
