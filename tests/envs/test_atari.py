"""Factors of Atari games: what the memory says is where the picture shows it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import numpy as np
import pytest

from bvae_rl.envs.atari.games import GAMES as TABLES
from bvae_rl.envs.atari.world import AtariWorld
from tests.atari_cases import GAMES, atari, located

every_game = pytest.mark.parametrize("game", GAMES)
NEAR = 2  # pixels; some lines of the picture are drawn in pairs
HIT = 0.02  # share of Boxing's places at which one who is hit is drawn up to 4 pixels elsewhere
SCORES = {
    "pong": ("player_score", "enemy_score"),
    "breakout": ("score", None),
    "freeway": ("score", None),
    "boxing": ("white_score", "black_score"),
}


def compare(game: str, env: AtariWorld, seen: Counter[str], wrong: Counter[str]) -> None:
    """Count the factors that the picture tells, and those that it tells otherwise."""
    values = dict(zip(TABLES[game].names, env.factors(), strict=False))
    for name, place in located(game, env._scene.screen).items():
        seen[name] += 1
        apart = abs(values[name] - place)
        wrong[name] += apart > (0 if name in ("ball", "bricks") else NEAR)
        assert apart <= 2 * NEAR, (name, values[name], place)


def pictured(game: str) -> set[str]:
    """The factors of the state that a picture tells: all but what stands there in digits."""
    digits = {"points", "s", "lives"}
    return {cell.spec.name for cell in TABLES[game].cells if cell.spec.unit not in digits}


@every_game
def test_things_are_where_the_memory_says_while_playing(game: str) -> None:
    env, seen, wrong = atari(game), Counter[str](), Counter[str]()
    env.action_space.seed(0)
    total = 0.0
    for step in range(400):
        if step % 5 == 0:
            action = env.action_space.sample()
        _, reward, over, _, info = env.step(action)
        compare(game, env, seen, wrong)
        for spec, value in zip(env.factor_specs, info["factors"], strict=True):
            assert spec.contains(value), (spec, value)
        total += reward
        ours, theirs = (
            0.0 if name is None else info["factors"][TABLES[game].names.index(name)]
            for name in SCORES[game]
        )
        assert total == ours - theirs
        if over:
            env.reset()
            total = 0.0
    assert {*seen} == pictured(game) and min(seen.values()) > 20, seen
    assert sum(wrong.values()) <= (HIT * sum(seen.values()) if game == "boxing" else 0), wrong


@every_game
def test_what_is_set_is_read_and_shown(game: str) -> None:
    env, seen, wrong = atari(game), Counter[str](), Counter[str]()
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(60):
        wanted = env.sample_factors(rng)
        frame = env.set_factors(wanted)
        assert np.array_equal(env.factors(), wanted) and np.array_equal(env.render(), frame)
        compare(game, env, seen, wrong)
        drawn.append(wanted)
    assert {*seen} == pictured(game) and min(seen.values()) > 20 and not sum(wrong.values()), wrong
    together = np.corrcoef(np.array(drawn)[:, np.std(drawn, axis=0) > 0].T)
    assert np.abs(together - np.eye(len(together))).max() < 0.55  # 60 independent draws


@every_game
def test_the_same_factors_give_the_same_picture_and_the_same_future(game: str) -> None:
    fresh, used = atari(game, repeat_action_probability=0.0), atari(game, frameskip=4)
    wanted = fresh.sample_factors(np.random.default_rng(1))
    for _ in range(60):
        used.step(used.action_space.sample())
    assert np.array_equal(fresh.set_factors(wanted), used.set_factors(wanted))
    again = fresh.set_factors(wanted)
    _, reward, over, cut, info = fresh.step(0)
    assert (reward, over, cut) == (0.0, False, False) and info["lives"] == used.ale.lives()
    used = atari(game, repeat_action_probability=0.0)
    assert np.array_equal(used.set_factors(wanted), again)
    assert np.array_equal(used.step(0)[0], fresh.render())


@pytest.mark.parametrize(("game", "paddle"), [("pong", "player_y"), ("breakout", "paddle_x")])
def test_a_paddle_that_was_set_stays(game: str, paddle: str) -> None:
    env = atari(game)
    rng, place = np.random.default_rng(2), TABLES[game].names.index(paddle)
    for _ in range(12):
        wanted = env.sample_factors(rng)
        env.set_factors(wanted)
        for _ in range(3):
            env.step(0)
        assert abs(env.factors()[place] - wanted[place]) <= 5, wanted


def test_a_state_without_a_ball_has_none_in_its_picture() -> None:
    for game in ("pong", "breakout"):
        env = atari(game)
        wanted = dict(
            zip(TABLES[game].names, env.sample_factors(np.random.default_rng(0)), strict=False)
        )
        without = {**wanted, "ball": 0.0, "ball_x": 0.0, "ball_y": 0.0}
        values = [*without.values(), *env.factors()[len(without) :]]
        env.set_factors(values)
        assert "ball_x" not in located(game, env._scene.screen)
        assert env.factors().tolist() == values
        values[TABLES[game].names.index("ball_x")] = 50.0
        with pytest.raises(ValueError, match="without a ball its position is 0, 0"):
            env.set_factors(values)


@pytest.mark.parametrize(
    ("game", "mode", "difficulty"),
    [("pong", 1, 3), ("breakout", 12, 1), ("breakout", 24, 0), ("freeway", 3, 1), ("freeway", 6, 0),
     ("boxing", 0, 3)],
)  # fmt: skip
def test_the_memory_is_the_same_in_other_modes(game: str, mode: int, difficulty: int) -> None:
    env, rng = atari(game, mode=mode, difficulty=difficulty), np.random.default_rng(0)
    plain = atari(game)
    looks = []
    for _ in range(5):
        wanted = env.sample_factors(rng)
        frame = env.set_factors(wanted)
        assert np.array_equal(env.factors(), wanted)
        with suppress(ValueError):  # other cars
            looks.append(np.array_equal(plain.set_factors(wanted), frame))
    assert looks and len({*looks}) == 1


def test_digits_follow_the_factor() -> None:
    for game, name, rows in (
        ("pong", "enemy_score", (0, 22)),
        ("breakout", "score", (0, 17)),
        ("breakout", "lives", (0, 17)),
        ("freeway", "score", (0, 14)),
        ("boxing", "clock", (0, 30)),
    ):
        env, seen = atari(game), set()
        values, place = env.sample_factors(np.random.default_rng(0)), TABLES[game].names.index(name)
        cell = TABLES[game].cells[place]
        wanted = range(cell.least, cell.most + 1, max((cell.most - cell.least) // 7, 1))
        for value in wanted:
            values[place] = value
            seen.add(env.set_factors(values)[rows[0] : rows[1]].tobytes())
        assert len(seen) == len(wanted), (game, name)


def test_round_a_circle_is_where_it_began() -> None:
    env = atari("freeway")
    env.reset(seed=0)
    names = [spec.name for spec in env.factor_specs]
    factors = env.sample_factors(np.random.default_rng(0))
    for value, read in ((159.4, 159.0), (159.6, 0.0), (160.0, 0.0)):
        factors[names.index("car1_x")] = value
        env.set_factors(factors)
        assert env.factors()[names.index("car1_x")] == read
