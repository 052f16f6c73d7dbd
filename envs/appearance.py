"""An appearance: one way to show a world. The base of every family's value object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, ClassVar, Self

import numpy as np

RGB = tuple[int, int, int]
Range = tuple[float, float]  # closed; (v, v) is the value v
LEAST = 40.0  # Euclidean distance in RGB, 0 to 441, below which two parts are too alike


@dataclass(frozen=True)
class Appearance:
    """Fields with checked values, that appearance factors read (``factor``) and change (``at``).

    A subclass says which of its fields are names (``choices``: the factor is the name's number) or
    numbers (``ranges``, wider than those of the factors), which numbers are ``whole``, and the
    field of factors of another name (``field_of``). ValueError for what is unknown or out of range.
    """

    choices: ClassVar[Mapping[str, tuple[str, ...]]]
    ranges: ClassVar[Mapping[str, Range]]
    whole: ClassVar[tuple[str, ...]] = ()
    field_of: ClassVar[Mapping[str, str]]

    def __post_init__(self) -> None:
        for name, known in self.choices.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"unknown {name} {value!r}; known: {', '.join(known)}")
        for name, (low, high) in self.ranges.items():
            if not low <= (number := getattr(self, name)) <= high:
                what = f"{name} colour" if f"{name}_colour" in self.field_of else name
                raise ValueError(
                    f"the {what} of an appearance must be in [{low:g}, {high:g}], got {number}"
                )

    def factor(self, name: str) -> float:
        """The value of the appearance factor ``name``."""
        field = self.field_of.get(name, name)
        value = getattr(self, field)
        return float(self.choices[field].index(value) if field in self.choices else value)

    def at(self, factors: Mapping[str, float]) -> Self:
        """This appearance with the given values of appearance factors."""
        changes: dict[str, Any] = {}
        for name, value in factors.items():
            field = self.field_of.get(name, name)
            if field in self.choices:
                changes[field] = self.choices[field][round(value)]
            else:
                changes[field] = round(value) if field in self.whole else float(value)
        return replace(self, **changes)

    def after_step(self) -> Self:
        """The appearance a step of the world later: where something moves by itself."""
        return self


def blend(ramp: tuple[RGB, RGB], u: float) -> np.ndarray:
    """The colour at ``u`` in [0, 1] on the straight way between two RGB colours, shape (3,)."""
    first, last = np.array(ramp)
    return first + u * (last - first)


def check_distinct(colours: Mapping[str, RGB], *, allow: bool = False) -> None:
    """Raise a ValueError that names the first two parts closer than ``LEAST``, unless ``allow``."""
    if allow:
        return
    for first, second in combinations(colours, 2):
        apart = math.dist(colours[first], colours[second])
        if apart < LEAST:
            raise ValueError(
                f"in this appearance {first} {_rgb(colours[first])} and {second} "
                f"{_rgb(colours[second])} cannot be told apart: {apart:.0f} of 441 in RGB, and "
                f"{LEAST:.0f} is the least; choose other values, or pass indistinct=True"
            )


def _rgb(colour: RGB) -> str:
    return "(" + ", ".join(f"{channel:.0f}" for channel in colour) + ")"
