"""Generalisation of a probe to other appearances (Traeuble et al. 2022, arXiv 2107.05686).

A small regressor learns to read the factors from the codes of one visual domain, the source, and is
tested on the codes of the others. Theirs is the score that predicts best how a policy on the same
latents does in appearances it was not trained in. Here: the probes and scores of ``regression`` and
``targets``, fitted on one part of the source; the gap is the score on its other part minus that on
each other domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.held_out import HeldOut
from bvae_rl.metrics.inputs import check, split, split_episodes, stack
from bvae_rl.metrics.regression import R2, Model, predict, scored


@dataclass(frozen=True, eq=False)
class Generalisation:
    """R2 by domain, of the source on held-out samples, and what is lost against the source.

    ``gap`` holds per other domain the difference of the mean scores, ``gap_per_factor`` that of
    each factor (K,); positive where the source is read better.
    """

    source: str
    scores: dict[str, R2]
    gap: dict[str, float]
    gap_per_factor: dict[str, np.ndarray]


def generalisation(
    codes: Mapping[str, Any],
    factors: Mapping[str, Any],
    *,
    source: str,
    kinds: Sequence[Kind] | None = None,
    model: Model = "mlp",
    episode: Any = None,
    seed: int = 0,
    test_fraction: float = 0.25,
    steps: int = 2000,
) -> Generalisation:
    """Fit in the ``source``, score in every domain: (N, D) codes and (N, K) factors by name.

    ``episode`` numbers the episodes of the source's samples, if they are of some: its score is then
    that of other episodes than were fitted.
    The factors must change in every domain. Raises ValueError for unusable arrays, domains that are
    not in both mappings, fewer than two domains, and too few samples.
    """
    if set(codes) != set(factors) or source not in codes:
        raise ValueError(
            f"codes and factors of the same domains are needed, {source!r} (the source) among "
            f"them; got codes of {sorted(codes)} and factors of {sorted(factors)}"
        )
    if len(codes) < 2:
        raise ValueError(f"a domain other than the source {source!r} is needed to generalise to")
    domains = {
        name: check(codes[name], factors[name], kinds=kinds, suffix=f" of domain {name!r}")
        for name in (source, *(name for name in codes if name != source))
    }
    both = stack(*domains.values())
    ends = np.cumsum([len(one.codes) for one in domains.values()])
    drawn: dict[str, Any] = {"test_fraction": test_fraction, "seed": seed}
    train, test = (
        split(int(ends[0]), **drawn)
        if episode is None
        else split_episodes(episode, int(ends[0]), **drawn)
    )
    others = np.split(np.arange(len(both.codes)), ends[:-1])[1:]
    rows = dict(zip(domains, [test, *others], strict=True))
    held = HeldOut.at(both, train, np.concatenate(list(rows.values())), seed)
    predicted = predict(held, model, steps)
    parts = np.split(predicted, np.cumsum([len(one) for one in rows.values()])[:-1])
    scores = {
        name: scored(part, held.targets, rows[name]) for name, part in zip(rows, parts, strict=True)
    }
    base = scores[source]
    moved = {name: found for name, found in scores.items() if name != source}
    return Generalisation(
        source,
        scores,
        {name: base.mean - found.mean for name, found in moved.items()},
        {name: base.per_factor - found.per_factor for name, found in moved.items()},
    )
