"""Named, disjoint visual domains, for every kind of world.

An appearance is what a world shows and its task does not depend on. Each *kind* of change ("camera") has a
few *variations*, which are appearance factors, and each set says where a variation may stand:

``source``    one fixed value;
``ood1``      values that encoders may have seen and the policy has not;
``ood2``      values that neither has seen;
``pretrain``  what encoders may see: a superset of ``source`` and ``ood1``, without ``ood2``.

A name is a set, alone or with the kinds that it varies: ``"ood1"``, ``"ood1:camera+light"``,
``"ood2:all"``. The variations of the kinds are factors of the world; all else stays as in the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from bvae_rl.data.factors import FactorSpec

SetName = Literal["source", "ood1", "ood2", "pretrain"]
DOMAINS: tuple[str, ...] = get_args(SetName)

# Where sets lie on a ramp from 0 to 1: apart from the source, seen up to here, unseen from there.
SOURCE_MARGIN = 0.1
SEEN_HIGH = 0.75
UNSEEN_LOW = 0.85

Range = tuple[float, float]  # closed; (v, v) is the value v


@dataclass(frozen=True)
class Variation:
    """One appearance factor and, for each set, the ranges of values that it may take there."""

    spec: FactorSpec
    source: float
    ood1: tuple[Range, ...]
    ood2: tuple[Range, ...]
    seen: tuple[Range, ...]

    def ranges(self, set_name: str) -> tuple[Range, ...]:
        """Where the variation may stand in one of ``LOOK_SETS``."""
        if set_name == "source":
            return ((self.source, self.source),)
        return {"ood1": self.ood1, "ood2": self.ood2, "pretrain": self.seen}[set_name]

    def draw(self, set_name: str, rng: np.random.Generator) -> float:
        """Uniform over the ranges of the set; nothing is drawn where there is no choice."""
        ranges = self.ranges(set_name)
        lengths = [high - low for low, high in ranges]
        if not sum(lengths):
            return ranges[0][0] if len(ranges) == 1 else ranges[rng.integers(len(ranges))][0]
        along = rng.uniform(0.0, sum(lengths))  # the ranges laid end to end
        for (low, high), length in zip(ranges, lengths, strict=True):
            if along <= length:
                return min(low + along, high)
            along -= length
        return ranges[-1][1]

    def holds(self, set_name: str, value: float) -> bool:
        """Whether ``value`` is in the set."""
        return any(low - 1e-9 <= value <= high + 1e-9 for low, high in self.ranges(set_name))


def choice(name: str, *, source: int, ood1: Sequence[int], ood2: Sequence[int]) -> Variation:
    """A categorical variation over the numbers that the three sets hold."""
    ood1_, ood2_ = (tuple((float(v), float(v)) for v in values) for values in (ood1, ood2))
    values = tuple(sorted({float(v) for v in (source, *ood1, *ood2)}))
    seen = ((float(source), float(source)), *ood1_)
    return Variation(
        FactorSpec(name, "categorical", "appearance", values=values), source, ood1_, ood2_, seen
    )


def ramp(name: str, source: float) -> Variation:
    """A position u in [0, 1]: the near three quarters without the source, and the far end."""
    return Variation(
        FactorSpec(name, role="appearance"),
        source,
        ood1=((0.0, source - SOURCE_MARGIN), (source + SOURCE_MARGIN, SEEN_HIGH)),
        ood2=((UNSEEN_LOW, 1.0),),
        seen=((0.0, SEEN_HIGH),),
    )


def both_sides(
    name: str, *, least: float, seen: float, unseen: float, most: float, unit: str = ""
) -> Variation:
    """A value that deviates from 0 to both sides."""
    return Variation(
        FactorSpec(name, role="appearance", low=-most, high=most, unit=unit),
        0.0,
        ood1=((-seen, -least), (least, seen)),
        ood2=((-most, -unseen), (unseen, most)),
        seen=((-seen, seen),),
    )


@dataclass(frozen=True)
class Domain:
    """A set and the kinds of change that it varies, by the name under which it was asked for."""

    name: str
    set_name: str
    kinds: tuple[str, ...]
    variations: tuple[Variation, ...]

    @property
    def specs(self) -> tuple[FactorSpec, ...]:
        """The appearance factors, one for each variation."""
        return tuple(variation.spec for variation in self.variations)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Independent values of all variations, shape (k,)."""
        return np.array([variation.draw(self.set_name, rng) for variation in self.variations])

    def holds(self, values: np.ndarray) -> bool:
        """Whether values (k,) belong to the set."""
        pairs = zip(self.variations, values.tolist(), strict=True)
        return all(variation.holds(self.set_name, value) for variation, value in pairs)


def check_ranges(appearance: Any, ranges: Mapping[str, Range], *, colours: Sequence[str]) -> None:
    """Raise a ValueError for a field of ``appearance`` outside its range; some fields are ``colours``."""
    for name, (low, high) in ranges.items():
        if not low <= (value := getattr(appearance, name)) <= high:
            of = f"{name} colour" if name in colours else name
            raise ValueError(
                f"the {of} of an appearance must be in [{low:g}, {high:g}], got {value}"
            )


def check_name(name: Any) -> str:
    """``name`` if it is a string, else a TypeError that says what is wanted."""
    if not isinstance(name, str):
        raise TypeError(
            f"domain is the name of a visual domain, as in 'ood1' or 'ood1:all', got {name!r}"
        )
    return name


def make_domain(
    name: str,
    kinds: Mapping[str, tuple[Variation, ...]],
    *,
    default: str = "colours",
    rivals: tuple[str, ...] = (),
) -> Domain:
    """The set of that name in a world that knows ``kinds``; ``default`` is the kind of a bare name.

    ``rivals`` exclude each other; ``all`` takes the first of them. A ValueError lists the known.
    """
    set_name, colon, wanted = name.partition(":")
    every = [kind for kind in kinds if kind not in rivals[1:]]
    chosen = wanted.split("+") if colon else [default]
    if "all" in chosen:
        chosen = [*every, *(kind for kind in chosen if kind not in (*every, "all"))]
    unknown = [kind for kind in chosen if kind not in kinds]
    if set_name not in DOMAINS or unknown:
        what = f"kind of appearance {unknown[0]!r} in " if set_name in DOMAINS else "visual domain "
        raise ValueError(
            f"unknown {what}{name!r}; known: {', '.join(DOMAINS)}, each alone (it then varies "
            f"{default}) or with kinds of change, as in ood1:{'+'.join(list(kinds)[-2:])}; kinds: "
            f"{', '.join(kinds)}, all"
        )
    if len(clash := [kind for kind in chosen if kind in rivals]) > 1:
        raise ValueError(
            f"visual domain {name!r}: {' and '.join(clash)} exclude each other; take one"
        )
    ordered = tuple(kind for kind in kinds if kind in chosen)
    return Domain(
        name, set_name, ordered, tuple(variation for kind in ordered for variation in kinds[kind])
    )
