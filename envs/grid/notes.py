"""What MiniGrid worlds note about their things, for rewards and missions, kept true of them.

A world may note where a thing is (``target_pos``), its colour (``moveColor``), or name it in the
mission ("get the red key"); BabyAI's instructions note the cells of what they speak of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minigrid.core.constants import COLOR_NAMES
from minigrid.minigrid_env import MiniGridEnv

from bvae_rl.envs.grid.ground import Cell
from bvae_rl.envs.grid.things import NOWHERE, Found

PLACES = ("target_pos", "move_pos")
COLOURS = {  # the noted colour, and where the kind is noted that it is of
    "moveColor": ("move_type",),
    "target_color": ("target_type", "targetType"),
    "targetColor": ("targetType",),
}
MENTION = re.compile(rf"\b({'|'.join(COLOR_NAMES)}) (key|ball|box|door|goal|room)\b")

Things = Sequence[Found | None]


class Notes:
    """The notes about ``things`` of the episode that ``world`` was just reset to."""

    def __init__(self, world: MiniGridEnv, things: Things) -> None:
        self._world: Any = world
        self._things = things
        starts = {entry.cell: n for n, entry in enumerate(things) if entry}
        starts.pop(NOWHERE, None)
        noted = {name: getattr(world, name, None) for name in PLACES}
        self._places = {
            name: starts[tuple(cell)]
            for name, cell in noted.items()
            if cell is not None and tuple(cell) in starts
        }
        self._colours = {name: self._noted(name, kinds) for name, kinds in COLOURS.items()}
        self._mission = str(world.mission)
        self._mentions = [self._match(m[1], m[2]) for m in MENTION.finditer(self._mission)]

    def alike(self) -> list[list[int]]:
        """Groups of things that one note is about, so that they must keep one colour."""
        return [group for group in (*self._colours.values(), *self._mentions) if len(group) > 1]

    def follow(self, cells: Sequence[Cell]) -> None:
        """Bring the notes up to the things, which are at ``cells``."""
        for name, n in self._places.items():
            setattr(self._world, name, cells[n])
        for name, group in self._colours.items():
            if group:
                setattr(self._world, name, self._colour(group))
        if any(self._mentions):
            groups = iter(self._mentions)
            self._world.mission = MENTION.sub(lambda m: self._said(m, next(groups)), self._mission)
        if hasattr(self._world, "instrs"):
            self._world.update_objs_poss()
            _forget_hands(self._world.instrs, self._world.carrying)

    def _said(self, mention: re.Match[str], group: list[int]) -> str:
        return f"{self._colour(group) if group else mention[1]} {mention[2]}"

    def _noted(self, name: str, kinds: Sequence[str]) -> list[int]:
        colour = getattr(self._world, name, None)
        kind = next((getattr(self._world, k) for k in kinds if hasattr(self._world, k)), None)
        return [] if colour is None else self._match(colour, kind)

    def _match(self, colour: str, kind: str | None) -> list[int]:
        kind = "door" if kind == "room" else kind  # minigrid names a room by its door
        return [
            n
            for n, entry in enumerate(self._things)
            if entry and entry.thing.color == colour and kind in (None, entry.thing.type)
        ]

    def _colour(self, group: list[int]) -> str:
        entry = self._things[group[0]]
        assert entry is not None
        return str(entry.thing.color)


def _forget_hands(instruction: Any, carrying: Any) -> None:
    """Give BabyAI's instructions what the agent holds now, so that they see the next change."""
    if hasattr(instruction, "preCarrying"):
        instruction.preCarrying = carrying
    for part in ("instr_a", "instr_b"):
        if hasattr(instruction, part):
            _forget_hands(getattr(instruction, part), carrying)
