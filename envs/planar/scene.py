"""Drawing of the planar worlds: ``draw`` is a pure function of state and appearance.

From back to front: background, distractors, goal ring, target, arm; then the sensor's noise.
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin, sqrt
from zlib import crc32

import cv2
import numpy as np

from bvae_rl.envs.appearance import RGB
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import PlanarAppearance
from bvae_rl.envs.planar.palettes import Gains, base_colour, lit

SHIFT = 4  # cv2 takes fixed-point coordinates with this many fractional bits
RELIEF = 36.0  # grey levels from the darkest to the brightest point of a texture
CLOUDS = 6  # cells across
NOISE_PLANE = 4  # sides of a frame; each frame takes a window of it
DISTRACTOR_RADIUS = 0.08
# Centre of the way, its radius (metres), turns a cycle, and where it begins (turns).
WAYS = (
    (-0.45, 0.55, 0.25, 1, 0.0),
    (0.55, -0.25, 0.25, -1, 0.3),
    (0.45, 0.65, 0.2, 2, 0.6),
    (-0.65, -0.35, 0.2, -2, 0.1),
)

Point = tuple[float, float]
Place = np.ndarray | Point  # metres


def draw(
    q: np.ndarray,
    target: np.ndarray,
    appearance: PlanarAppearance,
    *,
    size: int = 64,
    goal: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the scene, anti-aliased, as uint8 RGB (size, size, 3).

    ``q`` (2,) joint angles, ``target`` (2,) centre of the target. The arm stands in front. With a
    ``goal`` (2,) the target is an object to be pushed: smaller, the goal a ring behind it in a
    colour half-way between target and background, and the fingertip shows.
    """
    canvas = _Canvas(size, appearance)
    colours = appearance.colours
    for way in WAYS[: appearance.distractors]:
        canvas.disc(_on_way(way, appearance.phase), DISTRACTOR_RADIUS, colours["distractors"])
    if goal is not None:
        r, g, b = (
            (a + b) // 2 for a, b in zip(colours["target"], colours["background"], strict=True)
        )
        canvas.disc(goal, planar.RING_RADIUS, (r, g, b), width=max(1, size // 32))
    radius = planar.TARGET_RADIUS if goal is None else planar.DISC_RADIUS
    canvas.shape(appearance.shape, target, radius, colours["target"])
    elbow, tip = planar.joints(q)
    canvas.line(planar.BASE, elbow, 0.11, colours["arm"])
    canvas.line(elbow, tip, 0.11, colours["arm"])
    canvas.disc(planar.BASE, 0.10, colours["arm"])
    if goal is not None:
        canvas.disc(tip, planar.TIP_RADIUS, colours["arm"])
    if not appearance.noise:
        return canvas.frame
    shown = (*q, *target, *(() if goal is None else goal), appearance.phase)
    return _noisy(canvas.frame, appearance.noise, np.array(shown))


class _Canvas:
    """A frame that is drawn on in metres, seen by the appearance's camera."""

    def __init__(self, size: int, appearance: PlanarAppearance) -> None:
        behind = (appearance.palette, appearance.background, appearance.gains, appearance.texture)
        self.frame = _background(size, *behind).copy()
        self._scale = size / planar.WINDOW * appearance.zoom
        self._fine = self._scale * (1 << SHIFT)
        middle = (size - 1) / 2 * (1 << SHIFT)
        self._x = middle - appearance.camera_x * self._fine
        self._y = middle + appearance.camera_y * self._fine

    def disc(self, centre: Place, radius: float, colour: RGB, width: int = -1) -> None:
        """Filled, or with a ``width`` in pixels a ring."""
        pixels = round(radius * self._fine)
        cv2.circle(self.frame, self._pixel(centre), pixels, colour, width, cv2.LINE_AA, SHIFT)

    def line(self, start: Place, end: Place, width: float, colour: RGB) -> None:
        pixels, ends = max(1, round(width * self._scale)), (self._pixel(start), self._pixel(end))
        cv2.line(self.frame, *ends, colour, pixels, cv2.LINE_AA, SHIFT)

    def shape(self, name: str, centre: np.ndarray, radius: float, colour: RGB) -> None:
        """A shape with the area of a disc of ``radius``."""
        if name == "disc":
            self.disc(centre, radius, colour)
            return
        x, y = centre.tolist()
        corners = [self._pixel((x + radius * a, y + radius * b)) for a, b in OUTLINES[name]]
        cv2.fillPoly(self.frame, [np.array(corners, np.int32)], colour, cv2.LINE_AA, SHIFT)

    def _pixel(self, point: Place) -> tuple[int, int]:
        x, y = float(point[0]), float(point[1])
        return round(self._x + x * self._fine), round(self._y - y * self._fine)


def _outline(corners: int, *, first: float, inner: float = 1.0) -> list[Point]:
    """A regular polygon (a star, if every other corner is drawn ``inner``) with the area of the
    unit disc; ``first`` is the angle of its first corner in turns.
    """
    far = [1.0 if n % 2 == 0 else inner for n in range(corners)]
    angles = [2 * pi * (first + n / corners) for n in range(corners)]
    area = sum(far[n] * far[n - 1] for n in range(corners)) * sin(2 * pi / corners) / 2
    scale = sqrt(pi / area)
    return [(scale * f * cos(a), scale * f * sin(a)) for f, a in zip(far, angles, strict=True)]


OUTLINES = {
    "square": _outline(4, first=1 / 8),
    "diamond": _outline(4, first=1 / 4),
    "triangle": _outline(3, first=1 / 4),
    "star": _outline(10, first=1 / 4, inner=0.45),
}


def _on_way(way: tuple[float, float, float, int, float], phase: float) -> Point:
    x, y, radius, turns, start = way
    angle = 2 * pi * (turns * phase + start)
    return x + radius * cos(angle), y + radius * sin(angle)


@lru_cache(maxsize=32)
def _background(size: int, palette: str, u: float, gains: Gains, texture: str) -> np.ndarray:
    colour = base_colour(palette, "background", u)
    if texture == "plain":
        frame = np.empty((size, size, 3), dtype=np.uint8)
        frame[:] = lit(colour, gains)
        return frame
    lighter = _relief(size, texture)[..., None] + np.array(colour, np.float32)
    return cv2.convertScaleAbs(lighter * np.array(gains, np.float32))


@lru_cache(maxsize=32)
def _relief(size: int, texture: str) -> np.ndarray:
    """How much lighter each point is, float32 (size, size), 0 to ``RELIEF``."""
    along = (np.arange(size) + 0.5) / size
    if texture == "gradient":
        height = np.repeat(along[:, None], size, axis=1)
    elif texture == "stripes":
        height = np.repeat(along[:, None] * 8 % 1 < 0.5, size, axis=1)
    elif texture == "checker":
        cells = (along * 8).astype(int)
        height = (cells[:, None] + cells[None, :]) % 2
    else:
        coarse = np.random.default_rng(0).random((CLOUDS, CLOUDS)).astype(np.float32)
        smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
        height = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.float32(RELIEF) * height.astype(np.float32)


def _noisy(frame: np.ndarray, deviation: float, shown: np.ndarray) -> np.ndarray:
    """The frame with Gaussian noise that depends on what is ``shown`` and on nothing else, so that
    the same factors always give the same frame.
    """
    size = len(frame)
    plane = _noise_plane(size)
    code = crc32(np.round(shown * 1e4).astype(np.int64).tobytes())
    top, left = divmod(code % (len(plane) - size) ** 2, len(plane) - size)
    window = plane[top : top + size, left : left + size]
    return cv2.addWeighted(window, deviation, frame.astype(np.float32), 1.0, 0.0, dtype=cv2.CV_8U)


@lru_cache(maxsize=4)
def _noise_plane(size: int) -> np.ndarray:
    """Standard normal values, float32 (4 size, 4 size, 3)."""
    side = NOISE_PLANE * size
    return np.random.default_rng(0).standard_normal((side, side, 3), dtype=np.float32)
