"""The state of a MiniGrid episode, as numbers and as where each thing is: read and set.

Order: agent column, row, direction; then for each slot its thing's column, row, of a door its
state, and its colour where colours are factors; then ``carrying`` where things can be picked up. A
thing out of the grid is at column and row -1; all numbers of a thing that an episode lacks are -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minigrid.core.constants import COLOR_TO_IDX, IDX_TO_COLOR
from minigrid.core.world_object import Door, WorldObj
from minigrid.minigrid_env import MiniGridEnv

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.grid.ground import Cell, Ground
from bvae_rl.envs.grid.notes import Notes
from bvae_rl.envs.grid.things import NOWHERE, Slot, fill, found_in

OPEN, CLOSED, LOCKED = range(3)
MISSING = -1


@dataclass(frozen=True)
class Place:
    """Where a thing is, its door state (0 where it is no door) and the number of its colour."""

    cell: Cell
    state: int
    colour: int


LACKING = Place(NOWHERE, MISSING, MISSING)  # of a thing that the episode has not


@dataclass(frozen=True)
class GridState:
    """All of it: ``places`` one a slot, ``held`` the slot of what is carried."""

    agent: Cell
    direction: int
    places: tuple[Place, ...]
    held: int | None


def state_specs(
    world: MiniGridEnv, slots: Sequence[Slot], *, colours: bool
) -> tuple[FactorSpec, ...]:
    """One categorical factor for each number."""
    columns, rows = range(world.width), range(world.height)
    specs = [_whole("agent_column", columns), _whole("agent_row", rows)]
    specs.append(_whole("agent_direction", range(4)))
    for slot in slots:
        away = [-1] if slot.movable or slot.absent else []
        lacking = [MISSING] if slot.absent else []
        specs.append(_whole(f"{slot.name}_column", [*away, *columns]))
        specs.append(_whole(f"{slot.name}_row", [*away, *rows]))
        if slot.is_door:
            specs.append(_whole(f"{slot.name}_state", [*lacking, OPEN, CLOSED, LOCKED]))
        if colours:
            specs.append(_whole(f"{slot.name}_colour", [*lacking, *range(len(COLOR_TO_IDX))]))
    if movable := sum(slot.movable for slot in slots):
        specs.append(_whole("carrying", range(movable + 1)))
    return tuple(specs)


class Episode:
    """The episode that ``world`` was just reset to, its things in the order of ``slots``.

    Things beyond the slots are no factors; ``set`` puts them back where they began. ValueError
    where a slot that is never empty has no thing.
    """

    def __init__(self, world: MiniGridEnv, slots: Sequence[Slot], *, colours: bool = False) -> None:
        self.slots = slots
        self._world, self.has_colours = world, colours
        found = found_in(world)
        entries = fill(slots, found)
        for slot, entry in zip(slots, entries, strict=True):
            if entry is None and not slot.absent:
                raise ValueError(
                    f"this episode of {world} has no {slot.name}, and the episodes that were "
                    "looked at when the world was made all had it"
                )
        self.things = [entry.thing if entry else None for entry in entries]
        self.began = [COLOR_TO_IDX[thing.color] if thing else MISSING for thing in self.things]
        self.boxes = [self._slot_of(entry.box) if entry else None for entry in entries]
        self.movable = [n for n, slot in enumerate(slots) if slot.movable]
        starts = [entry.cell for entry in entries if entry and entry.cell != NOWHERE]
        doors = [entry.cell for entry in entries if entry and isinstance(entry.thing, Door)]
        self.ground = Ground(world, starts, doors)
        rest = [entry.thing for entry in found if self._slot_of(entry.thing) is None]
        self._other_doors = [(d, d.is_open, d.is_locked) for d in rest if isinstance(d, Door)]
        self.notes = Notes(world, entries)

    def read(self) -> GridState:
        """The current state."""
        world = self._world
        agent = (int(world.agent_pos[0]), int(world.agent_pos[1]))
        places = tuple(LACKING if thing is None else self._place(thing) for thing in self.things)
        return GridState(agent, int(world.agent_dir), places, self._slot_of(world.carrying))

    def set(self, state: GridState) -> None:
        """Go to a state that can be."""
        world = self._world
        world.grid.grid = list(self.ground.cells)
        for door, is_open, is_locked in self._other_doors:
            door.is_open, door.is_locked = is_open, is_locked
        for thing, place in zip(self.things, state.places, strict=True):
            if thing is None:
                continue
            thing.cur_pos = place.cell
            thing.color = IDX_TO_COLOR[place.colour]
            if place.cell != NOWHERE:
                world.grid.set(*place.cell, thing)
            if isinstance(thing, Door):
                thing.is_open, thing.is_locked = place.state == OPEN, place.state == LOCKED
        world.agent_pos, world.agent_dir = state.agent, state.direction
        held = None if state.held is None else self.things[state.held]
        world.carrying = held  # type: ignore[assignment]
        self.notes.follow([place.cell for place in state.places])

    def numbers(self, state: GridState) -> list[int]:
        """``state`` in the order of the factors."""
        values = [*state.agent, state.direction]
        for slot, place in zip(self.slots, state.places, strict=True):
            values += place.cell
            if slot.is_door:
                values.append(place.state)
            if self.has_colours:
                values.append(place.colour)
        if self.movable:
            values.append(0 if state.held is None else self.movable.index(state.held) + 1)
        return values

    def state(self, numbers: Sequence[int]) -> GridState:
        """What ``numbers``, in the order of the factors, say."""
        rest = iter(numbers)
        agent, direction = (next(rest), next(rest)), next(rest)
        places = []
        for slot, colour in zip(self.slots, self.began, strict=True):
            cell = (next(rest), next(rest))
            door = next(rest) if slot.is_door else min(colour, 0)
            places.append(Place(cell, door, next(rest) if self.has_colours else colour))
        carrying = next(rest, 0)
        return GridState(
            agent, direction, tuple(places), self.movable[carrying - 1] if carrying else None
        )

    def _place(self, thing: WorldObj) -> Place:
        grid = self._world.grid
        try:
            number = grid.grid.index(thing)
        except ValueError:
            cell = NOWHERE
        else:
            cell = (number % grid.width, number // grid.width)
        return Place(cell, thing.encode()[2], COLOR_TO_IDX[thing.color])

    def _slot_of(self, thing: WorldObj | None) -> int | None:
        return next((n for n, t in enumerate(self.things) if t is thing is not None), None)


def _whole(name: str, values: Sequence[int]) -> FactorSpec:
    return FactorSpec(name, "categorical", values=tuple(float(v) for v in values))
