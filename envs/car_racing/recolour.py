"""EnvPool's pictures of CarRacing in other colours.

EnvPool draws in the task's own colours and cannot be told others. Its pixels are these colours and
blends of two or three of them at edges. How much grass, patch and road there is in a pixel follows
from green and blue alone: only grass has more green than blue, and only car and kerbs more red than
blue. A pixel then moves by these shares of what its parts move. What is neither grass nor road
(car, wheels, kerbs, dashboard) stays.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from bvae_rl.envs.car_racing.appearances import BACKGROUND, PATCHES, ROAD, SOURCE, CarAppearance
from bvae_rl.envs.car_racing.view import ROAD_ROWS

ROAD_GREYS = (102.0, 107.0)  # of the tiles
WHEEL = 77  # the grey that is on a turning wheel
LEVELS = np.arange(256)


@cache
def shares() -> np.ndarray:
    """How much background, patch and road is in a pixel, by its green and blue: (256, 256, 3)."""
    green, blue = np.meshgrid(LEVELS.astype(float), LEVELS.astype(float), indexing="ij")
    low, high = BACKGROUND[1] - BACKGROUND[2], PATCHES[1] - PATCHES[2]
    excess = np.maximum(green - blue, 0.0)
    patch = np.clip((excess - low) / (high - low), 0.0, 1.0)
    background = np.where(patch > 0, 1.0 - patch, excess / low)
    rest = 1.0 - background - patch
    grey = np.maximum(blue - BACKGROUND[2] * (background + patch), 0.0)  # of the rest
    dark = grey / ROAD_GREYS[0]  # with black or red
    light = (255.0 * rest - grey) / (255.0 - ROAD_GREYS[1])  # with white
    road = np.clip(np.minimum(np.minimum(dark, light), rest), 0.0, 1.0)
    road[WHEEL, WHEEL] = 0.0
    return np.stack([background, patch, road], axis=-1)


class Recolouring:
    """Turns the task's picture uint8 (96, 96, 3) in its own colours into one of ``appearance``."""

    def __init__(self, appearance: CarAppearance) -> None:
        self._table: np.ndarray | None = None
        if appearance.colours == SOURCE.colours:
            return
        new = appearance.colours
        moves = np.array(
            [
                np.subtract(new[part], old)
                for part, old in (("background", BACKGROUND), ("patches", PATCHES), ("road", ROAD))
            ]
        )
        moved = np.rint(shares() @ moves).reshape(-1, 3)  # (green x blue, RGB)
        plain = np.stack(
            [np.tile(LEVELS, 256), np.repeat(LEVELS, 256), np.tile(LEVELS, 256)], axis=-1
        )  # where red is blue
        self._moved = moved.astype(np.int16)
        table = np.zeros((256 * 256, 4), np.uint8)
        table[:, :3] = np.clip(plain + moved, 0, 255)
        self._table = table.view(np.uint32).ravel()

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        if self._table is None:
            return picture
        seen = picture[:ROAD_ROWS]
        red, green, blue = seen[..., 0], seen[..., 1], seen[..., 2]
        index = green.astype(np.uint16)
        index <<= 8
        index |= blue
        found = self._table[index].view(np.uint8).reshape(*seen.shape[:2], 4)
        result = picture.copy()
        result[:ROAD_ROWS] = found[..., :3]
        rows, columns = np.nonzero(red != blue)  # car and kerbs
        few = seen[rows, columns] + self._moved[index[rows, columns]]
        result[rows, columns] = np.clip(few, 0, 255)
        return result
