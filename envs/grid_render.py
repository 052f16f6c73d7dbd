"""Pictures of a MiniGrid world, from tiles that are drawn once and laid out by one numpy index.

minigrid's own picture asks its tile cache once a cell and finds the lit cells by a loop over the
view. Here a picture is ``tiles[numbers]``: the library draws each tile (same cache key, same
supersampling, so the pixels are the same), and what is lit is remembered by pose and walls.

Looks (``GridLook``) recolour the drawn tiles and nothing else, so that they cannot change rewards
or dynamics. Each part's colour is a position ``u`` in [0, 1] on a straight ramp that starts at the
library's colour; things keep the library's colours, because missions name them.

Sets, disjoint by construction because they own disjoint ranges of u (those of
``bvae_rl.envs.looks``):
``source``    every u = 0: the library's pixels;
``ood1``      every u in [0.1, 0.75];
``ood2``      every u in [0.85, 1];
``pretrain``  every u in [0, 0.75]: what encoders may see, a superset of ``source`` and ``ood1``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from minigrid.core.constants import COLORS, OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import WorldObj
from minigrid.minigrid_env import MiniGridEnv
from minigrid.utils.rendering import downsample, highlight_img

from bvae_rl.envs.looks import SEEN_HIGH, SOURCE_MARGIN, UNSEEN_LOW, check_look_set

PARTS = ("floor", "wall", "agent")
RAMPS = {
    "floor": ((0, 0, 0), (90, 50, 20)),
    "wall": ((100, 100, 100), (60, 170, 200)),
    "agent": ((255, 0, 0), (255, 150, 255)),
}
SUBDIVISIONS = 3  # supersampling of a tile, as in minigrid
REMEMBERED = 4096  # poses whose lit cells are kept

Key = tuple[tuple[int, int, int] | None, int | None]  # encoded content, direction of the agent


@dataclass(frozen=True)
class GridLook:
    """One ramp position u in [0, 1] for each part; the default is the library's colours."""

    floor: float = 0.0
    wall: float = 0.0
    agent: float = 0.0

    def __post_init__(self) -> None:
        for part, u in zip(PARTS, astuple(self), strict=True):
            if not 0.0 <= u <= 1.0:
                raise ValueError(f"the {part} colour of a look must be in [0, 1], got {u}")

    @property
    def u(self) -> np.ndarray:
        """Ramp positions in the order of ``PARTS``, shape (3,)."""
        return np.array(astuple(self))

    def colour(self, part: str) -> np.ndarray:
        """RGB colour of a part, shape (3,), 0 to 255."""
        first, last = np.array(RAMPS[part])
        return np.round(first + getattr(self, part) * (last - first)).astype(np.uint8)


def sample_grid_look(look_set: str, rng: np.random.Generator) -> GridLook:
    """Draw a look from a named set; a ValueError lists the known names."""
    return GridLook(*rng.uniform(*_range(look_set), size=len(PARTS)).tolist())


def in_grid_set(look: GridLook, look_set: str) -> bool:
    """Whether ``look`` belongs to the named set."""
    low, high = _range(look_set)
    return bool(np.all((look.u >= low) & (look.u <= high)))


def _range(look_set: str) -> tuple[float, float]:
    check_look_set(look_set)
    return {
        "source": (0.0, 0.0),
        "ood1": (SOURCE_MARGIN, SEEN_HIGH),
        "ood2": (UNSEEN_LOW, 1.0),
        "pretrain": (0.0, SEEN_HIGH),
    }[look_set]


class _Canvas(Grid):
    """The library's tile drawing with a cache of its own: here tiles are kept before smoothing."""

    tile_cache: dict[tuple[Any, ...], Any] = {}


