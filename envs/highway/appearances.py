"""Appearances and visual domains of the driving worlds.

``colours``   of the ground, the lines, the own vehicle and the others: a position ``u`` in [0, 1]
              on a straight ramp between two RGB colours, highway-env's own at 0;
``camera``    zoom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bvae_rl.envs.appearance import RGB, Appearance, Range, blend, check_distinct
from bvae_rl.envs.domains import Domain, Variation, interval, parse_domain, ramp

RAMPS: dict[str, tuple[RGB, RGB]] = {
    "ground": ((100, 100, 100), (20, 55, 120)),
    "lines": ((255, 255, 255), (255, 235, 60)),
    "own": ((50, 200, 0), (255, 150, 0)),
    "others": ((100, 200, 255), (240, 80, 220)),
}
SOURCE_U = 0.0


@dataclass(frozen=True)
class RoadAppearance(Appearance):
    """How a driving world is shown; the default is highway-env's own appearance.

    ``ground``, ``lines``, ``own``, ``others``: ramp positions u in [0, 1]; ``zoom``: pixels of a
    metre, as a multiple of highway-env's. Vehicles that crashed are red, outlines dark, in all of
    them. ValueError for what is unknown or out of range, and for parts that cannot be told apart
    unless ``indistinct``.
    """

    ground: float = SOURCE_U
    lines: float = SOURCE_U
    own: float = SOURCE_U
    others: float = SOURCE_U
    zoom: float = 1.0
    indistinct: bool = False

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    ranges: ClassVar[Mapping[str, Range]] = {
        **dict.fromkeys(RAMPS, (0.0, 1.0)),
        "zoom": (0.5, 2.0),
    }
    field_of: ClassVar = {f"{part}_colour": part for part in RAMPS}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct({part: self.colour(part) for part in RAMPS}, allow=self.indistinct)

    def colour(self, part: str) -> RGB:
        """RGB of a part, 0 to 255."""
        r, g, b = blend(RAMPS[part], getattr(self, part)).round().tolist()
        return int(r), int(g), int(b)


SOURCE = RoadAppearance()
KINDS: dict[str, tuple[Variation, ...]] = {
    "colours": tuple(ramp(f"{part}_colour", SOURCE_U) for part in RAMPS),
    "camera": (
        interval("zoom", 1.0, ood1=((0.88, 0.97), (1.03, 1.12)), ood2=((0.75, 0.82), (1.18, 1.25))),
    ),
}


def road_domain(name: str) -> Domain[RoadAppearance]:
    """The domain of that name; errors as ``parse_domain``."""
    return parse_domain(name, KINDS, SOURCE)
