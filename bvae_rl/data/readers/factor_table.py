"""Factors in a table: a row a frame, a column a factor, of which nobody has said what they are.

    table_of("trial 3", {"angle": angles, "hue": hues}, Marks(cyclic=("angle",)))

What a column is follows from its values. Text is categorical, and so are numbers of at most
``FEW`` different values, each of which occurs twice or more on average. Other numbers are
continuous, in the range of the data. Columns that never change are left out. ``Marks`` overrule it.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec

FEW = 10
ROUNDING = 1e-3  # share of a factor's range that its stored values may be off by
CIRCLES = ((0.0, 2 * math.pi), (-math.pi, math.pi), (0.0, 360.0), (-180.0, 180.0), (0.0, 1.0))
AROUND = 0.7  # share of a circle that the data has to cover, so that it is taken for it

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Marks:
    """What somebody says about columns, by their names.

    ``cyclic`` holds names, or NAME=LOW:HIGH where the circle is not 0 to 2 pi, -pi to pi, 0 to 360,
    -180 to 180 or 0 to 1. ``appearance`` describe only how the scene looks. ``categorical`` and
    ``continuous`` decide where the values alone would say otherwise.
    """

    cyclic: tuple[str, ...] = ()
    appearance: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()

    def check(self, names: Sequence[str]) -> None:
        """ValueError for a name that is no column, or that is two kinds at once."""
        kinds = [circle.partition("=")[0] for circle in self.cyclic]
        kinds += [*self.categorical, *self.continuous]
        if unknown := [name for name in (*kinds, *self.appearance) if name not in names]:
            raise ValueError(
                f"no factor is called {unknown[0]!r}; known: {', '.join(names) or 'none'}"
            )
        if twice := [name for name in kinds if kinds.count(name) > 1]:
            raise ValueError(
                f"factor {twice[0]!r} is given two kinds; name it once, as cyclic, categorical or "
                "continuous"
            )


UNMARKED = Marks()


@dataclass(frozen=True, eq=False)
class FactorTable:
    """``values`` (N, K) float32 and what they mean; ``words`` are the texts behind numbers.

    ``episode`` (N,) are numbers that stand beside the factors, if there are some.
    """

    name: str
    specs: tuple[FactorSpec, ...]
    values: np.ndarray
    words: dict[str, list[str]] = field(default_factory=dict)
    episode: np.ndarray | None = None

    def identity(self) -> dict[str, Any]:
        """By which another table is told apart; the specs are kept beside it."""
        content = hashlib.sha256(np.ascontiguousarray(self.values).tobytes()).hexdigest()
        return {"sha256": content, "words": self.words}

    def check_rows(self, count: int, what: str) -> None:
        """ValueError unless there is a row for each of the ``count`` frames of ``what``."""
        if len(self.values) != count:
            raise ValueError(
                f"{self.name} has {len(self.values)} rows and {what} has {count} frames; give one "
                "row a frame in the same order, or a column that names the image files"
            )

    def sentences(self) -> list[str]:
        """A factor in a few words each: kind, range, role."""
        found = []
        for spec in self.specs:
            role = ", appearance" if spec.role == "appearance" else ""
            words = self.words.get(spec.name)
            span = "one of " + ", ".join(words) if words else spec.range_text
            found.append(f"{spec.name} ({spec.kind}, {span}{role})")
        return found


def table_of(
    name: str,
    columns: Mapping[str, np.ndarray],
    marks: Marks = UNMARKED,
    *,
    words: Mapping[str, list[str]] | None = None,
) -> FactorTable | None:
    """What columns (N,) of finite numbers mean; None if none of them ever changes.

    ``words`` lists the texts behind a column of numbers 0, 1, ... A column that float32, as which
    factors are stored, cannot tell apart is left out with a warning. ValueError for marks that do
    not go with the columns.
    """
    marks.check(list(columns))
    words, specs, kept = dict(words or {}), [], []
    for column, values in columns.items():
        if len(values) and np.ptp(values) > 0:
            if _loses_digits(values):
                words.pop(column, None)
                logger.warning(
                    "%s: factor %r is left out: it goes from %.12g to %.12g, and is stored in 7 "
                    "digits, which cannot tell its values apart; subtract %.12g from it, or number "
                    "them", name, column, values.min(), values.max(), values.min(),
                )  # fmt: skip
                continue
            specs.append(_spec(column, values, marks, text=column in words))
            kept.append(np.asarray(values, np.float32))
        else:
            words.pop(column, None)
            logger.info("%s: %r never changes and is left out", name, column)
    if not kept:
        return None
    return FactorTable(name, tuple(specs), np.stack(kept, axis=1), words)


def _loses_digits(values: np.ndarray) -> bool:
    """Whether float32 would lose what a column (N,) says."""
    stored = values.astype(np.float32)
    lost = np.abs(stored.astype(float) - values).max()
    few = len({*stored}) < min(len({*values}), FEW)
    return bool(few or lost > ROUNDING * np.ptp(values))


def _spec(name: str, values: np.ndarray, marks: Marks, *, text: bool) -> FactorSpec:
    """What the values of one column say about it, unless ``marks`` do."""
    role: Any = "appearance" if name in marks.appearance else "state"
    low, high = float(values.min()), float(values.max())
    circles = dict(circle.partition("=")[::2] for circle in marks.cyclic)
    if name in circles:
        if text:
            raise ValueError(f"factor {name!r} is text, and a cyclic one has numbers")
        low, high = _circle(name, circles[name], low, high)
        return FactorSpec(name, "cyclic", role, low, high)
    distinct = np.unique(values)
    few = len(distinct) <= min(FEW, len(values) // 2) and name not in marks.continuous
    if text and name in marks.continuous:
        raise ValueError(f"factor {name!r} is text, and a continuous one has numbers")
    if text or few or name in marks.categorical:
        stored = tuple(float(value) for value in distinct.astype(np.float32))
        return FactorSpec(name, "categorical", role, values=stored)
    return FactorSpec(name, "continuous", role, low, high)


def _circle(name: str, given: str, low: float, high: float) -> tuple[float, float]:
    """Where a cyclic factor begins and ends: as said, or the circle that the data goes around."""
    if given:
        try:
            start, stop = map(float, given.split(":"))
        except ValueError:
            raise ValueError(
                f"a circle is NAME=LOW:HIGH, for example {name}=0:360, got {name}={given}"
            ) from None
        if not start <= low <= high <= stop or start >= stop:
            raise ValueError(
                f"factor {name!r} lies in [{low:g}, {high:g}], outside of {start:g} to {stop:g}"
            )
        return start, stop
    for start, stop in CIRCLES:
        slack = 1e-6 * (stop - start)
        inside = start - slack <= low and high <= stop + slack
        if inside and high - low >= AROUND * (stop - start):
            return min(start, low), max(stop, high)
    raise ValueError(
        f"factor {name!r} lies in [{low:g}, {high:g}], which is no known circle; say where it "
        f"begins and ends: {name}=0:360"
    )
