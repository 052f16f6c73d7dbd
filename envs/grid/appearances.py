"""Appearances of MiniGrid worlds: colours of floor, walls and agent, textures, tile size.

A colour is a position ``u`` in [0, 1] on a straight ramp that starts at the library's colour;
things keep the library's colours, because missions name them. A texture lays a second tone over
floor or walls. A tile is smaller than what fits; the grid is then centred on black.

Kinds of change (``bvae_rl.envs.domains``) and where their variations stand:
``colours``  ``floor_colour``, ``wall_colour``, ``agent_colour``: source 0, ood1 [0.1, 0.75],
             ood2 [0.85, 1], pretrain [0, 0.75];
``texture``  ``floor_texture``, ``wall_texture``, numbers in ``TEXTURES``: source plain, ood1 bricks
             or dots, ood2 diagonal or checker;
``tile``     ``tile``, pixels a cell, down to half of what fits: source the largest, ood1 the larger
             half of the smaller ones, ood2 the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from minigrid.core.constants import COLOR_NAMES, COLORS

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.contrast import LEAST, RGB, check_distinct
from bvae_rl.envs.domains import DOMAINS, Domain, Variation, choice, make_domain

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


@dataclass(frozen=True)
class GridAppearance:
    """Ramp positions u in [0, 1], names of textures, and pixels a cell; the default is minigrid's.

    ValueError for what is out of range or unknown.
    """

    floor: float = 0.0
    wall: float = 0.0
    agent: float = 0.0
    floor_texture: str = "plain"
    wall_texture: str = "plain"
    tile: int = 8

    def __post_init__(self) -> None:
        for part in PARTS:
            if not 0.0 <= (u := getattr(self, part)) <= 1.0:
                raise ValueError(f"the {part} colour of an appearance must be in [0, 1], got {u}")
        for texture in (self.floor_texture, self.wall_texture):
            if texture not in TEXTURES:
                raise ValueError(f"unknown texture {texture!r}; known: {', '.join(TEXTURES)}")
        if self.tile < 1:
            raise ValueError(f"a tile has at least 1 pixel, got {self.tile}")

    def colour(self, part: str) -> np.ndarray:
        """RGB colour of a part, shape (3,), 0 to 255."""
        first, last = np.array(RAMPS[part])
        return np.round(first + getattr(self, part) * (last - first)).astype(np.uint8)

    def tone(self, part: str) -> np.ndarray:
        """RGB colour of the texture on the floor or the wall, shape (3,), 0 to 255."""
        colour = self.colour(part).astype(float)
        toned = colour + FLOOR_TONE if part == "floor" else colour * WALL_TONE
        return np.round(toned).astype(np.uint8)

    def value(self, factor: str) -> float:
        """The value of a appearance factor, by its name."""
        if factor.endswith("_colour"):
            return float(getattr(self, factor.removesuffix("_colour")))
        value = getattr(self, factor)
        return float(TEXTURES.index(value) if factor.endswith("_texture") else value)

    def with_values(self, values: Mapping[str, float]) -> GridAppearance:
        """This appearance with some appearance factors changed."""
        fields: dict[str, float | int | str] = {}
        for factor, value in values.items():
            if factor.endswith("_colour"):
                fields[factor.removesuffix("_colour")] = min(max(value, 0.0), 1.0)
            else:
                whole = round(value)
                fields[factor] = TEXTURES[whole] if factor.endswith("_texture") else whole
        return replace(self, **fields)  # type: ignore[arg-type]


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


def look_kinds(tiles: Tiles) -> dict[str, tuple[Variation, ...]]:
    """The kinds of change and their variations; ``tile`` where there are two smaller sizes."""
    drawn: dict[str, tuple[tuple[float, float], ...]] = {
        "ood1": ((0.1, 0.75),),
        "ood2": ((0.85, 1.0),),
        "seen": ((0.0, 0.75),),
    }
    colours = [
        Variation(FactorSpec(f"{p}_colour", role="appearance"), source=0.0, **drawn) for p in PARTS
    ]
    textures = [choice(f"{p}_texture", source=0, ood1=(1, 2), ood2=(3, 4)) for p in PARTS[:2]]
    kinds = {"colours": tuple(colours), "texture": tuple(textures)}
    if len(smaller := tiles.smaller) > 1:
        half = (len(smaller) + 1) // 2
        size = choice("tile", source=tiles.largest, ood1=smaller[:half], ood2=smaller[half:])
        kinds["tile"] = (replace(size, spec=replace(size.spec, unit="pixels")),)
    return kinds


def grid_domain(name: str, tiles: Tiles) -> Domain:
    """The set of that name; ValueError if it is unknown, or varies ``tile`` without room."""
    kinds = look_kinds(tiles)
    set_name, _, wanted = name.partition(":")
    asked = {"tile", "all"} & {*wanted.split("+")}
    if "tile" not in kinds and set_name in DOMAINS and asked:
        room = tiles.least + 2
        raise ValueError(
            f"visual domain {name!r} varies the tile size, and {tiles}, with {tiles.least} the least; "
            f"use size={room * tiles.across} or more, or name other kinds, as in "
            f"{set_name}:{'+'.join(kinds)}"
        )
    return make_domain(name, kinds)


def in_grid_set(appearance: GridAppearance, name: str, tiles: Tiles) -> bool:
    """Whether ``appearance`` is in the set of that name, what it does not vary being the source's."""
    wanted = grid_domain(name, tiles)
    for variation in (
        variation for variations in look_kinds(tiles).values() for variation in variations
    ):
        varied = variation.spec in wanted.specs
        if not variation.holds(
            wanted.set_name if varied else "source", appearance.value(variation.spec.name)
        ):
            return False
    return True


def check_things(
    appearance: GridAppearance, things: Mapping[str, tuple[str, str]], *, allow: bool = False
) -> None:
    """Raise a ValueError if a thing cannot be told from what it is beside, unless ``allow``.

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


def _goal_colours() -> tuple[str, ...]:
    u = np.linspace(0.0, 1.0, 101)[:, None]
    ramps = [(1 - u) * np.array(first) + u * np.array(last) for first, last in RAMPS.values()]
    ramps.append(ramps[0] + FLOOR_TONE)
    every = np.concatenate(ramps)
    return tuple(
        name
        for name in COLOR_NAMES
        if np.linalg.norm(every - COLORS[name], axis=1).min() > LEAST + 1
    )


def _rgb(colour: np.ndarray) -> RGB:
    r, g, b = (int(channel) for channel in colour)
    return r, g, b


GOAL_COLOURS = _goal_colours()  # distinct from floor, wall and agent in every appearance
