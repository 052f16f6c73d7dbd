"""Who acts while frames are collected that are to cover a world: a share of them for each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

STICKY, MIXED = "sticky", "mixed"  # policies that stand on shares
HOLD = 0.8  # probability that a random action is kept for one more step
PARTS = ("sticky", "agent", "states")


@dataclass(frozen=True)
class Shares:
    """Shares of the frames, which sum to 1.

    ``sticky``: random actions that are held (``sticky.py``). ``agent``: an agent while it learns
    (``learner.py``). ``states``: episodes from random states (``random_starts.py``).
    """

    sticky: float = 0.4
    agent: float = 0.4
    states: float = 0.2

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"the share {item.name} must be a number, got {value!r}")
            if not 0 <= value <= 1:
                raise ValueError(f"the share {item.name} must be from 0 to 1, got {value:g}")
        if not math.isclose(total := self.sticky + self.agent + self.states, 1, abs_tol=1e-6):
            raise ValueError(
                f"shares must sum to 1, and {self.text} sum to {total:g}; those that are not named "
                "are 0"
            )

    @classmethod
    def of(cls, named: Mapping[str, float]) -> Shares:
        """Shares by name; 0 for those that are not named."""
        if unknown := [name for name in named if name not in PARTS]:
            raise ValueError(f"unknown share {unknown[0]!r}; known: {', '.join(PARTS)}")
        return cls(**{**dict.fromkeys(PARTS, 0.0), **named})

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Shares:
        """Shares of ``("sticky=.4", "agent=.6")``; ValueError for what is no share."""
        return cls.of(dict(_parsed(texts)))

    @property
    def text(self) -> str:
        """As a person types it."""
        return " ".join(f"{name}={getattr(self, name):g}" for name in PARTS)

    def without_states(self) -> Shares:
        """The same with the share of ``states`` given to the others, by theirs."""
        rest = 1 - self.states
        if not rest:
            return Shares(1.0, 0.0, 0.0)
        return replace(self, sticky=self.sticky / rest, agent=1 - self.sticky / rest, states=0.0)

    def described(self) -> dict[str, Any]:
        """What a store says of it."""
        return {name: getattr(self, name) for name in PARTS}


def shares_of(policy: str, given: Shares | None) -> Shares | None:
    """The shares on which ``policy`` stands; None where one policy acts all the time."""
    if given is not None and policy != MIXED:
        raise ValueError(
            f"shares are those of policy='mixed' (--policy mixed), and the policy is {policy!r}"
        )
    if policy == STICKY:
        return Shares(1.0, 0.0, 0.0)
    return (given or Shares()) if policy == MIXED else None


def _parsed(texts: Sequence[str]) -> Iterable[tuple[str, float]]:
    seen = set()
    for text in texts:
        name, equals, value = text.partition("=")
        if name in seen:
            raise ValueError(f"the share {name!r} is given twice; give it once")
        seen.add(name)
        try:
            yield name, float(value if equals else "no number")
        except ValueError as error:
            raise ValueError(
                f"a share is NAME=NUMBER, for example sticky=.4, got {text!r}; names: "
                f"{', '.join(PARTS)}"
            ) from error
