"""Appearances and visual domains of MiniGrid worlds: colours, textures, tile size.

A colour is a position ``u`` in [0, 1] on a straight ramp that starts at the library's colour;
things keep the library's colours, because missions name them. A texture lays a second tone over
floor or walls. A tile is smaller than what fits; the grid is then centred on black.

Kinds of change (``bvae_rl.envs.domains``):
``colours``  ``floor_colour``, ``wall_colour``, ``agent_colour``: source 0, ood1 [0.1, 0.75],
             ood2 [0.85, 1], pretrain [0, 0.75];
``texture``  ``floor_texture``, ``wall_texture``, numbers in ``TEXTURES``: source plain, ood1 bricks
             or dots, ood2 diagonal or checker;
``tile``     ``tile``, pixels a cell, down to half of what fits: source the largest, ood1 the larger
             half of the smaller ones, ood2 the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from minigrid.core.constants import COLORS

from bvae_rl.envs.appearance import RGB, Appearance, Range, blend, check_distinct
from bvae_rl.envs.domains import DOMAINS, Domain, Variation, choice, parse_domain, ramp

PARTS = ("floor", "wall", "agent")
RAMPS: dict[str, tuple[RGB, RGB]] = {
    "floor": ((0, 0, 0), (90, 50, 20)),
    "wall": ((100, 100, 100), (60, 170, 200)),
    "agent": ((255, 0, 0), (255, 150, 255)),
}
TEXTURES = ("plain", "bricks", "dots", "diagonal", "checker")
FLOOR_TONE = 40  # how much lighter a texture is than the floor, 0 to 255
WALL_TONE = 0.6  # how dark a texture is beside the wall, as a share
SMALLEST = 0.5  # of the largest tile
# Distinct from floor, wall and agent in every appearance.
GOAL_COLOURS = ("blue", "green", "purple", "yellow")


@dataclass(frozen=True)
class GridAppearance(Appearance):
    """Ramp positions u in [0, 1], names of textures, and pixels a cell; the default is minigrid's.

    ValueError for what is out of range or unknown.
    """

    floor: float = 0.0
    wall: float = 0.0
    agent: float = 0.0
    floor_texture: str = "plain"
    wall_texture: str = "plain"
    tile: int = 8

    choices: ClassVar = {"floor_texture": TEXTURES, "wall_texture": TEXTURES}
    ranges: ClassVar[Mapping[str, Range]] = {
        **dict.fromkeys(PARTS, (0.0, 1.0)),
        "tile": (1, float("inf")),
    }
    whole: ClassVar = ("tile",)
    field_of: ClassVar = {f"{part}_colour": part for part in PARTS}

    def colour(self, part: str) -> np.ndarray:
        """RGB colour of a part, shape (3,), 0 to 255."""
        return np.round(blend(RAMPS[part], getattr(self, part))).astype(np.uint8)

    def tone(self, part: str) -> np.ndarray:
        """RGB colour of the texture on the floor or the wall, shape (3,), 0 to 255."""
        colour = self.colour(part).astype(float)
        toned = colour + FLOOR_TONE if part == "floor" else colour * WALL_TONE
        return np.round(toned).astype(np.uint8)


@dataclass(frozen=True)
class Tiles:
    """The tile sizes of ``across`` cells in ``size`` pixels, from ``least`` pixels a cell on."""

    across: int
    size: int
    least: int

    def __str__(self) -> str:
        return f"{self.across} cells across {self.size} pixels are {self.largest} pixels each"

    @property
    def largest(self) -> int:
        """What fits; the source's."""
        return self.size // self.across

    @property
    def smaller(self) -> list[int]:
        """In falling order, none below ``least`` or half of the largest."""
        last = max(self.least, int(np.ceil(SMALLEST * self.largest)))
        return list(range(self.largest - 1, last - 1, -1))


def grid_kinds(tiles: Tiles) -> dict[str, tuple[Variation, ...]]:
    """The kinds of change and their variations; ``tile`` where there are two smaller sizes."""
    kinds = {
        "colours": tuple(ramp(f"{part}_colour", 0.0) for part in PARTS),
        "texture": tuple(
            choice(f"{part}_texture", source=0, ood1=(1, 2), ood2=(3, 4)) for part in PARTS[:2]
        ),
    }
    if len(smaller := tiles.smaller) > 1:
        half = (len(smaller) + 1) // 2
        near, far = smaller[:half], smaller[half:]
        kinds["tile"] = (choice("tile", source=tiles.largest, ood1=near, ood2=far, unit="pixels"),)
    return kinds


def grid_domain(name: Any, tiles: Tiles) -> Domain[GridAppearance]:
    """The domain of that name; errors as ``parse_domain``, and a ValueError for one that varies
    ``tile`` where there is no room.
    """
    kinds = grid_kinds(tiles)
    base, _, wanted = str(name).partition(":")
    if "tile" not in kinds and base in DOMAINS and {"tile", "all"} & {*wanted.split("+")}:
        room = tiles.least + 2
        raise ValueError(
            f"visual domain {name!r} varies the tile size, and {tiles}, with {tiles.least} the "
            f"least; use size={room * tiles.across} or more, or name other kinds, as in "
            f"{base}:{'+'.join(kinds)}"
        )
    return parse_domain(name, kinds, GridAppearance(tile=tiles.largest))


def check_things(
    appearance: GridAppearance, things: Mapping[str, tuple[str, str]], *, allow: bool = False
) -> None:
    """Raise a ValueError if a thing looks like what it is beside, unless ``allow``.

    ``things`` are kinds and colours (names of minigrid's) by names. A goal fills its cell, so it
    must differ from walls and from an agent on it too; all else has a shape of its own.
    """
    floor = {"floor": appearance.colour("floor")}
    if appearance.floor_texture != "plain":
        floor["texture of the floor"] = appearance.tone("floor")
    goal = {"wall": appearance.colour("wall"), "agent": appearance.colour("agent")}
    for name, (kind, colour) in things.items():
        parts = floor | goal if kind == "goal" else floor
        for part, beside in parts.items():
            check_distinct({part: _rgb(beside), name: _rgb(COLORS[colour])}, allow=allow)


def _rgb(colour: np.ndarray) -> RGB:
    r, g, b = (int(channel) for channel in colour)
    return r, g, b
