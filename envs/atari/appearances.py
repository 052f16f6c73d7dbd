"""Appearances and visual domains of the Atari games: other colours from the console's own table.

``colours``    the hues of the ground and of all things on it are turned, each by whole steps of the
               console's circle of 16, grey and black included; luminances stay;
``inversion``  every colour is made its negative, or its negative with the channels turned (red
               takes the value of green, green that of blue, blue that of red).

A picture changes colour by colour, so whatever could be told apart still can: no two parts of an
appearance of a domain are nearer than ``LEAST`` in RGB, if one is ground and one is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from bvae_rl.envs.appearance import Appearance, Range
from bvae_rl.envs.atari.games import GAMES, Game, known_game
from bvae_rl.envs.atari.palette import HUES, LUMINANCES, turned
from bvae_rl.envs.domains import Domain, Variation, choice, parse_domain

LEAST = 30.0  # of 441; in Freeway's own colours a car is 71 from the road, two cars 39 apart
INVERSIONS = ("none", "negative", "turned negative")


@dataclass(frozen=True)
class AtariAppearance(Appearance):
    """The colours of a game; the default is the game's own.

    ``ground_hue`` and ``things_hue``: steps, 0 to 15, by which hues are turned. ValueError for what
    is unknown or out of range, and for ground and things that cannot be told apart unless
    ``indistinct``.
    """

    game: str = "pong"
    ground_hue: int = 0
    things_hue: int = 0
    inversion: str = "none"
    indistinct: bool = False

    choices: ClassVar = {"game": tuple(GAMES), "inversion": INVERSIONS}
    ranges: ClassVar[Mapping[str, Range]] = dict.fromkeys(
        ("ground_hue", "things_hue"), (0.0, HUES - 1.0)
    )
    whole: ClassVar[tuple[str, ...]] = ("ground_hue", "things_hue")
    field_of: ClassVar = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.indistinct:
            return
        apart = contrast(self.game, self.ground_hue, self.things_hue)
        if apart < LEAST:
            raise ValueError(
                f"in {self.game} with ground_hue={self.ground_hue} and things_hue="
                f"{self.things_hue} a thing cannot be told from the ground: {apart:.0f} of 441 in "
                f"RGB, and {LEAST:.0f} is the least; choose other values, or pass indistinct=True"
            )

    @property
    def table(self) -> np.ndarray:
        """RGB of each of the console's colour numbers, uint8 (256, 3)."""
        return _table(self.game, self.ground_hue, self.things_hue, self.inversion)


@cache
def _table(name: str, ground_hue: int, things_hue: int, inversion: str) -> np.ndarray:
    ground = GAMES[name].ground
    rows = [
        turned(colour, ground_hue if colour & ~1 in ground else things_hue)
        for colour in range(2 * HUES * LUMINANCES)
    ]
    table = np.array(rows)
    if inversion != "none":
        table = 255 - table
    if inversion == "turned negative":
        table = table[:, [1, 2, 0]]
    table.flags.writeable = False
    return table


@cache
def contrast(name: str, ground_hue: int, things_hue: int) -> float:
    """The least distance in RGB, 0 to 441, between a colour of the ground and one of the things.

    It is the same in the negatives.
    """
    game = GAMES[name]
    grounds, things = (
        np.array([turned(colour, by) for colour in colours], dtype=float)
        for colours, by in ((game.ground, ground_hue), (game.things, things_hue))
    )
    return float(np.linalg.norm(grounds[:, None] - things, axis=-1).min())


def variations(game: Game) -> dict[str, tuple[Variation, ...]]:
    """The kinds of change of a game, and their variations."""
    (ground1, things1), (ground2, things2) = game.ood1, game.ood2
    return {
        "colours": (
            hue("ground_hue", ood1=ground1, ood2=ground2),
            hue("things_hue", ood1=things1, ood2=things2),
        ),
        "inversion": (choice("inversion", source=0, ood1=(1,), ood2=(2,)),),
    }


def hue(name: str, *, ood1: tuple[int, ...], ood2: tuple[int, ...]) -> Variation:
    """Steps by which hues are turned."""
    return choice(name, source=0, ood1=ood1, ood2=ood2, unit="steps of hue")


def atari_domain(name: str, rom: str) -> Domain[AtariAppearance]:
    """The domain of that name in a game; errors as ``parse_domain``."""
    game = known_game(rom)
    return parse_domain(name, variations(game), AtariAppearance(game=rom))
