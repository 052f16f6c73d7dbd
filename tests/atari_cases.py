"""Where things are in a picture of an Atari game, found by their colours; what tests compare with.

``screen`` holds the console's numbers of colours, (210, 160). Things that the edge of the field or
another thing of the same colour may hide are left out.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from bvae_rl.envs.atari.world import AtariWorld

GAMES = ("pong", "breakout", "freeway", "boxing")
TOP, BOTTOM = 34, 193  # of Pong's field
CARS = (26, 216, 68, 136, 36, 130, 74, 18, 220, 66)  # Freeway's, from the lowest lane
WHITE, BLACK = 12, 0


def need_ale() -> None:
    """Skip the calling test where ale-py is missing; with the variable CI set, fail it."""
    try:
        import ale_py  # noqa: F401
    except ImportError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI has to play Atari: {error}")
        pytest.skip(str(error))


def atari(game: str, **kwargs: object) -> AtariWorld:
    """A world that has been reset, in the game's own size."""
    need_ale()
    env = AtariWorld(game, **{"size": (210, 160), "render_mode": "rgb_array", **kwargs})
    env.reset(seed=0)
    return env


def box(
    screen: np.ndarray, colour: int, rows: tuple[int, int], columns: tuple[int, int] = (0, 159)
) -> tuple[int, int, int, int] | None:
    """First and last row, first and last column (both in) of a colour in a part of the screen."""
    part = screen[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] == colour
    if not part.any():
        return None
    y, x = np.flatnonzero(part.any(1)) + rows[0], np.flatnonzero(part.any(0)) + columns[0]
    return int(y[0]), int(y[-1]), int(x[0]), int(x[-1])


def located(game: str, screen: np.ndarray) -> dict[str, float]:
    """Factors of a game as the picture tells them, for those that it does tell."""
    return {"pong": pong, "breakout": breakout, "freeway": freeway, "boxing": boxing}[game](screen)


def pong(screen: np.ndarray) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, colour in (("enemy_y", 56), ("player_y", 200)):
        thing = box(screen, colour, (TOP, BOTTOM))
        if thing and thing[0] > TOP:
            found[name] = thing[0]
    ball = box(screen, 14, (TOP, BOTTOM))
    found["ball"] = float(ball is not None)
    if ball:
        found["ball_x"] = ball[2]
        if ball[0] > TOP:
            found["ball_y"] = ball[0]
    return found


def breakout(screen: np.ndarray) -> dict[str, float]:
    found: dict[str, float] = {}
    paddle = box(screen, 70, (189, 192), (8, 151))
    ball = box(screen, 70, (94, 186), (8, 151))
    if paddle and paddle[3] - paddle[2] == 15:
        found["paddle_x"] = paddle[2]
    if ball:
        found |= {"ball": 1.0, "ball_y": ball[0]}
        if ball[2] > 8:
            found["ball_x"] = ball[2]
        centres = screen[60:93:6, 11:152:8]
        found["bricks"] = float((centres != 0).sum())
    return found


def freeway(screen: np.ndarray) -> dict[str, float]:
    found: dict[str, float] = {}
    yellow = screen == 30
    chicken = yellow[:, 44:51].any(1) & ~yellow[:, 60:101].any(1)  # the road's middle is yellow too
    rows = np.flatnonzero(chicken[15:]) + 15
    if len(rows) and rows[-1] - rows[0] == 7:
        found["chicken_y"] = int(rows[0])
    for lane, colour in enumerate(CARS):
        car = box(screen, colour, (172 - 16 * lane, 179 - 16 * lane), (8, 159))
        if car and car[3] - car[2] == 7 and car[2] > 8 and car[3] < 159:
            found[f"car{lane + 1}_x"] = car[2]
    return found


def boxing(screen: np.ndarray) -> dict[str, float]:
    white, black = (box(screen, colour, (36, 177), (31, 129)) for colour in (WHITE, BLACK))
    if not white or not black:
        return {}
    found = {"white_y": float(white[0]), "black_y": float(black[0])}
    for name, (_, _, left, right), facing in (("white", white, 1), ("black", black, -1)):
        # The back of a boxer is 5 pixels behind the middle, and arms are in front.
        if abs(white[2] - black[3]) > 3 and abs(white[3] - black[2]) > 3:
            turned = facing if white[2] + white[3] < black[2] + black[3] else -facing
            found[f"{name}_x"] = left + 5 if turned == 1 else right - 6
    return found
