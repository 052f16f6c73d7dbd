"""The state of a MiniGrid episode as numbers: read, drawn, checked and set.

Order: agent column, row, direction; then for each thing its column, row and, of a door, its state;
then ``carrying`` where things can be picked up. A thing out of the grid is at column and row -1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from gymnasium.spaces import Discrete
from minigrid.core.actions import Actions
from minigrid.core.world_object import Door, Wall, WorldObj
from minigrid.minigrid_env import MiniGridEnv

from bvae_rl.factors import FactorSpec

SCENERY = ("wall", "floor", "lava")  # stays where it is
FOLLOWING = ("target_pos", "move_pos")  # where a world notes the place of a thing, for its reward
NOWHERE = (-1, -1)
OPEN = 0

Cell = tuple[int, int]  # column, row


class EpisodeState:
    """The things of the episode that ``world`` was just reset to.

    They are named by their kind, or all that can be picked up "thing" where ``by_kind`` is False.
    ValueError for boxes that hide things.
    """

    def __init__(self, world: MiniGridEnv, *, by_kind: bool = True) -> None:
        self._world = world
        assert isinstance(world.action_space, Discrete)
        carries = world.action_space.n > Actions.pickup
        found = [(_name(cell, by_kind), n, cell) for n, cell in enumerate(world.grid.grid) if cell]
        found = [entry for entry in found if entry[2].type not in SCENERY]
        found.sort(key=lambda entry: (entry[0], entry[2].type, entry[2].color, entry[1]))
        kinds = [kind for kind, _, _ in found]
        self._names = [
            kind if kinds.count(kind) == 1 else f"{kind}{kinds[: n + 1].count(kind)}"
            for n, kind in enumerate(kinds)
        ]
        self._things: list[WorldObj] = [thing for _, _, thing in found]
        if any(thing.contains is not None for thing in self._things):
            raise ValueError("things hidden in boxes are no factors yet; choose another world")
        self._movable = [n for n, t in enumerate(self._things) if carries and t.can_pickup()]
        starts = [_cell(n, world.width) for _, n, _ in found]
        gates = [cell for cell, t in zip(starts, self._things, strict=True) if isinstance(t, Door)]
        self._scenery = [c if c and c.type in SCENERY else None for c in world.grid.grid]
        for cell in gates:
            self._scenery[self._number(cell)] = Wall()
        cells = [_cell(n, world.width) for n in range(len(self._scenery))]
        self._free = [cell for cell in cells if self._at(cell) is None]
        self._gates = [cell for cell in cells if gates and (cell in gates or self._is_gate(cell))]
        noted = {name: getattr(world, name, None) for name in FOLLOWING}
        self._following = {
            name: starts.index(tuple(cell))
            for name, cell in noted.items()
            if cell is not None and tuple(cell) in starts
        }

    def specs(self) -> tuple[FactorSpec, ...]:
        """One categorical factor for each number."""
        columns, rows = range(self._world.width), range(self._world.height)
        specs = [_whole("agent_column", columns), _whole("agent_row", rows)]
        specs.append(_whole("agent_direction", range(4)))
        for n, (thing, name) in enumerate(zip(self._things, self._names, strict=True)):
            away = [-1] if n in self._movable else []
            specs.append(_whole(f"{name}_column", [*away, *columns]))
            specs.append(_whole(f"{name}_row", [*away, *rows]))
            if isinstance(thing, Door):
                specs.append(_whole(f"{name}_state", range(3)))
        if self._movable:
            specs.append(_whole("carrying", range(len(self._movable) + 1)))
        return tuple(specs)

    def read(self) -> list[int]:
        """The current numbers."""
        world = self._world
        where = {id(cell): n for n, cell in enumerate(world.grid.grid) if cell is not None}
        values = [*world.agent_pos, world.agent_dir]
        for thing in self._things:
            n = where.get(id(thing))
            values += NOWHERE if n is None else _cell(n, world.width)
            if isinstance(thing, Door):
                values.append(thing.encode()[2])
        if self._movable:
            held = [n for n in self._movable if self._things[n] is world.carrying]
            values.append(self._movable.index(held[0]) + 1 if held else 0)
        return values

    def sample(self, rng: np.random.Generator) -> list[int]:
        """Uniform draws: agent and things over different free cells, doors over the walls between
        two free cells, and what is carried over nothing and all that can be.
        """
        carrying = int(rng.integers(len(self._movable) + 1))
        free = iter(rng.permutation(self._free).tolist())
        gates = iter(rng.permutation(self._gates).tolist())
        values = [*next(free), int(rng.integers(4))]
        for n, thing in enumerate(self._things):
            if isinstance(thing, Door):
                values += [*next(gates), int(rng.integers(3))]
            else:
                cell = next(free)
                held = carrying > 0 and n == self._movable[carrying - 1]
                values += NOWHERE if held else cell
        return [*values, carrying] if self._movable else values

    def set(self, values: Sequence[int]) -> None:
        """Go to the numbers, which are in range; ValueError, and no change, if they cannot be."""
        rest = iter(values)
        agent, direction = _next_cell(rest), next(rest)
        cells, states = [], []
        for thing in self._things:
            cells.append(_next_cell(rest))
            states.append(next(rest) if isinstance(thing, Door) else OPEN)
        carrying = next(rest, 0)
        held = self._movable[carrying - 1] if carrying else None
        self._check(agent, cells, states, held)

        world = self._world
        world.grid.grid = list(self._scenery)
        for thing, cell, state in zip(self._things, cells, states, strict=True):
            thing.cur_pos = cell
            if cell != NOWHERE:
                world.grid.set(*cell, thing)
            if isinstance(thing, Door):
                thing.is_open, thing.is_locked = state == OPEN, state == 2
        world.agent_pos, world.agent_dir = agent, direction
        world.carrying = None if held is None else self._things[held]  # type: ignore[assignment]
        for name, n in self._following.items():
            setattr(world, name, cells[n])

    def _check(
        self, agent: Cell, cells: Sequence[Cell], states: Sequence[int], held: int | None
    ) -> None:
        taken: dict[Cell, int] = {}
        for n, (name, cell) in enumerate(zip(self._names, cells, strict=True)):
            if -1 in cell:
                self._check_away(n, cell, held)
                continue
            if n == held:
                raise _impossible(f"the {name} is carried and at {cell}; carried is at (-1, -1)")
            if cell in taken:
                raise _impossible(f"the {name} and the {self._names[taken[cell]]} are at {cell}")
            if isinstance(self._things[n], Door):
                if cell not in self._gates:
                    raise _impossible(f"the {name} at {cell} is not in a wall between free cells")
            elif (there := self._at(cell)) is not None:
                raise _impossible(f"the {name} is in the {there.type} at {cell}")
            taken[cell] = n
        if agent in taken:
            n = taken[agent]
            thing = self._things[n]
            free = states[n] == OPEN if isinstance(thing, Door) else thing.can_overlap()
            if not free:
                raise _impossible(f"the agent is in the {self._names[n]} at {agent}")
        elif (there := self._at(agent)) is not None and not there.can_overlap():
            raise _impossible(f"the agent is in the {there.type} at {agent}")

    def _check_away(self, n: int, cell: Cell, held: int | None) -> None:
        name = self._names[n]
        if cell != NOWHERE:
            raise _impossible(f"the {name} is at {cell}; only both can be -1")
        if n != held and self._things[n].type != "box":  # an opened box is gone
            raise _impossible(f"the {name} is at (-1, -1) and not carried")

    def _is_gate(self, cell: Cell) -> bool:
        """Whether a wall at ``cell`` has free cells on two opposite sides."""
        there = self._at(cell)
        if there is None or there.type != "wall":
            return False
        column, row = cell
        sides = (((column - 1, row), (column + 1, row)), ((column, row - 1), (column, row + 1)))
        return any(self._is_free(first) and self._is_free(second) for first, second in sides)

    def _is_free(self, cell: Cell) -> bool:
        column, row = cell
        inside = 0 <= column < self._world.width and 0 <= row < self._world.height
        return inside and self._at(cell) is None

    def _at(self, cell: Cell) -> WorldObj | None:
        """The scenery at ``cell``."""
        return self._scenery[self._number(cell)]

    def _number(self, cell: Cell) -> int:
        return cell[1] * self._world.width + cell[0]


def _name(thing: WorldObj | None, by_kind: bool) -> str:
    assert thing is not None
    return thing.type if by_kind or not thing.can_pickup() else "thing"


def _cell(number: int, width: int) -> Cell:
    return number % width, number // width


def _next_cell(values: Iterator[int]) -> Cell:
    return next(values), next(values)


def _whole(name: str, values: Sequence[int]) -> FactorSpec:
    return FactorSpec(name, "categorical", values=tuple(float(v) for v in values))


def _impossible(why: str) -> ValueError:
    return ValueError(f"impossible factors: {why}; move one of them")
