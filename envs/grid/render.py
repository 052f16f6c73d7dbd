"""Pictures of MiniGrid cells, from tiles that are drawn once and laid out by one numpy index.

minigrid's own picture asks its tile cache once a cell. Here a picture is ``tiles[numbers]``. The
library draws each tile (same cache key, same supersampling, same light, so the pixels are the
same); its pixels are kept as labels of what they show, and an appearance gives the labels their
colours. So an appearance changes the picture and nothing else, and a new one costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from minigrid.core.constants import COLORS, OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import WorldObj
from minigrid.utils.rendering import downsample, highlight_img

from bvae_rl.envs.grid.appearances import RAMPS, GridAppearance

SUBDIVISIONS = 3  # supersampling of a tile, as in minigrid
FLOOR, FLOOR_TONE, WALL, WALL_TONE, AGENT, INSIDE, OTHERS = range(7)  # labels of pixels
HOLLOW = (OBJECT_TO_IDX["door"], OBJECT_TO_IDX["box"])  # their inside stays without texture

Code = tuple[int, int, int] | None  # what WorldObj.encode says of a cell
Key = tuple[Code, int | None]  # and the direction of the agent in it


class _Canvas(Grid):
    """The library's tile drawing with a cache of its own: here tiles are kept before smoothing."""

    tile_cache: dict[tuple[Any, ...], Any] = {}


class GridPainter:
    """Draws cells in one appearance; set ``appearance`` to change it."""

    def __init__(self, appearance: GridAppearance) -> None:
        self._drawings: dict[tuple[Key, int], tuple[np.ndarray, np.ndarray]] = {}
        self._use(appearance)

    @property
    def appearance(self) -> GridAppearance:
        return self._appearance

    @appearance.setter
    def appearance(self, appearance: GridAppearance) -> None:
        if appearance != self._appearance:
            self._use(appearance)

    def paint(
        self,
        cells: Sequence[WorldObj | None],
        width: int,
        agent: int,
        direction: int,
        *,
        lit: np.ndarray | None = None,
    ) -> np.ndarray:
        """The picture of ``cells``, given row by row: uint8 (rows * tile, width * tile, 3).

        ``width`` is the number of cells in a row, ``agent`` the number of the agent's cell;
        ``lit`` is boolean (cells,).
        """
        codes: list[Any] = [cell and cell.encode() for cell in cells]
        codes[agent] = (codes[agent], direction)
        try:
            numbers = [self._numbers[code] for code in codes]
        except KeyError:
            self._draw(codes, cells, agent)
            numbers = [self._numbers[code] for code in codes]
        index = np.array(numbers)
        if lit is not None:
            index += lit
        tile = self._appearance.tile
        rows = len(cells) // width
        laid = self._tiles[index].reshape(rows, width, tile, tile, 3).swapaxes(1, 2)
        return laid.reshape(rows * tile, width * tile, 3)

    def _use(self, appearance: GridAppearance) -> None:
        self._appearance = appearance
        self._numbers: dict[Any, int] = {}  # two tiles a code, or (code, direction): plain, lit
        self._tiles = np.empty((0, appearance.tile, appearance.tile, 3), np.uint8)
        scenery = [
            shade(part)
            for part in ("floor", "wall")
            for shade in (appearance.colour, appearance.tone)
        ]
        ends = [appearance.colour("agent"), appearance.colour("floor")]
        self._colours = np.stack([*scenery, *ends])  # in the order of the labels

    def _draw(self, codes: Sequence[Any], cells: Sequence[WorldObj | None], agent: int) -> None:
        """Tiles for those of ``codes`` that have none yet."""
        new = {}
        for n, (code, cell) in enumerate(zip(codes, cells, strict=True)):
            if code not in self._numbers and code not in new:
                new[code] = self._plain_and_lit(code if n == agent else (code, None), cell)
        tile, count = self._appearance.tile, len(self._numbers)
        canvases = np.concatenate(list(new.values()))  # one below the other
        tiles = downsample(canvases, SUBDIVISIONS).astype(np.uint8)
        self._tiles = np.concatenate([self._tiles, tiles.reshape(-1, tile, tile, 3)])
        self._numbers |= {code: 2 * (count + n) for n, code in enumerate(new)}

    def _plain_and_lit(self, key: Key, cell: WorldObj | None) -> np.ndarray:
        """A plain canvas above a lit one, uint8 (2 * side, side, 3)."""
        side = self._appearance.tile * SUBDIVISIONS
        if (key, side) not in self._drawings:
            self._drawings[key, side] = _labelled(key, cell, side)
        labels, others = self._drawings[key, side]
        textures = (self._appearance.floor_texture, self._appearance.wall_texture)
        for label, texture in zip((FLOOR, WALL), textures, strict=True):
            if texture != "plain":
                labels = labels + ((labels == label) & texture_mask(texture, side))
        plain = np.concatenate([self._colours, others])
        lit = plain[None].copy()
        highlight_img(lit)
        return np.concatenate([plain[labels], lit[0][labels]])


def _labelled(key: Key, cell: WorldObj | None, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (side, side) of a tile's pixels; RGB colours (n, 3) of the labels from OTHERS on."""
    code, direction = key
    drawn = _Canvas.render_tile(cell, direction, tile_size=side, subdivs=1).astype(np.uint8)
    others, labels = np.unique(drawn.reshape(-1, 3), axis=0, return_inverse=True)
    labels = labels.reshape(side, side) + OTHERS
    kind = None if code is None else code[0]
    if kind == OBJECT_TO_IDX["wall"]:
        labels[(drawn == COLORS["grey"]).all(axis=-1)] = WALL
    labels[(drawn == 0).all(axis=-1)] = INSIDE if kind in HOLLOW else FLOOR
    if direction is not None:
        alone = _Canvas.render_tile(None, direction, tile_size=side, subdivs=1)
        labels[(alone == RAMPS["agent"][0]).all(axis=-1)] = AGENT
    return labels, others


@lru_cache(maxsize=256)
def texture_mask(texture: str, side: int) -> np.ndarray:
    """Where a texture (not "plain") has its second tone, boolean (side, side)."""
    along = (np.arange(side) + 0.5) / side
    y, x = along[:, None], along[None, :]
    if texture == "bricks":
        shift = np.where(y < 0.5, 0.0, 0.5)
        return (y % 0.5 < 0.17) | ((x + shift) % 1.0 < 0.17)
    if texture == "dots":
        return ((x % 0.5 - 0.25) ** 2 + (y % 0.5 - 0.25) ** 2 <= 0.2**2) & ((x < 0.5) == (y < 0.5))
    if texture == "diagonal":
        return np.asarray((x + y) % 0.5 < 0.2)
    return np.asarray((x < 0.5) != (y < 0.5))  # checker
