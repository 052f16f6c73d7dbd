"""Appearances of the planar worlds, as value objects, and the kinds of change that their sets vary.

``colours``      each part's colour is a position ``u`` in [0, 1] on a straight ramp between two RGB
                 colours, so that one latent can carry it; ``ood2`` takes the far ends of the ramps
                 in half of the draws and another palette in the others;
``hue``          instead of ramps the full hue circle, a harder palette: no latent carries a circle;
``shape``        of the target or object (contact stays that of a disc);
``texture``      of the background;
``distractors``  small discs that move behind everything else;
``camera``       shift and zoom;
``light``        brightness and warmth;
``noise``        of the sensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from bvae_rl.envs.contrast import RGB
from bvae_rl.envs.domains import Domain, Range, check_ranges, make_domain
from bvae_rl.envs.planar.palettes import HUE, PALETTES, PARTS, Gains, light_gains, part_colours
from bvae_rl.envs.planar.variations import KINDS, SHAPES, SOURCE_HUES, SOURCE_U, TEXTURES

FIELDS = {f"{part}_{kind}": part for part in PARTS for kind in ("colour", "hue")} | {
    "target_shape": "shape",
    "distractor_phase": "phase",
}  # appearance factors whose field has another name
NAMED = {"shape": SHAPES, "texture": TEXTURES}  # fields that are names; the factor is their number


@dataclass(frozen=True)
class Appearance:
    """How a planar scene is shown; the default is the ``source`` appearance.

    ``arm``, ``target``, ``background``: ramp positions u in [0, 1], or hues in turns where
    ``palette`` is "hue". ``phase`` in [0, 1]: where the distractors are on their ways. Camera shift
    in metres, ``zoom`` and ``brightness`` as factors, ``warmth`` the share by which red gains and
    blue loses, ``noise`` a standard deviation in grey levels. ValueError for what is unknown or out
    of range, and for parts that cannot be told apart unless ``indistinct``.
    """

    arm: float = SOURCE_U
    target: float = SOURCE_U
    background: float = SOURCE_U
    palette: str = "main"
    shape: str = "disc"
    texture: str = "plain"
    distractors: int = 0
    phase: float = 0.0
    camera_x: float = 0.0
    camera_y: float = 0.0
    zoom: float = 1.0
    brightness: float = 1.0
    warmth: float = 0.0
    noise: float = 0.0
    indistinct: bool = False

    def __post_init__(self) -> None:
        for name, known in (("palette", (*PALETTES, HUE)), *NAMED.items()):
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"unknown {name} {value!r}; known: {', '.join(known)}")
        check_ranges(self, RANGES, colours=PARTS)
        self.colours()

    @property
    def u(self) -> np.ndarray:
        """Ramp positions (hues) in the order of ``PARTS``, shape (3,)."""
        return np.array([self.arm, self.target, self.background])

    @property
    def gains(self) -> Gains:
        """What the light makes of each channel."""
        return light_gains(self.brightness, self.warmth)

    def colours(self) -> Mapping[str, RGB]:
        """RGB colour of each part (and of distractors) in this light, 0 to 255."""
        of_parts = (self.palette, self.arm, self.target, self.background)
        return part_colours(
            *of_parts, self.brightness, self.warmth, self.distractors, self.indistinct
        )

    def factor(self, name: str) -> float:
        """The value of the appearance factor ``name``."""
        field = FIELDS.get(name, name)
        value = getattr(self, field)
        return float(NAMED[field].index(value) if field in NAMED else value)

    def drifted(self, turns: float) -> Appearance:
        """This appearance with the distractors ``turns`` further on their ways."""
        moved = object.__new__(Appearance)  # nothing else changes: no need to check it all again
        moved.__dict__.update(self.__dict__, phase=(self.phase + turns) % 1.0)
        return moved

    def at(self, factors: Mapping[str, float]) -> Appearance:
        """This appearance with the given values of appearance factors."""
        changes: dict[str, Any] = {}
        for name, value in factors.items():
            field = FIELDS.get(name, name)
            if field in NAMED:
                changes[field] = NAMED[field][round(value)]
            else:
                changes[field] = round(value) if field == "distractors" else float(value)
        return replace(self, **changes)


# Wider than the factors: what an appearance may be that is in no set.
RANGES: dict[str, Range] = {
    **dict.fromkeys((*PARTS, "phase"), (0.0, 1.0)),
    "distractors": (0, 4),
    **dict.fromkeys(("camera_x", "camera_y"), (-1.0, 1.0)),
    "zoom": (0.5, 2.0),
    "brightness": (0.0, 2.0),
    "warmth": (-0.5, 0.5),
    "noise": (0.0, 64.0),
}
SOURCE = Appearance()
HUE_SOURCE = Appearance(palette=HUE).at({f"{part}_hue": hue for part, hue in SOURCE_HUES.items()})


@cache
def planar_set(name: str) -> Domain:
    """The named set; a ValueError lists the known names."""
    return make_domain(name, KINDS, rivals=("colours", "hue"))


def sample_appearance(name: str, rng: np.random.Generator) -> Appearance:
    """Draw an appearance from a named set; a ValueError lists the known names."""
    chosen = planar_set(name)
    appearance = _home(chosen)
    if _leaves_palette(chosen) and rng.random() >= 0.5:
        appearance = replace(appearance, palette="second")
        drawn = [
            rng.uniform() if spec.name.endswith("_colour") else variation.draw(chosen.set_name, rng)
            for variation, spec in zip(chosen.variations, chosen.specs, strict=True)
        ]
    else:
        drawn = chosen.draw(rng).tolist()
    return appearance.at(
        {spec.name: value for spec, value in zip(chosen.specs, drawn, strict=True)}
    )


def in_set(appearance: Appearance, name: str) -> bool:
    """Whether ``appearance`` belongs to the named set; what the set does not vary is as in the source."""
    chosen = planar_set(name)
    home = _home(chosen)
    if _leaves_palette(chosen) and appearance.palette == "second":
        home = replace(home, palette="second")
    varied = {spec.name: appearance.factor(spec.name) for spec in chosen.specs}
    if home.at(varied) != appearance:
        return False
    return all(
        variation.holds(chosen.set_name, varied[variation.spec.name])
        or (home.palette == "second" and variation.spec.name.endswith("_colour"))
        for variation in chosen.variations
    )


def _home(chosen: Domain) -> Appearance:
    return HUE_SOURCE if "hue" in chosen.kinds else SOURCE


def _leaves_palette(chosen: Domain) -> bool:
    return chosen.set_name == "ood2" and "colours" in chosen.kinds
