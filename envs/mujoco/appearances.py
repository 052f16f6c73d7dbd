"""Appearances and visual domains of the MuJoCo worlds.

``colours``   of arm (or hand), object, target and floor (or table): a position ``u`` in [0, 1] on a
              straight ramp between two RGB colours;
``material``  gloss of everything, and a pattern on the floor;
``light``     brightness, and the side from which it comes;
``camera``    azimuth and elevation, relative to the world's own camera, and zoom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bvae_rl.envs.appearance import RGB, Appearance, Range, blend, check_distinct
from bvae_rl.envs.domains import Domain, Variation, both_sides, choice, interval, parse_domain, ramp

RAMPS: dict[str, tuple[RGB, RGB]] = {
    "arm": ((235, 40, 30), (250, 235, 40)),
    "object": ((150, 20, 150), (255, 110, 230)),
    "target": ((40, 60, 235), (60, 240, 250)),
    "floor": ((60, 65, 70), (190, 190, 180)),
}
TEXTURES = ("plain", "checker", "dots", "stripes", "rings")
SOURCE_U = 0.15
SOURCE_GLOSS = 0.3


@dataclass(frozen=True)
class MujocoAppearance(Appearance):
    """How a MuJoCo world is shown; the default is the source appearance.

    ``arm``, ``object``, ``target``, ``floor``: ramp positions u in [0, 1]. ``brightness`` and
    ``zoom`` are factors, angles are in degrees. ValueError for what is unknown or out of range, and
    for parts that cannot be told apart unless ``indistinct``.
    """

    arm: float = SOURCE_U
    object: float = SOURCE_U
    target: float = SOURCE_U
    floor: float = SOURCE_U
    gloss: float = SOURCE_GLOSS
    texture: str = "plain"
    brightness: float = 1.0
    light_angle: float = 0.0
    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0
    indistinct: bool = False

    choices: ClassVar = {"texture": TEXTURES}
    ranges: ClassVar[Mapping[str, Range]] = {
        **dict.fromkeys(RAMPS, (0.0, 1.0)),
        "gloss": (0.0, 1.0),
        "brightness": (0.0, 2.0),
        "light_angle": (-180.0, 180.0),
        "azimuth": (-180.0, 180.0),
        "elevation": (-90.0, 90.0),
        "zoom": (0.5, 2.0),
    }
    field_of: ClassVar = {f"{part}_colour": part for part in RAMPS}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct(self.colours, allow=self.indistinct)

    @property
    def colours(self) -> dict[str, RGB]:
        """RGB colour of each part where the light falls on it, 0 to 255."""
        return {part: self._colour(part) for part in RAMPS}

    def paint(self, part: str) -> np.ndarray:
        """RGB of a part before the light falls on it, shape (3,), 0 to 1."""
        return blend(RAMPS[part], getattr(self, part)) / 255.0

    def _colour(self, part: str) -> RGB:
        u = getattr(self, part)
        r, g, b = (
            min(self.brightness * ((1.0 - u) * first + u * last), 255.0)
            for first, last in zip(*RAMPS[part], strict=True)
        )
        return round(r), round(g), round(b)


SOURCE = MujocoAppearance()
KINDS: dict[str, tuple[Variation, ...]] = {
    "material": (
        interval("gloss", SOURCE_GLOSS, ood1=((0.0, 0.2), (0.4, 0.65)), ood2=((0.75, 1.0),)),
        choice("texture", source=0, ood1=(1, 2), ood2=(3, 4)),
    ),
    "light": (
        interval("brightness", 1.0, ood1=((0.7, 0.93), (1.05, 1.15)), ood2=((0.5, 0.62),)),
        both_sides("light_angle", least=15.0, seen=80.0, unseen=100.0, most=170.0, unit="deg"),
    ),
    "camera": (
        both_sides("azimuth", least=3.0, seen=12.0, unseen=16.0, most=25.0, unit="deg"),
        interval("elevation", 0.0, ood1=((2.0, 8.0),), ood2=((11.0, 17.0),), unit="deg"),
        interval("zoom", 1.0, ood1=((0.88, 0.97),), ood2=((0.75, 0.82),)),
    ),
}  # beside the colours, which depend on the parts of a world


def mujoco_domain(name: str, parts: tuple[str, ...]) -> Domain[MujocoAppearance]:
    """The domain of that name in a world that shows ``parts``; errors as ``parse_domain``."""
    colours = tuple(ramp(f"{part}_colour", SOURCE_U) for part in parts)
    return parse_domain(name, {"colours": colours, **KINDS}, SOURCE)
