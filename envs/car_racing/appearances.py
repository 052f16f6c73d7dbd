"""Appearances and visual domains of CarRacing: the colours of grass and road.

The grass is a background with a raster of square patches on it. Both have the hue and saturation
of one colour; the patches differ in brightness. The road is a grey with a little warmth; its tiles
come in three shades, as in the task. The car, the kerbs and the dashboard keep their colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from bvae_rl.envs.appearance import RGB, Appearance, Range, check_distinct
from bvae_rl.envs.domains import Domain, Variation, both_sides, interval, parse_domain

PARTS = ("background", "patches", "road")
BACKGROUND: RGB = (102, 204, 102)  # the task's own colours
PATCHES: RGB = (102, 230, 102)
ROAD: RGB = (102, 102, 102)
CAR: RGB = (204, 0, 0)

HUE = 120.0  # of the task's grass, in degrees
BRIGHTNESS = 204 / 255  # the largest channel of its background
CONTRAST = 230 / 204  # the largest channel of the patches, by that of the background
SATURATION = 0.5  # of the background
LIGHTNESS = 102 / 255  # of the road
WARMTH = 20  # by which red rises and blue falls at warmth 1


@dataclass(frozen=True)
class CarAppearance(Appearance):
    """The colours of CarRacing; the default is the task's own appearance.

    ``grass_hue`` is in degrees (0 red, 120 green, 240 blue); ``grass_brightness`` and
    ``road_lightness`` are shares of 255; ``patch_contrast`` is the brightness of the patches by
    that of the grass between them; ``road_warmth`` goes from bluish (-1) over grey to brownish (1).
    ValueError for what is out of range, and for road, grass and car that cannot be told apart
    unless ``indistinct``. ``own`` colours of background, patches and road take the place of all
    this, and may be alike.
    """

    grass_hue: float = HUE
    grass_brightness: float = BRIGHTNESS
    patch_contrast: float = CONTRAST
    road_lightness: float = LIGHTNESS
    road_warmth: float = 0.0
    indistinct: bool = False
    own: tuple[RGB, RGB, RGB] | None = None

    choices: ClassVar = {}
    ranges: ClassVar[Mapping[str, Range]] = {
        "grass_hue": (0.0, 360.0),
        "grass_brightness": (0.0, 1.0),
        "patch_contrast": (0.0, 2.0),
        "road_lightness": (0.0, 1.0),
        "road_warmth": (-1.0, 1.0),
    }
    field_of: ClassVar = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        allow = self.indistinct or self.own is not None
        for grass in ("background", "patches"):  # which may be alike
            seen = {"road": self.colours["road"], grass: self.colours[grass], "car": CAR}
            check_distinct(seen, allow=allow)

    @property
    def colours(self) -> dict[str, RGB]:
        """RGB of background, patches and road, 0 to 255."""
        if self.own is not None:
            return dict(zip(PARTS, self.own, strict=True))
        grey = 255 * self.road_lightness
        tint = WARMTH * self.road_warmth
        most = 255 * self.grass_brightness
        least = most * (1 - SATURATION)
        brighter = self.patch_contrast  # keeps the least channel, as in the task; darker does not
        return {
            "background": _hued(self.grass_hue, least, most),
            "patches": _hued(
                self.grass_hue, least * min(brighter, 1.0), min(most * brighter, 255.0)
            ),
            "road": _rgb(np.clip([grey + tint, grey, grey - tint], 0, 255)),
        }


def _hued(hue: float, least: float, most: float) -> RGB:
    """The colour with this hue, in degrees, least and greatest channel."""
    away = np.abs((hue - np.array([0.0, 120.0, 240.0]) + 180.0) % 360.0 - 180.0)
    return _rgb(least + (most - least) * np.clip(2.0 - away / 60.0, 0.0, 1.0))


def _rgb(colour: np.ndarray) -> RGB:
    red, green, blue = np.rint(colour).astype(int).tolist()
    return red, green, blue


SOURCE = CarAppearance()
KINDS: dict[str, tuple[Variation, ...]] = {
    "colours": (
        interval(
            "grass_hue", HUE, ood1=((40.0, 95.0), (145.0, 200.0)), ood2=((225.0, 330.0),),
            unit="deg",
        ),
        interval(
            "grass_brightness", BRIGHTNESS, ood1=((0.66, 0.76),), ood2=((0.5, 0.6), (0.86, 0.97))
        ),
        interval("patch_contrast", CONTRAST, ood1=((0.92, 1.07),), ood2=((0.76, 0.86),)),
        interval(
            "road_lightness", LIGHTNESS, ood1=((0.26, 0.36), (0.44, 0.5)), ood2=((0.08, 0.17),)
        ),
        both_sides("road_warmth", least=0.1, seen=0.5, unseen=0.6, most=1.0),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Randomized(Domain[CarAppearance]):
    """Colours as gymnasium's ``domain_randomize`` draws them: road and background anywhere from 0
    to 210 in each channel, patches that differ by 20 in one. They may be hard to tell apart.
    """

    def sample(self, rng: np.random.Generator) -> CarAppearance:
        road, background = rng.uniform(0.0, 210.0, (2, 3))
        patches = background + 20.0 * (np.arange(3) == rng.integers(3))
        return replace(self.source, own=(_rgb(background), _rgb(patches), _rgb(road)))


def car_domain(name: str, *, randomize: bool = False) -> Domain[CarAppearance]:
    """The visual domain of that name, or gymnasium's own; errors as ``parse_domain``.

    ValueError for both.
    """
    domain = parse_domain(name, KINDS, SOURCE)
    if not randomize:
        return domain
    if name != "source":
        raise ValueError(
            f"domain_randomize=True draws colours in its own way, and domain={name!r} in another; "
            "leave one of them out"
        )
    return Randomized("randomize", "source", (), (), SOURCE)
