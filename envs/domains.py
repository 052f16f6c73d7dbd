"""Visual domains: which appearances a world shows, by name; the same names in every family.

Each *kind* of change ("camera") has a few *variations*, which become appearance factors of the
world. Four domains say which values a variation takes:

``source``    one fixed value;
``ood1``      values that encoders may have seen and the policy has not;
``ood2``      values that neither has seen;
``pretrain``  what encoders may see: a superset of ``source`` and ``ood1``, without ``ood2``.

A name is one of these four, alone (it then varies the colours) or with the kinds that it varies:
``"ood1"``, ``"ood1:camera+light"``, ``"ood2:all"``. What is not varied stays as in the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.appearance import Appearance, Range

DOMAINS = ("source", "ood1", "ood2", "pretrain")
COLOURS = "colours"  # the kind that a bare name varies

# Ranges on a ramp from 0 to 1: apart from the source, seen up to here, unseen from there.
SOURCE_MARGIN = 0.1
SEEN_HIGH = 0.75
UNSEEN_LOW = 0.85

Ranges = tuple[Range, ...]
A = TypeVar("A", bound=Appearance)


@dataclass(frozen=True)
class Variation:
    """One appearance factor and, for each domain, the values that it takes there."""

    spec: FactorSpec
    source: Ranges
    ood1: Ranges
    ood2: Ranges
    pretrain: Ranges

    def ranges(self, base: str) -> Ranges:
        """The values in one of ``DOMAINS``."""
        found: Ranges = getattr(self, base)
        return found

    def sample(self, base: str, rng: np.random.Generator) -> float:
        """Uniform over the ranges of a domain; nothing is drawn where there is no choice."""
        ranges = self.ranges(base)
        lengths = [high - low for low, high in ranges]
        if not sum(lengths):
            return ranges[0][0] if len(ranges) == 1 else ranges[rng.integers(len(ranges))][0]
        along = rng.uniform(0.0, sum(lengths))  # the ranges laid end to end
        for (low, high), length in zip(ranges, lengths, strict=True):
            if along <= length:
                return min(low + along, high)
            along -= length
        return ranges[-1][1]


def points(*values: float) -> Ranges:
    """Single values as ranges."""
    return tuple((float(value), float(value)) for value in values)


def choice(
    name: str, *, source: int, ood1: Sequence[int], ood2: Sequence[int], unit: str = ""
) -> Variation:
    """A categorical variation over the numbers that the domains name."""
    values = tuple(sorted({float(v) for v in (source, *ood1, *ood2)}))
    spec = FactorSpec(name, "categorical", "appearance", values=values, unit=unit)
    one, near, far = (points(*numbers) for numbers in ([source], ood1, ood2))
    return Variation(spec, one, near, far, (*one, *near))


def interval(name: str, source: float, *, ood1: Ranges, ood2: Ranges, unit: str = "") -> Variation:
    """A continuous variation. ``pretrain`` is all from the least to the greatest value of
    ``source`` and ``ood1``; the factor's range is all that some domain has.
    """
    seen = [source, *(end for part in ood1 for end in part)]
    every = [*seen, *(end for part in ood2 for end in part)]
    spec = FactorSpec(name, role="appearance", low=min(every), high=max(every), unit=unit)
    return Variation(spec, points(source), ood1, ood2, ((min(seen), max(seen)),))


def ramp(name: str, source: float) -> Variation:
    """A position u in [0, 1]: the near three quarters without the source, and the far end."""
    below = ((0.0, source - SOURCE_MARGIN),) if source > SOURCE_MARGIN else ()
    ood1 = (*below, (source + SOURCE_MARGIN, SEEN_HIGH))
    return interval(name, source, ood1=ood1, ood2=((UNSEEN_LOW, 1.0),))


def both_sides(
    name: str, *, least: float, seen: float, unseen: float, most: float, unit: str = ""
) -> Variation:
    """A value that deviates from 0 to both sides."""
    ood1, ood2 = (((-b, -a), (a, b)) for a, b in ((least, seen), (unseen, most)))
    return interval(name, 0.0, ood1=ood1, ood2=ood2, unit=unit)


@dataclass(frozen=True)
class Domain(Generic[A]):
    """A visual domain of a world: one of ``DOMAINS`` and the kinds of change that it varies.

    ``name`` is how it was asked for. What it does not vary is as in ``source``. With an
    ``alternative`` (of the same factors) half of the appearances are of that one.
    """

    name: str
    base: str
    kinds: tuple[str, ...]
    variations: tuple[Variation, ...]
    source: A
    alternative: Domain[A] | None = None

    @cached_property
    def specs(self) -> tuple[FactorSpec, ...]:
        """The appearance factors, one for each variation."""
        return tuple(variation.spec for variation in self.variations)

    @cached_property
    def _names(self) -> list[str]:
        return [spec.name for spec in self.specs]

    def factors(self, appearance: A) -> list[float]:
        """The values of the appearance factors, in the order of ``specs``."""
        return [appearance.factor(name) for name in self._names]

    def sample(self, rng: np.random.Generator) -> A:
        """An appearance, its variations independent of each other."""
        if self.alternative is not None and rng.random() >= 0.5:
            return self.alternative.sample(rng)
        return self.source.at({v.spec.name: v.sample(self.base, rng) for v in self.variations})


def parse_domain(
    name: Any,
    kinds: Mapping[str, tuple[Variation, ...]],
    source: A,
    *,
    rivals: tuple[str, ...] = (),
) -> Domain[A]:
    """The domain called ``name`` in a world that knows ``kinds``, with its ``source`` appearance.

    ``rivals`` are kinds that exclude each other; ``all`` takes the first of them. TypeError for
    what is no name, ValueError with the known names for one that is unknown.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"domain is the name of a visual domain, as in 'ood1' or 'ood1:all', got {name!r}"
        )
    base, colon, wanted = name.partition(":")
    every = [kind for kind in kinds if kind not in rivals[1:]]
    chosen = wanted.split("+") if colon else [COLOURS]
    if "all" in chosen:
        chosen = [*every, *(kind for kind in chosen if kind not in (*every, "all"))]
    unknown = [kind for kind in chosen if kind not in kinds]
    if base not in DOMAINS or unknown:
        what = f"kind of change {unknown[0]!r} in " if base in DOMAINS else ""
        raise ValueError(
            f"unknown {what}visual domain {name!r}; known: {', '.join(DOMAINS)}, each alone (it "
            f"then varies {COLOURS}) or with kinds of change, as in ood1:"
            f"{'+'.join(list(kinds)[-2:])}; kinds: {', '.join(kinds)}, all"
        )
    if len(clash := [kind for kind in chosen if kind in rivals]) > 1:
        raise ValueError(
            f"visual domain {name!r}: {' and '.join(clash)} exclude each other; take one"
        )
    ordered = tuple(kind for kind in kinds if kind in chosen)
    variations = tuple(variation for kind in ordered for variation in kinds[kind])
    return Domain(name, base, ordered, variations, source)
