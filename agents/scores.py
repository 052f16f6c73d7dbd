"""Scores of agents from rows: normalised return, retention, area and threshold of learning curves.

How several seeds are summed up is in ``bvae_rl.runtime.spread``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.rows import Row

REFERENCE, UPPER_BOUND = "blind", "state"
RETENTION_FROM = 0.3  # of a lower source score a retained fraction would be a fraction of noise


@cache
def scale_methods(env: EnvConfig) -> tuple[str, ...]:
    """The methods that fix the scale of scores in ``env``; ``blind`` only with proprioception."""
    made = env.make()
    feels = made.has_wrapper_attr("proprioception")
    made.close()
    return (UPPER_BOUND, REFERENCE) if feels else (UPPER_BOUND,)


def normalise(value: float, reference: float, upper_bound: float) -> float:
    """0 at ``reference``, 1 at ``upper_bound``, linear, not clipped.

    ValueError unless reference < upper_bound.
    """
    if not reference < upper_bound:
        raise ValueError(
            f"a score needs reference < upper bound, got {reference:g} and {upper_bound:g}: the "
            "true-state agent does not beat the random and the blind policy; train longer"
        )
    return (value - reference) / (upper_bound - reference)


def auc(steps: Sequence[float], values: Sequence[float]) -> float:
    """Area under a learning curve over its length (trapezoids): the mean value while learning."""
    x, y = _curve(steps, values)
    if len(x) < 2:
        raise ValueError(f"the area of a learning curve needs at least two points, got {len(x)}")
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def steps_to(steps: Sequence[float], values: Sequence[float], threshold: float) -> float | None:
    """The first evaluated step at which the curve is at ``threshold`` or above; None if never."""
    x, y = _curve(steps, values)
    reached = np.flatnonzero(y >= threshold)
    return float(x[reached[0]]) if len(reached) else None


def retention(target: float, source: float) -> float | None:
    """Fraction of the source score that is left on a target; None if that score is too low."""
    return target / source if source >= RETENTION_FROM else None


def normalised_rows(rows: Iterable[Row]) -> list[Row]:
    """A row ``score`` for each final ``return``, per visual domain.

    0 is the better of the random policy and the mean ``blind`` method, or the one of them that
    there is, 1 the mean ``state`` method, with the same study, environment, algorithm and visual
    domain. Returns nothing where these are missing.
    """
    final = [row for row in rows if row.metric == "return" and row.step is None]
    scores = []
    for row in final:
        if row.method == RANDOM_POLICY:
            continue
        place = [r for r in final if _place(r) == _place(row) and r.algo in (row.algo, "none")]
        references = [_mean(place, name) for name in (RANDOM_POLICY, REFERENCE)]
        known = [value for value in references if value is not None]
        upper_bound = _mean(place, UPPER_BOUND)
        if known and upper_bound is not None and max(known) < upper_bound:
            value = normalise(row.value, max(known), upper_bound)
            scores.append(replace(row, metric="score", value=value))
    return scores


def retention_rows(scores: Iterable[Row], *, source: str | None) -> list[Row]:
    """A row ``retention`` for each ``score`` in another domain, if the source score allows it."""
    scores = [row for row in scores if row.metric == "score"]
    of_source = {_agent(row): row.value for row in scores if row.domain == source}
    kept = []
    for row in scores:
        before = of_source.get(_agent(row))
        value = None if before is None else retention(row.value, before)
        if row.domain != source and value is not None:
            kept.append(replace(row, metric="retention", value=value))
    return kept


def _place(row: Row) -> tuple[object, ...]:
    return row.study, row.env, row.domain


def _agent(row: Row) -> tuple[object, ...]:
    return row.study, row.env, row.method, row.algo, row.vae_seed, row.agent_seed


def _mean(rows: Sequence[Row], method: str) -> float | None:
    values = [row.value for row in rows if row.method == method]
    return float(np.mean(values)) if values else None


def _curve(steps: Sequence[float], values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    sound = x.ndim == 1 and x.shape == y.shape and np.isfinite([x, y]).all()
    if not sound or not x.size or np.any(np.diff(x) <= 0):
        raise ValueError(
            f"a learning curve needs rising steps and as many finite values, got steps {steps!r} "
            f"and values {values!r}"
        )
    return x, y
