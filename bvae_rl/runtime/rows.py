"""Measured numbers, and how a file holds them: what neighbours share stands once.

A file is a list of groups, each with what its rows share (study, method, algo, env, seeds, budget,
command) and, under ``rows``, their domain, metric, step, value and n.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import groupby
from typing import Any

SHARED = ("study", "method", "algo", "env", "vae_seed", "agent_seed", "budget", "command")
OWN = ("domain", "metric", "step", "value", "n")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured number and all that is needed to place it.

    ``value`` may be NaN (JSON ``null``); ``n`` counts what was averaged (episodes, frames);
    ``step`` is the training step of a curve; ``budget`` is what the method was allowed to see.
    """

    study: str
    method: str
    algo: str
    env: str
    vae_seed: int | None = None
    agent_seed: int | None = None
    domain: str | None = None
    metric: str
    value: float
    n: int
    step: int | None = None
    budget: dict[str, Any] = field(default_factory=dict)
    command: str

    @property
    def key(self) -> tuple[object, ...]:
        """What was measured: everything but the outcome (value, n, supervision budget, command)."""
        outcome = ("value", "n", "budget", "command")
        return tuple(getattr(self, item.name) for item in fields(self) if item.name not in outcome)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        """The row that ``to_dict`` (or JSON) wrote. Raises ValueError for a wrong set of keys."""
        names = {item.name for item in fields(cls)}
        if missing := sorted(names - set(data)):
            raise ValueError(f"a row lacks the keys {missing}; it has {sorted(data)}")
        if unknown := sorted(set(data) - names):
            raise ValueError(f"a row has the unknown keys {unknown}; known are {sorted(names)}")
        value = data["value"]
        return cls(**{**data, "value": math.nan if value is None else float(value)})


def grouped(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """``rows`` as groups for JSON; their order stays. `ungrouped` takes it back."""
    return [
        {**shared, "rows": [_of(row, OWN) for row in of_group]}
        for shared, of_group in groupby(rows, key=lambda row: _of(row, SHARED))
    ]


def ungrouped(groups: object) -> list[Row]:
    """The rows that `grouped` wrote. Raises ValueError for anything else."""
    if not isinstance(groups, list) or not all(
        isinstance(group, dict) and isinstance(group.get("rows"), list) for group in groups
    ):
        raise ValueError('results are a list of groups, each with a list of "rows"')
    return [
        Row.from_dict({**{name: group[name] for name in group if name != "rows"}, **row})
        for group in groups
        for row in group["rows"]
    ]


def _of(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
