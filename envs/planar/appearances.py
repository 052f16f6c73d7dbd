"""How a planar scene is shown: the value object, its ranges, and the source appearance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from bvae_rl.envs.appearance import RGB, Appearance, Range, check_distinct
from bvae_rl.envs.planar.palettes import (
    DISTRACTORS,
    HUE,
    PALETTES,
    PARTS,
    Gains,
    base_colour,
    light_gains,
    lit,
)

SOURCE_U = 0.15
SOURCE_HUES = {"arm": 0.08, "target": 0.6, "background": 0.4}  # in turns
DRIFT = 0.02  # turns of the distractors' phase a step
SHAPES = ("disc", "square", "diamond", "triangle", "star")
TEXTURES = ("plain", "gradient", "stripes", "checker", "clouds")


@dataclass(frozen=True)
class PlanarAppearance(Appearance):
    """How a planar scene is shown; the default is the source appearance.

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

    choices: ClassVar = {"palette": (*PALETTES, HUE), "shape": SHAPES, "texture": TEXTURES}
    ranges: ClassVar[Mapping[str, Range]] = {
        **dict.fromkeys((*PARTS, "phase"), (0.0, 1.0)),
        "distractors": (0, 4),
        **dict.fromkeys(("camera_x", "camera_y"), (-1.0, 1.0)),
        "zoom": (0.5, 2.0),
        "brightness": (0.0, 2.0),
        "warmth": (-0.5, 0.5),
        "noise": (0.0, 64.0),
    }
    whole: ClassVar = ("distractors",)
    field_of: ClassVar = {
        f"{part}_{kind}": part for part in PARTS for kind in ("colour", "hue")
    } | {"target_shape": "shape", "distractor_phase": "phase"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct(self.colours, allow=self.indistinct)

    @property
    def gains(self) -> Gains:
        """The factors by which the light multiplies each channel."""
        return light_gains(self.brightness, self.warmth)

    @cached_property
    def colours(self) -> dict[str, RGB]:
        """RGB colour of each part (and of distractors if there are any) in this light, 0 to 255."""
        colours = {part: base_colour(self.palette, part, getattr(self, part)) for part in PARTS}
        if self.distractors:
            colours["distractors"] = DISTRACTORS[self.palette]
        return {part: lit(colour, self.gains) for part, colour in colours.items()}

    def after_step(self) -> PlanarAppearance:
        """This appearance with the distractors a step further on their ways."""
        if not self.distractors:
            return self
        moved = object.__new__(PlanarAppearance)  # nothing else changes: not all is checked again
        moved.__dict__.update(self.__dict__, phase=(self.phase + DRIFT) % 1.0)
        return moved


SOURCE = PlanarAppearance()
HUE_SOURCE = replace(SOURCE.at({f"{p}_hue": hue for p, hue in SOURCE_HUES.items()}), palette=HUE)
