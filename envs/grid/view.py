"""What the agent of a MiniGrid world sees, found by index instead of by loops over cells.

minigrid copies the cells before the agent one by one, turns them a quarter at a time and walks over
them for what walls hide. Here the cells are an index, remembered by pose, and what is visible is
minigrid's own answer, remembered by the opaque cells of the view.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from minigrid.core.constants import OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import Wall, WorldObj
from minigrid.minigrid_env import MiniGridEnv

REMEMBERED = 8192  # poses, and patterns of opaque cells
OUTSIDE = -1
UNSEEN = (OBJECT_TO_IDX["unseen"], 0, 0)
EMPTY = (OBJECT_TO_IDX["empty"], 0, 0)

Cells = list[WorldObj | None]


class Sight:
    """The view of ``world``'s agent, V x V cells: it looks up from the middle of the last row."""

    def __init__(self, world: MiniGridEnv) -> None:
        self._world = world
        self._poses: dict[tuple[int, ...], tuple[list[int], np.ndarray]] = {}
        self._visible: dict[tuple[int, ...], np.ndarray] = {}
        self._wall = Wall()

    def speed_up(self) -> None:
        """Let the world make its own observation, which is the same, from what is kept here."""
        plain = {name: getattr(MiniGridEnv, name) for name in ("gen_obs", "gen_obs_grid")}
        if all(getattr(type(self._world), name) is method for name, method in plain.items()):
            self._world.gen_obs = self.observation  # type: ignore[method-assign]

    @property
    def agent(self) -> int:
        """The number of the agent's cell in the view."""
        side = self._world.agent_view_size
        return side * (side - 1) + side // 2

    def view(self) -> tuple[Cells, np.ndarray]:
        """Its cells, row by row, unseen ones None; and which are visible, boolean (V * V,).

        In the agent's cell is what it carries.
        """
        cells, visible, _ = self._seen()
        shown: Cells = [c if v else None for c, v in zip(cells, visible.tolist(), strict=True)]
        shown[self.agent] = self._world.carrying
        return shown, visible

    def lit(self) -> np.ndarray:
        """Which cells of the grid are visible, boolean (height * width,)."""
        _, visible, numbers = self._seen()
        lit = np.zeros(self._world.width * self._world.height + 1, dtype=bool)
        lit[numbers[visible]] = True
        return lit[:-1]  # the last is outside

    def observation(self) -> dict[str, Any]:
        """What ``MiniGridEnv.gen_obs`` gives: image (V, V, 3) of codes, direction and mission."""
        cells, visible = self.view()
        codes = [
            (cell.encode() if cell else EMPTY) if seen else UNSEEN
            for cell, seen in zip(cells, visible.tolist(), strict=True)
        ]
        side = self._world.agent_view_size
        image = np.array(codes, dtype=np.uint8).reshape(side, side, 3).swapaxes(0, 1).copy()
        direction, mission = self._world.agent_dir, self._world.mission
        return {"image": image, "direction": direction, "mission": mission}

    def _seen(self) -> tuple[Cells, np.ndarray, np.ndarray]:
        """Cells of the view, which are visible, and their numbers in the grid (-1 outside)."""
        world = self._world
        side = world.agent_view_size
        column, row = world.agent_pos
        pose = (int(column), int(row), int(world.agent_dir), side, world.width, world.height)
        if pose not in self._poses:
            _limit(self._poses)
            numbers = self._numbers()
            self._poses[pose] = numbers.tolist(), numbers
        listed, numbers = self._poses[pose]
        grid = [*world.grid.grid, self._wall]  # outside is wall
        cells = [grid[n] for n in listed]
        if world.see_through_walls:
            return cells, np.ones(side * side, dtype=bool), numbers
        opaque = (side, *(n for n, c in enumerate(cells) if c and not c.see_behind()))
        if opaque not in self._visible:
            _limit(self._visible)
            self._visible[opaque] = _visible(cells, side)
        return cells, self._visible[opaque], numbers

    def _numbers(self) -> np.ndarray:
        """Of each cell of the view, row by row, its number in the grid."""
        world = self._world
        side = world.agent_view_size
        ahead, aside = np.divmod(np.arange(side * side), side)
        cells = (
            np.asarray(world.agent_pos)
            + np.outer(side - 1 - ahead, world.dir_vec)
            + np.outer(aside - side // 2, world.right_vec)
        )
        inside = ((cells >= 0) & (cells < (world.width, world.height))).all(axis=1)
        return np.where(inside, cells[:, 1] * world.width + cells[:, 0], OUTSIDE)


def _visible(cells: Cells, side: int) -> np.ndarray:
    """minigrid's answer, boolean (side * side,)."""
    grid = Grid(side, side)
    grid.grid = list(cells)
    return grid.process_vis((side // 2, side - 1)).T.ravel().copy()


def _limit(known: dict[Any, Any]) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
