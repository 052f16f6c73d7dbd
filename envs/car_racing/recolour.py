"""EnvPool's pictures of CarRacing in other colours.

EnvPool draws in the task's own colours and cannot be told others. Its pixels are these colours and
blends of two or three of them at edges. How much grass, patch and road there is in a pixel follows
from green and blue alone: only grass has more green than blue, and only car and kerbs more red than
blue. A pixel then moves by these shares of what its parts move. What is neither grass nor road
(car, wheels, kerbs, dashboard) stays.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from bvae_rl.envs.car_racing.appearances import BACKGROUND, PARTS, PATCHES, SOURCE, CarAppearance
from bvae_rl.envs.car_racing.view import ROAD_ROWS

ROAD_GREYS = (102.0, 107.0)  # of the tiles
WHEEL = 77  # the grey that is on a turning wheel


@cache
def plain() -> np.ndarray:
    """The pixels whose red is their blue, by 256 green + blue: (65536, RGB)."""
    green, blue = np.divmod(np.arange(65536), 256)
    return np.stack([blue, green, blue], axis=-1)


@cache
def shares() -> np.ndarray:
    """How much background, patch and road there is in a pixel, by 256 green + blue: (65536, 3)."""
    _, green, blue = plain().T.astype(float)
    low, high = BACKGROUND[1] - BACKGROUND[2], PATCHES[1] - PATCHES[2]
    excess = np.maximum(green - blue, 0.0)
    patch = np.clip((excess - low) / (high - low), 0.0, 1.0)
    background = np.where(patch > 0, 1.0 - patch, excess / low)
    rest = 1.0 - background - patch
    grey = np.maximum(blue - BACKGROUND[2] * (background + patch), 0.0)  # of the rest
    dark = grey / ROAD_GREYS[0]  # with black or red
    light = (255.0 * rest - grey) / (255.0 - ROAD_GREYS[1])  # with white
    road = np.clip(np.minimum(np.minimum(dark, light), rest), 0.0, 1.0)
    road[256 * WHEEL + WHEEL] = 0.0
    return np.stack([background, patch, road], axis=-1)


class Recolouring:
    """Turns the task's picture uint8 (96, 96, 3) in its own colours into one of ``appearance``,
    with a fourth channel that means nothing (packed in four bytes a pixel is looked up at once).
    """

    def __init__(self, appearance: CarAppearance) -> None:
        self.appearance = appearance
        self._table: np.ndarray | None = None
        if (new := appearance.colours) == SOURCE.colours:
            return
        old = SOURCE.colours
        moves = np.array([np.subtract(new[part], old[part]) for part in PARTS])
        self._moved = np.rint(shares() @ moves).astype(np.int16)  # (green x blue, RGB)
        found = np.zeros((65536, 4), np.uint8)
        found[:, :3] = np.clip(plain() + self._moved, 0, 255)
        self._table = found.view(np.uint32).ravel()

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The picture, (96, 96, 4), or the same one where no colour changes."""
        if self._table is None:
            return picture
        result = np.empty((*picture.shape[:2], 4), np.uint8)
        result[ROAD_ROWS:, :, :3] = picture[ROAD_ROWS:]
        red, green, blue = cv2.split(picture[:ROAD_ROWS])
        index = cv2.merge((blue, green)).view("<u2")[..., 0]  # 256 green + blue
        self._table.take(index, out=result.view(np.uint32)[:ROAD_ROWS, :, 0], mode="clip")
        if len(where := np.flatnonzero(red != blue)):  # car and kerbs
            own = picture.reshape(-1, 3)[where] + self._moved[index.ravel()[where]]
            result.reshape(-1, 4)[where, :3] = own.clip(0, 255)
        return result
