"""Looks of the planar worlds, as value objects, and the kinds of change that their sets vary.

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
from bvae_rl.envs.domains import LookSet, Range, check_ranges, look_set
from bvae_rl.envs.planar.palettes import HUE, PALETTES, PARTS, Gains, light_gains, part_colours
from bvae_rl.envs.planar.variations import KINDS, SHAPES, SOURCE_HUES, SOURCE_U, TEXTURES

FIELDS = {f"{part}_{kind}": part for part in PARTS for kind in ("colour", "hue")} | {
    "target_shape": "shape",
    "distractor_phase": "phase",
}  # look factors whose field has another name
NAMED = {"shape": SHAPES, "texture": TEXTURES}  # fields that are names; the factor is their number


@dataclass(frozen=True)
class Look:
    """How a planar scene is shown; the default is the ``source`` look.

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
        """The value of the look factor ``name``."""
        field = FIELDS.get(name, name)
        value = getattr(self, field)
        return float(NAMED[field].index(value) if field in NAMED else value)

    def drifted(self, turns: float) -> Look:
        """This look with the distractors ``turns`` further on their ways."""
        moved = object.__new__(Look)  # nothing else changes: no need to check it all again
        moved.__dict__.update(self.__dict__, phase=(self.phase + turns) % 1.0)
        return moved

    def at(self, factors: Mapping[str, float]) -> Look:
        """This look with the given values of look factors."""
        changes: dict[str, Any] = {}
        for name, value in factors.items():
            field = FIELDS.get(name, name)
            if field in NAMED:
                changes[field] = NAMED[field][round(value)]
            else:
                changes[field] = round(value) if field == "distractors" else float(value)
        return replace(self, **changes)


# Wider than the factors: what a look may be that is in no set.
RANGES: dict[str, Range] = {
    **dict.fromkeys((*PARTS, "phase"), (0.0, 1.0)),
    "distractors": (0, 4),
    **dict.fromkeys(("camera_x", "camera_y"), (-1.0, 1.0)),
    "zoom": (0.5, 2.0),
    "brightness": (0.0, 2.0),
    "warmth": (-0.5, 0.5),
    "noise": (0.0, 64.0),
}
SOURCE = Look()
HUE_SOURCE = Look(palette=HUE).at({f"{part}_hue": hue for part, hue in SOURCE_HUES.items()})


@cache
def planar_set(name: str) -> LookSet:
    """The named set; a ValueError lists the known names."""
    return look_set(name, KINDS, rivals=("colours", "hue"))


def sample_look(name: str, rng: np.random.Generator) -> Look:
    """Draw a look from a named set; a ValueError lists the known names."""
    chosen = planar_set(name)
    look = _home(chosen)
    if _leaves_palette(chosen) and rng.random() >= 0.5:
        look = replace(look, palette="second")
        drawn = [
            rng.uniform() if spec.name.endswith("_colour") else knob.draw(chosen.set_name, rng)
            for knob, spec in zip(chosen.knobs, chosen.specs, strict=True)
        ]
    else:
        drawn = chosen.draw(rng).tolist()
    return look.at({spec.name: value for spec, value in zip(chosen.specs, drawn, strict=True)})


def in_set(look: Look, name: str) -> bool:
    """Whether ``look`` belongs to the named set; what the set does not vary is as in the source."""
    chosen = planar_set(name)
    home = _home(chosen)
    if _leaves_palette(chosen) and look.palette == "second":
        home = replace(home, palette="second")
    varied = {spec.name: look.factor(spec.name) for spec in chosen.specs}
    if home.at(varied) != look:
        return False
    return all(
        knob.holds(chosen.set_name, varied[knob.spec.name])
        or (home.palette == "second" and knob.spec.name.endswith("_colour"))
        for knob in chosen.knobs
    )


def _home(chosen: LookSet) -> Look:
    return HUE_SOURCE if "hue" in chosen.kinds else SOURCE


def _leaves_palette(chosen: LookSet) -> bool:
    return chosen.set_name == "ood2" and "colours" in chosen.kinds
