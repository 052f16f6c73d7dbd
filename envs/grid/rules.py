"""Which states of a MiniGrid episode can be, and draws of such states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from minigrid.core.constants import COLOR_TO_IDX, IDX_TO_COLOR
from minigrid.core.world_object import Door, WorldObj

from bvae_rl.envs.grid.appearances import GOAL_COLOURS
from bvae_rl.envs.grid.ground import Cell
from bvae_rl.envs.grid.state import LACKING, LOCKED, MISSING, OPEN, Episode, GridState, Place
from bvae_rl.envs.grid.things import NOWHERE


def check_state(episode: Episode, state: GridState, *, indistinct: bool = False) -> None:
    """Raise a ValueError with the reason if ``state`` cannot be.

    Two things of a kind may have one colour if they began with one, or if ``indistinct``.
    """
    taken: dict[Cell, int] = {}
    for n, (slot, thing, place) in enumerate(
        zip(episode.slots, episode.things, state.places, strict=True)
    ):
        if thing is None:
            if place != LACKING:
                raise _impossible(f"there is no {slot.name} in this episode: all of it is -1")
            continue
        if MISSING in (place.state, place.colour):
            raise _impossible(f"the {slot.name} has no state or colour -1 in this episode")
        if -1 in place.cell:
            _check_away(episode, state, n)
            continue
        if n == state.held:
            raise _impossible(
                f"the {slot.name} is carried and at {place.cell}; carried is at (-1, -1)"
            )
        if place.cell in taken:
            other = episode.slots[taken[place.cell]].name
            raise _impossible(f"the {slot.name} and the {other} are at {place.cell}")
        _check_cell(episode, slot.name, thing, place)
        taken[place.cell] = n
    _check_boxes(episode, state)
    _check_agent(episode, state, taken)
    _check_colours(episode, state, indistinct)


def draw_state(episode: Episode, rng: np.random.Generator) -> GridState:
    """Uniform draws: agent and things over different free cells, doors over the gates, what is
    carried over nothing and all that can be; a box that hides a thing is opened or not.

    Colours are exchanged: one order of the colours for keys and doors, so that keys keep their
    locks, and one each for balls, boxes and goals. So things that differed in colour still do.
    """
    choices = [None, *(n for n in episode.movable if episode.things[n])]
    held = choices[rng.integers(len(choices))]
    away = {held} | _opened_or_hidden(episode, held, rng)
    free = iter(_cells(rng.permutation(episode.ground.free)))
    gates = iter(_cells(rng.permutation(episode.ground.gates)))
    agent, direction = next(free), int(rng.integers(4))
    places = []
    for n, (thing, colour) in enumerate(
        zip(episode.things, _draw_colours(episode, rng), strict=True)
    ):
        if thing is None:
            places.append(LACKING)
        elif isinstance(thing, Door):
            cell = next(gates)
            least = OPEN + episode.ground.leads_out(cell)
            places.append(Place(cell, int(rng.integers(least, LOCKED + 1)), colour))
        else:
            cell = next(free)
            places.append(Place(NOWHERE if n in away else cell, 0, colour))
    return GridState(agent, direction, tuple(places), held)


def _check_away(episode: Episode, state: GridState, n: int) -> None:
    name, cell = episode.slots[n].name, state.places[n].cell
    thing, box = episode.things[n], episode.boxes[n]
    if cell != NOWHERE:
        raise _impossible(f"the {name} is at {cell}; only both can be -1")
    assert thing is not None
    if n == state.held or thing.type == "box":  # an opened box is gone
        return
    if box is None:
        raise _impossible(f"the {name} is at (-1, -1) and not carried")
    if _is_gone(state, box):
        box_name = episode.slots[box].name
        raise _impossible(f"the {name} is at (-1, -1), not carried, and its {box_name} is opened")


def _check_cell(episode: Episode, name: str, thing: WorldObj, place: Place) -> None:
    ground = episode.ground
    if isinstance(thing, Door):
        if place.cell not in ground.gates:
            raise _impossible(f"the {name} at {place.cell} is not in a wall between free cells")
        if place.state == OPEN and ground.leads_out(place.cell):
            raise _impossible(f"the {name} at {place.cell} is open and leads out of the grid")
    elif (there := ground.at(place.cell)) is not None:
        raise _impossible(f"the {name} is in the {there.type} at {place.cell}")
    elif ground.is_outside(place.cell):
        raise _impossible(f"the {name} is beyond the walls at {place.cell}")


def _check_boxes(episode: Episode, state: GridState) -> None:
    for n, box in enumerate(episode.boxes):
        if box is None or _is_gone(state, box):
            continue
        if n == state.held or state.places[n].cell != NOWHERE:
            inside, outside = episode.slots[n].name, episode.slots[box].name
            raise _impossible(
                f"the {inside} is out of its {outside}, which was not opened (opened: at (-1, -1))"
            )


def _check_agent(episode: Episode, state: GridState, taken: dict[Cell, int]) -> None:
    agent = state.agent
    if agent in taken:
        n = taken[agent]
        thing = episode.things[n]
        assert thing is not None
        is_open = state.places[n].state == OPEN
        if not (is_open if isinstance(thing, Door) else thing.can_overlap()):
            raise _impossible(f"the agent is in the {episode.slots[n].name} at {agent}")
    elif (there := episode.ground.at(agent)) is not None:
        if not there.can_overlap():
            raise _impossible(f"the agent is in the {there.type} at {agent}")
    elif episode.ground.is_outside(agent):
        raise _impossible(f"the agent is beyond the walls at {agent}")


def _check_colours(episode: Episode, state: GridState, indistinct: bool) -> None:
    colours = [place.colour for place in state.places]
    for group in episode.notes.alike():
        if len({colours[n] for n in group}) > 1:
            raise _impossible(
                f"the mission does not tell {_names(episode, group)} apart, so they must have one "
                f"colour, got {', '.join(IDX_TO_COLOR[colours[n]] for n in group)}"
            )
    seen: dict[tuple[str, int], int] = {}
    for n, (thing, colour) in enumerate(zip(episode.things, colours, strict=True)):
        if thing is None:
            continue
        first = seen.setdefault((thing.type, colour), n)
        if not indistinct and episode.began[first] != episode.began[n]:
            raise _impossible(
                f"{_names(episode, [first, n])} are both a {IDX_TO_COLOR[colour]} {thing.type} and "
                "cannot be told apart; make the world with indistinct=True to allow it"
            )


def _opened_or_hidden(
    episode: Episode, held: int | None, rng: np.random.Generator
) -> set[int | None]:
    away: set[int | None] = set()
    for n, box in enumerate(episode.boxes):
        if box is not None:
            opened = n == held or (box != held and bool(rng.integers(2)))
            away.add(box if opened else n)
    return away


def _draw_colours(episode: Episode, rng: np.random.Generator) -> Sequence[int]:
    if not episode.has_colours:
        return episode.began
    orders: dict[str, dict[int, int]] = {}
    colours = []
    for thing, began in zip(episode.things, episode.began, strict=True):
        if thing is None:
            colours.append(MISSING)
            continue
        family = "lock" if thing.type in ("key", "door") else thing.type
        if family not in orders:
            orders[family] = _exchange(family, episode, rng)
        colours.append(orders[family][began])
    return colours


def _exchange(family: str, episode: Episode, rng: np.random.Generator) -> dict[int, int]:
    """The new colour of things of a family by the one they began with."""
    if family != "goal":
        return dict(enumerate(rng.permutation(len(COLOR_TO_IDX)).tolist()))
    drawn = rng.permutation([COLOR_TO_IDX[name] for name in GOAL_COLOURS]).tolist()
    pairs = zip(episode.began, episode.things, strict=True)
    goals = {began for began, thing in pairs if thing and thing.type == family}
    return dict(zip(sorted(goals), drawn, strict=False))


def _is_gone(state: GridState, box: int) -> bool:
    return state.places[box].cell == NOWHERE and state.held != box


def _names(episode: Episode, group: Sequence[int]) -> str:
    return " and ".join(f"the {episode.slots[n].name}" for n in group)


def _cells(array: np.ndarray) -> list[Cell]:
    return [(int(column), int(row)) for column, row in array.reshape(-1, 2)]


def _impossible(why: str) -> ValueError:
    return ValueError(f"impossible factors: {why}; change one of them")
