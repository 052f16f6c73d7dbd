"""Appearances and visual domains of the Control Suite's worlds.

``colours``   of body, target, decoration (rails, walls, hubs), floor and sky: a position ``u`` in
              [0, 1] on the straight way from the suite's own colour, u = 0, to another;
``light``     brightness of all that is lit (not of the sky), and the side from which it comes;
``camera``    azimuth, elevation and zoom, relative to the suite's camera 0.

The source is the suite's own appearance. DMControl-GB's ``color_easy`` and ``color_hard`` draw
instead one of a hundred fixed sets of colours of body, floor and sky, and leave light and camera
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bvae_rl.envs.appearance import RGB, Appearance, Range, blend, check_distinct
from bvae_rl.envs.domains import Domain, Variation, both_sides, interval, parse_domain, ramp
from bvae_rl.envs.mujoco.appearances import KINDS as MUJOCO_KINDS

RAMPS: dict[str, tuple[RGB, RGB]] = {  # from the suite's own colours
    "body": ((178, 128, 76), (230, 60, 200)),
    "target": ((153, 76, 76), (60, 215, 70)),
    "decoration": ((76, 128, 178), (215, 235, 225)),
    "floor": ((38, 64, 89), (105, 55, 30)),  # the mean of the two of its squares
    "sky": ((102, 153, 204), (255, 120, 60)),  # above; it fades to black below
}
TOLD_APART = ("body", "target")  # from each other and from all else
SKY_SEEN = 0.5  # of the colour above: where the cameras look, the sky has faded


@dataclass(frozen=True)
class ControlAppearance(Appearance):
    """How a world of the suite is shown; the default is the suite's own appearance.

    ``body``, ``target``, ``decoration``, ``floor``, ``sky``: ramp positions u in [0, 1].
    ``brightness`` and ``zoom`` are factors, angles are in degrees. ValueError for what is unknown
    or out of range, and for a body or target that cannot be told apart from the rest unless
    ``indistinct``.
    """

    body: float = 0.0
    target: float = 0.0
    decoration: float = 0.0
    floor: float = 0.0
    sky: float = 0.0
    brightness: float = 1.0
    light_angle: float = 0.0
    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0
    indistinct: bool = False

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    ranges: ClassVar[Mapping[str, Range]] = {
        **dict.fromkeys(RAMPS, (0.0, 1.0)),
        "brightness": (0.0, 2.0),
        "light_angle": (-60.0, 60.0),
        "azimuth": (-180.0, 180.0),
        "elevation": (-90.0, 90.0),
        "zoom": (0.5, 2.0),
    }
    field_of: ClassVar[Mapping[str, str]] = {f"{part}_colour": part for part in RAMPS}

    def __post_init__(self) -> None:
        super().__post_init__()
        colours = self.colours
        for part in TOLD_APART:
            for other in colours:
                pair = {name: colours[name] for name in (part, other)}
                check_distinct(pair, allow=self.indistinct)

    @property
    def colours(self) -> dict[str, RGB]:
        """RGB colour of each part, 0 to 255, before the light falls on it."""
        colours = {}
        for part, ends in RAMPS.items():
            faded = SKY_SEEN if part == "sky" else 1.0
            r, g, b = (round(faded * float(v)) for v in blend(ends, getattr(self, part)))
            colours[part] = (r, g, b)
        return colours

    def shift(self, part: str) -> np.ndarray:
        """What is added to the suite's RGB of a part, shape (3,), in units of 0 to 1."""
        return (blend(RAMPS[part], getattr(self, part)) - RAMPS[part][0]) / 255.0


SOURCE = ControlAppearance()
LIGHT = (
    interval("brightness", 1.0, ood1=((0.65, 0.92), (1.08, 1.2)), ood2=((0.4, 0.55),)),
    both_sides("light_angle", least=6.0, seen=22.0, unseen=28.0, most=40.0, unit="deg"),
)
KINDS: dict[str, tuple[Variation, ...]] = {
    "light": LIGHT,
    "camera": MUJOCO_KINDS["camera"],
}  # beside the colours, which depend on the parts of a world


def control_domain(name: str, parts: tuple[str, ...]) -> Domain[ControlAppearance]:
    """The domain of that name in a world that shows ``parts``; errors as ``parse_domain``."""
    colours = tuple(ramp(f"{part}_colour", 0.0) for part in parts)
    return parse_domain(name, {"colours": colours, **KINDS}, SOURCE)
