"""Looks: how a planar scene is coloured, as value objects in named, disjoint sets.

Each part's colour is a position ``u`` in [0, 1] on a straight ramp between two RGB colours, so that
one latent can carry it. Within a palette any two points on different ramps are at least
``MIN_CONTRAST`` apart in RGB (Euclidean, 0 to 441), so that no draw hides a part.

Sets (``LOOK_SETS``), disjoint by construction because they own disjoint regions of (palette, u):
``source``    one fixed u a part;
``ood1``      every u in [0, 0.75] and at least ``SOURCE_MARGIN`` away from the source's u;
``ood2``      half the draws: every u in [0.85, 1]; the other half: another palette, u in [0, 1];
``pretrain``  every u in [0, 0.75]: what encoders may see, a superset of ``source`` and ``ood1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

LookSet = Literal["source", "ood1", "ood2", "pretrain"]
LOOK_SETS: tuple[str, ...] = get_args(LookSet)
PARTS = ("arm", "target", "background")
MIN_CONTRAST = 120.0
SOURCE_U = 0.15
SOURCE_MARGIN = 0.1
SEEN_HIGH = 0.75
UNSEEN_LOW = 0.85

RGB = tuple[int, int, int]
PALETTES: dict[str, dict[str, tuple[RGB, RGB]]] = {
    "main": {
        "arm": ((235, 40, 30), (250, 235, 40)),
        "target": ((40, 60, 235), (60, 240, 250)),
        "background": ((10, 10, 15), (150, 150, 150)),
    },
    "second": {
        "arm": ((250, 250, 250), (250, 130, 220)),
        "target": ((30, 205, 40), (0, 95, 20)),
        "background": ((150, 100, 60), (110, 40, 140)),
    },
}


@dataclass(frozen=True)
class Look:
    """A palette's name and one ramp position u in [0, 1] for each part."""

    arm: float = SOURCE_U
    target: float = SOURCE_U
    background: float = SOURCE_U
    palette: str = "main"

    def __post_init__(self) -> None:
        if self.palette not in PALETTES:
            raise ValueError(f"unknown palette {self.palette!r}; known: {', '.join(PALETTES)}")
        for part in PARTS:
            u = getattr(self, part)
            if not 0.0 <= u <= 1.0:
                raise ValueError(f"the {part} colour of a look must be in [0, 1], got {u}")

    @property
    def u(self) -> np.ndarray:
        """Ramp positions in the order of ``PARTS``, shape (3,)."""
        return np.array([self.arm, self.target, self.background])

    def colours(self) -> dict[str, RGB]:
        """RGB colour of each part, 0 to 255."""
        return {part: _mix(*PALETTES[self.palette][part], getattr(self, part)) for part in PARTS}


SOURCE = Look()


def sample_look(look_set: str, rng: np.random.Generator) -> Look:
    """Draw a look from a named set; a ValueError lists the known names."""
    check_look_set(look_set)
    if look_set == "source":
        return SOURCE
    if look_set == "pretrain":
        return _look(rng.uniform(0.0, SEEN_HIGH, size=3))
    if look_set == "ood1":
        return _look(_uniform_outside_source(rng))
    if rng.random() < 0.5:
        return _look(rng.uniform(UNSEEN_LOW, 1.0, size=3))
    return _look(rng.uniform(0.0, 1.0, size=3), palette="second")


def in_set(look: Look, look_set: str) -> bool:
    """Whether ``look`` belongs to the named set."""
    check_look_set(look_set)
    if look_set == "source":
        return look == SOURCE
    if look_set == "ood2":
        return look.palette != "main" or bool(np.all(look.u >= UNSEEN_LOW))
    seen = look.palette == "main" and bool(np.all(look.u <= SEEN_HIGH))
    if look_set == "pretrain":
        return seen
    return seen and bool(np.all(np.abs(look.u - SOURCE_U) >= SOURCE_MARGIN))


def check_look_set(look_set: str) -> None:
    """Raise a ValueError that lists the known sets unless ``look_set`` is one of them."""
    if look_set not in LOOK_SETS:
        raise ValueError(f"unknown look set {look_set!r}; known: {', '.join(LOOK_SETS)}")


def _look(u: np.ndarray, *, palette: str = "main") -> Look:
    arm, target, background = u.tolist()
    return Look(arm, target, background, palette)


def _uniform_outside_source(rng: np.random.Generator) -> np.ndarray:
    low, high = SOURCE_U - SOURCE_MARGIN, SOURCE_U + SOURCE_MARGIN
    u = rng.uniform(0.0, SEEN_HIGH - (high - low), size=3)  # a line with the neighbourhood cut out
    return np.where(u <= low, u, u + (high - low))


def _mix(first: RGB, second: RGB, u: float) -> RGB:
    r, g, b = (round((1.0 - u) * a + u * c) for a, c in zip(first, second, strict=True))
    return r, g, b
