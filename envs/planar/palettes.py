"""Palettes of the planar worlds, and light.

Within a palette any two points on different ramps are at least ``MIN_CONTRAST`` apart in RGB
(Euclidean, 0 to 441), so that no colours hide a part.
"""

from __future__ import annotations

from colorsys import hsv_to_rgb

from bvae_rl.envs.appearance import RGB

PARTS = ("arm", "target", "background")
MIN_CONTRAST = 120.0

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
HUE = "hue"  # the palette in which u is a hue in turns; saturation and value of each part:
HUE_SV = {"arm": (0.5, 1.0), "target": (1.0, 0.8), "background": (0.8, 0.3)}
DISTRACTORS: dict[str, RGB] = {"main": (255, 0, 200), "second": (255, 0, 200), HUE: (255, 255, 255)}

Gains = tuple[float, float, float]


def light_gains(brightness: float, warmth: float) -> Gains:
    """The factors by which the light multiplies the red, green and blue channel."""
    return brightness * (1.0 + warmth), brightness, brightness * (1.0 - warmth)


def base_colour(palette: str, part: str, u: float) -> RGB:
    """RGB colour of a part in white light, 0 to 255."""
    if palette == HUE:
        r, g, b = (round(255 * channel) for channel in hsv_to_rgb(u % 1.0, *HUE_SV[part]))
        return r, g, b
    first, second = PALETTES[palette][part]
    r, g, b = (round((1.0 - u) * a + u * c) for a, c in zip(first, second, strict=True))
    return r, g, b


def lit(colour: RGB, gains: Gains) -> RGB:
    """The colour in a light that multiplies its channels."""
    if gains == (1.0, 1.0, 1.0):
        return colour
    r, g, b = (min(255, round(c * gain)) for c, gain in zip(colour, gains, strict=True))
    return r, g, b
