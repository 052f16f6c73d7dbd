"""The games: which bytes hold which factor, and which colours are ground.

The addresses and offsets were found here by playing at random and comparing each byte with where
the object stands in the picture; a test does it again for every entry. The bytes are those of the
picture that was drawn last: no frame lies between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bvae_rl.envs.atari.memory import Ball, Bricks, Cell, Clock, Number, Place

Hues = tuple[int, ...]


@dataclass(frozen=True)
class Paddle:
    """What a paddle controller says to the factor ``cell``: its resistance, in ohms, is that at
    value 0 plus ``per`` for each.
    """

    cell: str
    at_zero: int
    per: int


@dataclass(frozen=True)
class Apart:
    """Two things, each with the names of its place (x, y), are at least ``across`` pixels apart in
    x or ``down`` in y.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    across: int
    down: int

    def kept(self, values: Mapping[str, int]) -> bool:
        """Whether they are, where factors have these values."""
        x, y = (
            abs(values[second] - values[first])
            for first, second in zip(self.first, self.second, strict=True)
        )
        return x >= self.across or y >= self.down


@dataclass(frozen=True)
class Game:
    """One game.

    ``rom``: ale-py's name. ``ground``: numbers of the colours that are ground; ``things``: of what
    moves, is hit or read on it (all that is not ground is coloured as they are). ``warm``: frames
    from the start to the state that others are made from; ``serve``: FIRE is pressed until the ball
    comes. ``frames``: so many are played before all that was written shows. ``calm``: bytes that
    have to hold a value in a state that is set; ``apart``: what never comes nearer in the game than
    so much. ``ood1``, ``ood2``: how far the hues of ground and of things are turned
    (``appearances``), so that these can be told apart in every pair.
    """

    rom: str
    cells: tuple[Cell, ...]
    ground: tuple[int, ...]
    things: tuple[int, ...]
    warm: int
    serve: bool = False
    frames: int = 2
    paddle: Paddle | None = None
    calm: Mapping[int, int] = field(default_factory=dict)
    apart: Apart | None = None
    ood1: tuple[Hues, Hues] = ((1, 2, 3, 4), (1, 2, 3, 4, 5, 6))
    ood2: tuple[Hues, Hues] = ((9, 10, 11, 12, 13), (9, 10, 11, 12, 13))

    @property
    def names(self) -> list[str]:
        """The names of the factors of the state, in order."""
        return [cell.spec.name for cell in self.cells]


_PONG_BALL = Ball(54, 1, 255)
_PONG = Game(
    rom="pong",
    cells=(
        Place("enemy_y", 50, -15, 28, 176, (-20, 200), at=(50, 21)),
        Place("player_y", 51, -13, 27, 188, (0, 200), at=(51, 60)),
        _PONG_BALL,
        Place("ball_x", 49, -49, 24, 134, (0, 160), ball=_PONG_BALL),
        Place("ball_y", 54, -14, 38, 186, (0, 200), ball=_PONG_BALL),
        Number("enemy_score", (13,), 0, 20, 21, decimals=False),
        Number("player_score", (14,), 0, 20, 21, decimals=False),
    ),
    ground=(34, 228),  # the second in the first frame of an episode
    things=(14, 56, 200),
    warm=200,
    paddle=Paddle("player_y", 22_675, 4025),
)

_BREAKOUT_BALL = Ball(101, 1, 186)
_BREAKOUT = Game(
    rom="breakout",
    cells=(
        Place("paddle_x", 72, -47, 8, 143, (0, 160), at=(72,)),
        _BREAKOUT_BALL,
        Place("ball_x", 99, -49, 9, 149, (0, 160), ball=_BREAKOUT_BALL),
        Place("ball_y", 101, 9, 96, 182, (0, 200), ball=_BREAKOUT_BALL),
        Bricks(),
        Number("score", (76, 77), 0, 860, 999),
        Number("lives", (57,), 1, 5, 5, decimals=False, unit="lives"),
    ),
    ground=(0,),
    things=(6, 22, 38, 54, 70, 134, 182, 198),
    warm=60,
    serve=True,
    paddle=Paddle("paddle_x", 812_320, -4090),
)

_FREEWAY = Game(
    rom="freeway",
    cells=(
        Place("chicken_y", 14, 193, 19, 187, (0, 200), sign=-1),
        *(Place(f"car{n + 1}_x", 108 + n, -3, 0, 159, (0, 160), period=160) for n in range(10)),
        Number("score", (103,), 0, 40, 99),
    ),
    ground=(6, 8),
    things=(18, 26, 30, 36, 66, 68, 74, 130, 136, 216, 220),
    warm=300,
    frames=4,
    calm={106: 0},
    ood1=((1, 5, 6, 7, 11, 12), (2, 5, 6, 7, 11, 12)),
    ood2=((4, 8, 9, 10, 13, 14), (3, 8, 9, 10, 14, 15)),
)

_BOXING = Game(
    rom="boxing",
    cells=(
        Place("white_x", 32, 10, 40, 119, (30, 130)),
        Place("white_y", 34, 38, 40, 126, (30, 180)),
        Place("black_x", 33, 10, 40, 119, (30, 130)),
        Place("black_y", 35, 38, 40, 126, (30, 180)),
        Number("white_score", (18,), 0, 99, 100),
        Number("black_score", (19,), 0, 99, 100),
        Clock("clock", 16, 17, 0xB, 2, 119, 120),
    ),
    ground=(214,),
    things=(0, 12, 40, 208),
    warm=100,
    apart=Apart(("white_x", "white_y"), ("black_x", "black_y"), across=14, down=48),
)

GAMES: dict[str, Game] = {game.rom: game for game in (_PONG, _BREAKOUT, _FREEWAY, _BOXING)}


def known_game(name: str) -> Game:
    """The table of the game called ``name`` (ale-py's name); a ValueError names those there are."""
    if name not in GAMES:
        raise ValueError(
            f"there is no table of the memory of the game {name!r}; there are: {', '.join(GAMES)}; "
            "other games have no factors: take ale_py:ALE/<Game>-v5"
        )
    return GAMES[name]
