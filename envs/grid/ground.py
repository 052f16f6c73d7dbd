"""Where the things of a MiniGrid episode may be: its walls, the free cells and the gates."""

from __future__ import annotations

from collections.abc import Iterable

from minigrid.core.world_object import Wall, WorldObj
from minigrid.minigrid_env import MiniGridEnv

SCENERY = ("wall", "floor", "lava")  # stays where it is
Cell = tuple[int, int]  # column, row


class Ground:
    """The grid of ``world`` without ``things``, and with walls for ``doors`` (both: cells).

    ``free`` are the empty cells that the agent could reach if all doors were open, without those
    from which it would leave the grid; ``gates`` are the cells for doors: where one was, or in a
    wall between two free cells.
    """

    def __init__(self, world: MiniGridEnv, things: Iterable[Cell], doors: Iterable[Cell]) -> None:
        self._width, self._height = world.width, world.height
        self.cells: list[WorldObj | None] = list(world.grid.grid)
        starts = {*things}
        were_doors = {*doors}
        for cell in starts:
            self.cells[self._number(cell)] = Wall() if cell in were_doors else None
        every = [(n % self._width, n // self._width) for n in range(len(self.cells))]
        outside = self._reached({cell for cell in every if self._is_edge(cell)}, set())
        agent = (int(world.agent_pos[0]), int(world.agent_pos[1]))
        inside = self._reached({agent, *starts}, outside)
        self.free = [cell for cell in every if cell in inside and self.at(cell) is None]
        self._is_free = {*self.free}
        self.gates = [
            cell for cell in every if were_doors and (cell in were_doors or self._is_gate(cell))
        ]

    def at(self, cell: Cell) -> WorldObj | None:
        """The scenery there."""
        return self.cells[self._number(cell)]

    def is_outside(self, cell: Cell) -> bool:
        """Whether a cell is empty and beyond the walls."""
        return self.at(cell) is None and cell not in self._is_free

    def leads_out(self, gate: Cell) -> bool:
        """Whether a gate has free cells on one side only."""
        return not any(first and second for first, second in self._sides(gate))

    def _is_gate(self, cell: Cell) -> bool:
        return self._is_wall(cell) and not self.leads_out(cell)

    def _sides(self, cell: Cell) -> list[tuple[bool, bool]]:
        left, right, above, below = (beside in self._is_free for beside in _beside(cell))
        return [(left, right), (above, below)]

    def _is_edge(self, cell: Cell) -> bool:
        """Whether a cell at the edge of the grid is open; beyond it minigrid fails."""
        column, row = cell
        at_edge = column in (0, self._width - 1) or row in (0, self._height - 1)
        return at_edge and not self._is_wall(cell)

    def _reached(self, starts: set[Cell], barred: set[Cell]) -> set[Cell]:
        """The cells that walls and ``barred`` cells do not part from ``starts``."""
        done, waiting = starts | barred, list(starts)
        while waiting:
            for cell in _beside(waiting.pop()):
                within = 0 <= cell[0] < self._width and 0 <= cell[1] < self._height
                if within and cell not in done and not self._is_wall(cell):
                    done.add(cell)
                    waiting.append(cell)
        return (done - barred) | starts

    def _is_wall(self, cell: Cell) -> bool:
        there = self.at(cell)
        return there is not None and there.type == "wall"

    def _number(self, cell: Cell) -> int:
        return cell[1] * self._width + cell[0]


def _beside(cell: Cell) -> tuple[Cell, Cell, Cell, Cell]:
    """The cells to the left, to the right, above and below."""
    column, row = cell
    return (column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)