class GridPainter:
    """Draws grids of ``tile``-pixel cells in one look; set ``look`` to change it."""

    def __init__(self, tile: int) -> None:
        self._tile = tile
        self._look = GridLook()
        self._numbers: dict[Key, int] = {}
        self._tiles = np.empty((0, tile, tile, 3), np.uint8)  # two a key: plain, then lit

    @property
    def look(self) -> GridLook:
        return self._look

    @look.setter
    def look(self, look: GridLook) -> None:
        if look != self._look:
            self._look = look
            self._numbers.clear()

    def paint(
        self,
        grid: Grid,
        agent: tuple[int, int],
        direction: int,
        *,
        lit: np.ndarray | None = None,
    ) -> np.ndarray:
        """The picture, uint8 (height * tile, width * tile, 3).

        ``agent`` is (column, row); ``lit`` is boolean (height, width).
        """
        keys: list[Key] = [(cell.encode() if cell else None, None) for cell in grid.grid]
        here = agent[1] * grid.width + agent[0]
        keys[here] = (keys[here][0], direction)
        try:
            numbers = [self._numbers[key] for key in keys]
        except KeyError:
            numbers = [self._number(key, cell) for key, cell in zip(keys, grid.grid, strict=True)]
        index = np.array(numbers).reshape(grid.height, grid.width)
        if lit is not None:
            index = index + lit
        cells = self._tiles[index].swapaxes(1, 2)  # H, tile, W, tile, 3
        return cells.reshape(grid.height * self._tile, grid.width * self._tile, 3)

    def _number(self, key: Key, cell: WorldObj | None) -> int:
        """Where the plain tile of ``key`` is; it is drawn if it has to be."""
        if key not in self._numbers:
            number = 2 * len(self._numbers)
            if number == len(self._tiles):
                more = np.empty((max(32, number), *self._tiles.shape[1:]), np.uint8)
                self._tiles = np.concatenate([self._tiles, more])
            self._tiles[number : number + 2] = self._draw(key, cell)
            self._numbers[key] = number
        return self._numbers[key]

    def _draw(self, key: Key, cell: WorldObj | None) -> np.ndarray:
        """A plain and a lit tile, uint8 (2, tile, tile, 3)."""
        plain = self._recoloured(key, cell)
        lit = plain.copy()
        highlight_img(lit)
        return np.stack([downsample(canvas, SUBDIVISIONS) for canvas in (plain, lit)])

    def _recoloured(self, key: Key, cell: WorldObj | None) -> np.ndarray:
        code, direction = key
        side = self._tile * SUBDIVISIONS
        drawn = _Canvas.render_tile(cell, direction, tile_size=side, subdivs=1).astype(np.uint8)
        canvas = drawn.copy()
        canvas[(drawn == 0).all(axis=-1)] = self._look.colour("floor")
        if code is not None and code[0] == OBJECT_TO_IDX["wall"]:
            grey = (drawn == COLORS["grey"]).all(axis=-1)
            canvas[grey] = self._look.colour("wall")
        if direction is not None:
            alone = _Canvas.render_tile(None, direction, tile_size=side, subdivs=1)
            canvas[(alone == RAMPS["agent"][0]).all(axis=-1)] = self._look.colour("agent")
        return canvas


class Lighting:
    """Which cells minigrid lights up, the agent's view, remembered by pose and opaque cells."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], np.ndarray] = {}

    def lit(self, env: MiniGridEnv) -> np.ndarray:
        """Boolean (height, width); as ``MiniGridEnv.get_full_render`` finds it."""
        column, row = env.agent_pos
        opaque = () if env.see_through_walls else _opaque(env.grid.grid)
        key = (int(column), int(row), int(env.agent_dir), env.agent_view_size, opaque)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._find(env)
        return self._known[key]

    @staticmethod
    def _find(env: MiniGridEnv) -> np.ndarray:
        _, visible = env.gen_obs_grid()
        aside, ahead = np.argwhere(visible).T  # in the view: the agent is at the bottom, centre
        half, far = env.agent_view_size // 2, env.agent_view_size - 1
        cells = (
            np.asarray(env.agent_pos)
            + np.outer(far - ahead, env.dir_vec)
            + np.outer(aside - half, env.right_vec)
        )
        inside = ((cells >= 0) & (cells < (env.width, env.height))).all(axis=1)
        lit = np.zeros((env.height, env.width), dtype=bool)
        lit[cells[inside, 1], cells[inside, 0]] = True
        return lit


def _opaque(cells: Sequence[WorldObj | None]) -> tuple[int, ...]:
    return tuple(n for n, cell in enumerate(cells) if cell and not cell.see_behind())
