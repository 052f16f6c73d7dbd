"""Things that boxes hide, and things whose number changes from episode to episode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from minigrid.core.world_object import Ball, Box, Door, Key
from minigrid.envs.empty import EmptyEnv

from bvae_rl.envs.grid.world import MiniGridWorld, make
from tests.grid_cases import PUT_NEAR, TOGGLE, at, inner, named, things, with_values


def test_an_opened_box_is_nowhere() -> None:
    env, opened = make(PUT_NEAR), 0
    for seed in range(20):
        env.reset(seed=seed)
        boxes = [n for n, thing in enumerate(things(env), 1) if isinstance(thing, Box)]
        for n in boxes[:1]:
            box, other = at(f"thing{n}", 3, 3), at(f"thing{3 - n}", 1, 1)
            agent = {**at("agent", 2, 3), "agent_direction": 0}
            env.set_factors(with_values(env, **box, **other, **agent))
            factors = env.step(TOGGLE)[4]["factors"]
            values = named(env, factors)
            assert (values[f"thing{n}_column"], values[f"thing{n}_row"]) == (-1, -1)
            assert values["carrying"] == 0 and inner(env).grid.get(3, 3) is None
            env.set_factors(factors)
            assert np.array_equal(env.factors(), factors)
            opened += 1
    assert opened > 3


class Hiding(EmptyEnv):
    """A box with a key inside."""

    def _gen_grid(self, width: int, height: int) -> None:
        super()._gen_grid(width, height)
        self.place_obj(Box("red", contains=Key("blue")))


def test_a_thing_in_a_box_is_nowhere_until_the_box_is_opened() -> None:
    env = MiniGridWorld(Hiding(size=6))
    env.reset(seed=0)
    gone, here = at("box", -1, -1), at("box", 3, 3)
    agent = {**at("agent", 2, 3), "agent_direction": 0.0}
    env.set_factors(with_values(env, **agent, **here))
    assert (named(env)["key_column"], named(env)["key_row"]) == (-1, -1)
    for _ in range(2):  # setting the closed box back hides the key again
        closed = env.factors()
        values = named(env, env.step(TOGGLE)[4]["factors"])
        assert {**values, **gone, **at("key", 3, 3)} == values
        env.set_factors(closed)
    for values, reason in (
        ({**here, **at("key", 1, 3)}, "the key is out of its box, which was not opened"),
        (gone, r"the key is at \(-1, -1\), not carried, and its box is opened"),
        ({**here, "carrying": 2.0}, "the key is out of its box"),
    ):
        with pytest.raises(ValueError, match=reason):
            env.set_factors(with_values(env, **values))
    env.set_factors(with_values(env, **gone, carrying=2))
    assert inner(env).carrying.type == "key"
    env.set_factors(with_values(env, **gone, carrying=1))  # the box, with the key in it
    assert inner(env).carrying.contains.type == "key"
    rng = np.random.default_rng(0)
    draws = [named(env, env.sample_factors(rng)) for _ in range(300)]
    hidden = np.mean([d["key_column"] == -1 and d["carrying"] != 2 for d in draws])
    assert abs(hidden - 0.5) < 0.1 and {d["carrying"] for d in draws} == {0, 1, 2}


class Changing(EmptyEnv):
    """Another number of balls in each episode."""

    def _gen_grid(self, width: int, height: int) -> None:
        super()._gen_grid(width, height)
        for _ in range(self._rand_int(0, 4)):
            self.place_obj(Ball())


def test_things_that_an_episode_lacks_are_minus_one_throughout() -> None:
    env = MiniGridWorld(Changing(size=6))
    cells = [f"ball{n}_{axis}" for n in (1, 2, 3) for axis in ("column", "row")]
    assert [spec.name for spec in env.factor_specs][3:9] == cells
    rng, seen = np.random.default_rng(0), set()
    for seed in range(20):
        env.reset(seed=seed)
        there = sum(cell is not None and cell.type == "ball" for cell in inner(env).grid.grid)
        wanted = env.sample_factors(rng)
        env.set_factors(wanted)
        assert np.array_equal(env.factors(), wanted)
        values = named(env)
        lacking = [n for n in (1, 2, 3) if n > there]
        assert all(values[f"ball{n}_column"] == -1 for n in lacking)
        for n in lacking:
            with pytest.raises(ValueError, match=f"there is no ball{n} in this episode"):
                env.set_factors(with_values(env, **at(f"ball{n}", 1, 1)))
        seen.add(there)
    assert seen == {0, 1, 2, 3}


class Crowding(Changing):
    """Three balls in the first episodes, five later."""

    balls = 3

    def _gen_grid(self, width: int, height: int) -> None:
        EmptyEnv._gen_grid(self, width, height)
        for _ in range(self.balls):
            self.place_obj(Ball())


def test_things_beyond_those_of_the_first_episodes_are_put_back_where_they_began() -> None:
    inside: Any = Crowding(size=6)
    env = MiniGridWorld(inside)
    inside.balls = 5
    env.reset(seed=0)
    frame = env.set_factors(env.factors())
    start = env.factors()
    for _ in range(40):
        if env.step(env.action_space.sample())[2]:
            break
    assert np.array_equal(env.set_factors(start), frame)
    inside.balls = 2
    with pytest.raises(ValueError, match=r"this episode of .* has no ball3"):
        env.reset(seed=0)


class Divided(EmptyEnv):
    """A wall with one door in the first episodes and two later."""

    doors = 1

    def _gen_grid(self, width: int, height: int) -> None:
        super()._gen_grid(width, height)
        self.grid.vert_wall(3, 0)
        for row in (1, 4)[: self.doors]:
            self.grid.set(3, row, Door("red"))


def test_a_door_beyond_those_of_the_first_episodes_is_closed_again() -> None:
    inside: Any = Divided(size=7)
    env = MiniGridWorld(inside)
    inside.doors = 2
    env.reset(seed=0)
    frame = env.set_factors(with_values(env, **at("agent", 2, 4), agent_direction=0))
    start = env.factors()
    env.step(TOGGLE)
    assert inner(env).grid.get(3, 4).is_open
    assert np.array_equal(env.set_factors(start), frame)


def test_what_is_carried_from_the_start_is_a_thing() -> None:
    env = make("BabyAI-PutNextS5N2Carrying-v0")
    for seed in range(5):
        env.reset(seed=seed)
        held = inner(env).carrying
        assert held is not None and named(env, env.factors())["carrying"] > 0
        before = env.factors()
        picture = env.set_factors(before)
        assert inner(env).carrying is held and np.array_equal(env.factors(), before)
        assert np.array_equal(picture, env.set_factors(before))
        env.set_factors(env.sample_factors(np.random.default_rng(seed)))
        everywhere = [*inner(env).grid.grid, inner(env).carrying]
        assert any(one is held for one in everywhere)  # or the mission could not be solved
