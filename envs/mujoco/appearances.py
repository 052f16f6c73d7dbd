"""Appearances of the MuJoCo worlds, as value objects, and what each named set varies.

``colours``   of arm (or hand), object, target and floor (or table): a position ``u`` in [0, 1] on a
              straight ramp between two RGB colours;
``material``  gloss of everything, and a pattern on the floor;
``light``     brightness, and the side from which it comes;
``camera``    azimuth and elevation, relative to the world's own camera, and zoom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.contrast import RGB, check_distinct
from bvae_rl.envs.domains import (
    Domain,
    Range,
    Variation,
    both_sides,
    check_ranges,
    choice,
    make_domain,
    ramp,
)

RAMPS: dict[str, tuple[RGB, RGB]] = {
    "arm": ((235, 40, 30), (250, 235, 40)),
    "object": ((150, 20, 150), (255, 110, 230)),
    "target": ((40, 60, 235), (60, 240, 250)),
    "floor": ((60, 65, 70), (190, 190, 180)),
}
TEXTURES = ("plain", "checker", "dots", "stripes", "rings")
SOURCE_U = 0.15
SOURCE_GLOSS = 0.3

# Wider than the factors: what an appearance may be that is in no set.
RANGES: dict[str, Range] = {
    **dict.fromkeys(RAMPS, (0.0, 1.0)),
    "gloss": (0.0, 1.0),
    "brightness": (0.0, 2.0),
    "light_angle": (-180.0, 180.0),
    "azimuth": (-180.0, 180.0),
    "elevation": (-90.0, 90.0),
    "zoom": (0.5, 2.0),
}


@dataclass(frozen=True)
class SceneAppearance:
    """How a MuJoCo world is shown; the default is the ``source`` appearance.

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

    def __post_init__(self) -> None:
        if self.texture not in TEXTURES:
            raise ValueError(f"unknown texture {self.texture!r}; known: {', '.join(TEXTURES)}")
        check_ranges(self, RANGES, colours=tuple(RAMPS))
        check_distinct(self.colours(), allow=self.indistinct)

    def colours(self) -> dict[str, RGB]:
        """RGB colour of each part where the light falls on it, 0 to 255."""
        return {part: self._colour(part) for part in RAMPS}

    def _colour(self, part: str) -> RGB:
        u = getattr(self, part)
        r, g, b = (
            min(self.brightness * ((1.0 - u) * first + u * last), 255.0)
            for first, last in zip(*RAMPS[part], strict=True)
        )
        return round(r), round(g), round(b)

    def paint(self, part: str) -> np.ndarray:
        """RGB of a part before the light falls on it, shape (3,), 0 to 1."""
        first, last = np.array(RAMPS[part]) / 255.0
        return first + getattr(self, part) * (last - first)

    def factor(self, name: str) -> float:
        """The value of the appearance factor ``name``."""
        value = getattr(self, name.removesuffix("_colour"))
        return float(TEXTURES.index(value) if name == "texture" else value)

    def at(self, factors: Mapping[str, float]) -> SceneAppearance:
        """This appearance with the given values of appearance factors."""
        changes: dict[str, Any] = {
            name.removesuffix("_colour"): TEXTURES[round(value)] if name == "texture" else value
            for name, value in factors.items()
        }
        return replace(self, **changes)


SOURCE = SceneAppearance()


@cache
def scene_set(name: str, parts: tuple[str, ...]) -> Domain:
    """The named set in a world that shows ``parts``; a ValueError lists the known names."""
    return make_domain(
        name, {"colours": tuple(ramp(f"{part}_colour", SOURCE_U) for part in parts), **_KINDS}
    )


def sample_scene_appearance(chosen: Domain, rng: np.random.Generator) -> SceneAppearance:
    """Draw an appearance from a set."""
    names = [spec.name for spec in chosen.specs]
    return SOURCE.at(dict(zip(names, chosen.draw(rng).tolist(), strict=True)))


def in_scene_set(appearance: SceneAppearance, chosen: Domain) -> bool:
    """Whether ``appearance`` belongs to a set; what the set does not vary is as in the source."""
    varied = {spec.name: appearance.factor(spec.name) for spec in chosen.specs}
    return SOURCE.at(varied) == appearance and chosen.holds(np.array(list(varied.values())))


def _variation(
    name: str,
    source: float,
    *,
    ood1: tuple[Range, ...],
    ood2: tuple[Range, ...],
    seen: tuple[Range, ...],
    unit: str = "",
) -> Variation:
    """A variation whose range is what the sets hold."""
    ends = [end for part in (*ood2, *seen) for end in part]
    spec = FactorSpec(name, role="appearance", low=min(ends), high=max(ends), unit=unit)
    return Variation(spec, source, ood1, ood2, seen)


_KINDS: dict[str, tuple[Variation, ...]] = {
    "material": (
        _variation(
            "gloss",
            SOURCE_GLOSS,
            ood1=((0.0, 0.2), (0.4, 0.65)),
            ood2=((0.75, 1.0),),
            seen=((0.0, 0.65),),
        ),
        choice("texture", source=0, ood1=(1, 2), ood2=(3, 4)),
    ),
    "light": (
        _variation(
            "brightness",
            1.0,
            ood1=((0.7, 0.93), (1.05, 1.15)),
            ood2=((0.5, 0.62),),
            seen=((0.7, 1.15),),
        ),
        both_sides("light_angle", least=15.0, seen=80.0, unseen=100.0, most=170.0, unit="deg"),
    ),
    "camera": (
        both_sides("azimuth", least=3.0, seen=12.0, unseen=16.0, most=25.0, unit="deg"),
        _variation(
            "elevation",
            0.0,
            ood1=((2.0, 8.0),),
            ood2=((11.0, 17.0),),
            seen=((0.0, 8.0),),
            unit="deg",
        ),
        _variation("zoom", 1.0, ood1=((0.88, 0.97),), ood2=((0.75, 0.82),), seen=((0.88, 1.0),)),
    ),
}
