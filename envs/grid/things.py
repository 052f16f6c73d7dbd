"""The things of MiniGrid episodes, under names that all episodes of a world share.

A thing is what is neither wall, floor nor lava; what a box hides is a thing too. Things are named
by their kind; where several kinds can be picked up and their numbers change from episode to
episode, all of those are named "thing".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gymnasium.spaces import Discrete
from minigrid.core.actions import Actions
from minigrid.core.world_object import WorldObj
from minigrid.minigrid_env import MiniGridEnv

from bvae_rl.envs.grid.ground import SCENERY, Cell

NOWHERE = (-1, -1)


@dataclass(frozen=True)
class Found:
    """A thing, the cell where it begins, and the box that hides it (then at ``NOWHERE``)."""

    thing: WorldObj
    cell: Cell
    box: WorldObj | None = None


@dataclass(frozen=True)
class Slot:
    """A place in the order of factors; ``absent``: whether some episodes leave it empty."""

    name: str
    kind: str  # "thing", or a kind of minigrid's
    movable: bool
    absent: bool

    @property
    def is_door(self) -> bool:
        return self.kind == "door"


def found_in(world: MiniGridEnv) -> list[Found]:
    """The things of the episode that ``world`` was just reset to."""
    found = []
    for n, cell in enumerate(world.grid.grid):
        if cell is None or cell.type in SCENERY:
            continue
        found.append(Found(cell, (n % world.width, n // world.width)))
        if cell.contains is not None:
            found.append(Found(cell.contains, NOWHERE, cell))
    if world.carrying is not None:  # in BabyAI's worlds that are called so
        found.append(Found(world.carrying, NOWHERE))
    return found


def counts(found: Sequence[Found]) -> Counter[str]:
    """How many there are of each kind."""
    return Counter(entry.thing.type for entry in found)


def slots(world: MiniGridEnv, episodes: Sequence[Counter[str]]) -> tuple[Slot, ...]:
    """Slots for as many things of each kind as one of ``episodes`` had."""
    assert isinstance(world.action_space, Discrete)
    carries = world.action_space.n > Actions.pickup
    movable = [kind for kind in ("ball", "box", "key") if any(kind in e for e in episodes)]
    by_kind = all(e[kind] == episodes[0][kind] for e in episodes for kind in movable)
    if not by_kind and len(movable) > 1:
        episodes = [_pooled(episode, movable) for episode in episodes]
    made = []
    for kind in sorted({kind for episode in episodes for kind in episode}):
        most = max(episode[kind] for episode in episodes)
        absent = any(episode[kind] < most for episode in episodes)
        can_move = carries and (kind == "thing" or kind in movable)
        for n in range(most):
            made.append(Slot(kind if most == 1 else f"{kind}{n + 1}", kind, can_move, absent))
    return tuple(made)


def fill(slots: Sequence[Slot], found: Sequence[Found]) -> list[Found | None]:
    """The thing of each slot, in the order of kind, colour and cell; None where there is none.

    Things beyond the slots of their kind have none.
    """
    pooled = any(slot.kind == "thing" for slot in slots)
    waiting: dict[str, list[Found]] = {slot.kind: [] for slot in slots}
    for entry in sorted(found, key=lambda e: (e.thing.type, e.thing.color, e.cell[::-1])):
        kind = "thing" if pooled and entry.thing.can_pickup() else entry.thing.type
        waiting.get(kind, []).append(entry)
    return [waiting[slot.kind].pop(0) if waiting[slot.kind] else None for slot in slots]


def _pooled(episode: Counter[str], movable: Sequence[str]) -> Counter[str]:
    rest = Counter({kind: n for kind, n in episode.items() if kind not in movable})
    rest["thing"] = sum(episode[kind] for kind in movable)
    return rest
