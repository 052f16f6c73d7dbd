"""Factors of MiniGrid worlds: read from the grid, drawn, set, and refused where they cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.data.factors import FactorEnv
from bvae_rl.envs.grid.appearances import PARTS
from bvae_rl.envs.grid.world import MiniGridWorld, make
from tests.grid_cases import (
    DOOR_KEY,
    FORWARD,
    LEFT,
    PICKUP,
    PUT_NEAR,
    RIGHT,
    TOGGLE,
    at,
    door_key,
    every_id,
    inner,
    named,
    with_values,
)


@every_id
def test_factors_drawn_and_set_are_read_and_show_in_the_grid(world_id: str) -> None:
    env = make(world_id, domain="pretrain")
    rng = np.random.default_rng(0)
    assert isinstance(env, FactorEnv)
    for seed in range(30):
        env.reset(seed=seed)
        wanted = env.sample_factors(rng)
        env.set_factors(wanted)
        assert np.array_equal(env.factors(), wanted)
        values, grid = named(env), inner(env).grid
        for name in (key.removesuffix("_row") for key in values if key.endswith("_row")):
            column, row = int(values[f"{name}_column"]), int(values[f"{name}_row"])
            if name == "agent":
                assert inner(env).agent_pos == (column, row)
            elif (column, row) != (-1, -1):
                found = grid.get(column, row)
                assert name.startswith("thing") or name.rstrip("1234") == found.type
                assert tuple(found.cur_pos) == (column, row)
        for _ in range(5):
            info = env.step(env.action_space.sample())[4]
            assert all(
                s.contains(v) for s, v in zip(env.factor_specs, info["factors"], strict=True)
            )


def test_each_world_has_the_factors_of_its_things() -> None:
    colours = [f"{part}_colour" for part in PARTS]
    agent = ["agent_column", "agent_row", "agent_direction"]
    goal = ["goal_column", "goal_row"]
    door_key = ["door_column", "door_row", "door_state", *goal, "key_column", "key_row", "carrying"]
    pooled = [f"thing{n}_{axis}" for n in (1, 2) for axis in ("column", "row")]
    for world_id, names in {
        "MiniGrid-Empty-8x8-v0": [*agent, *goal],
        "MiniGrid-FourRooms-v0": [*agent, *goal],
        DOOR_KEY: [*agent, *door_key],
        PUT_NEAR: [*agent, *pooled, "carrying"],
    }.items():
        assert [spec.name for spec in make(world_id).factor_specs] == [*names, *colours]


def test_factors_are_drawn_independently_over_what_is_free() -> None:
    env = make("MiniGrid-Empty-5x5-v0")
    rng = np.random.default_rng(0)
    draws = np.stack([env.sample_factors(rng) for _ in range(1800)])
    cells, counts = np.unique(draws[:, :2], axis=0, return_counts=True)
    assert len(cells) == 9 and abs(counts - 200).max() < 60  # of 3 x 3; sd 13
    directions = np.unique(draws[:, 2], return_counts=True)[1]
    assert len(directions) == 4 and abs(directions - 450).max() < 80  # sd 18
    assert not (draws[:, :2] == draws[:, 3:5]).all(axis=1).any()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"key_column": 0}, r"the key is in the wall at \(0, 2\)"),
        ({"key_row": 1}, r"the agent is in the key at \(1, 1\)"),
        ({"agent_row": 0}, r"the agent is in the wall at \(1, 0\)"),
        ({"goal_column": 1, "goal_row": 2}, r"the key and the goal are at \(1, 2\)"),
        ({"door_column": 1}, r"the door at \(1, 3\) is not in a wall between free cells"),
        ({"door_row": 0}, "is not in a wall between free cells"),
        ({"key_row": -1}, "only both can be -1"),
        ({"key_row": -1, "key_column": -1}, "not carried"),
        ({"carrying": 1}, r"the key is carried and at \(1, 2\)"),
        ({"agent_row": 1.5}, "'agent_row' = 1.5 is outside its range one of 0, 1"),
        ({"goal_row": -1}, "'goal_row' = -1 is outside its range"),
        ({"floor_colour": 1.1, "key_row": 3}, "'floor_colour' = 1.1 is outside its range"),
    ],
)
def test_impossible_factors_are_refused_and_change_nothing(
    values: dict[str, float], reason: str
) -> None:
    env = door_key(render_mode="rgb_array")
    before, frame, cells = env.factors(), env.render(), list(inner(env).grid.grid)
    with pytest.raises(ValueError, match=reason):
        env.set_factors(with_values(env, **values))
    assert np.array_equal(env.factors(), before) and np.array_equal(env.render(), frame)
    assert inner(env).grid.grid == cells


def test_the_agent_stands_in_open_doors_only() -> None:
    env = door_key()
    inside = {"agent_column": named(env)["door_column"], "agent_row": 3}
    for state in (1, 2):
        with pytest.raises(ValueError, match="the agent is in the door"):
            env.set_factors(with_values(env, **inside, door_state=state))
    env.set_factors(with_values(env, **inside, door_state=0))
    assert named(env)["door_state"] == 0 and inner(env).agent_pos == (inside["agent_column"], 3)


def test_a_world_that_was_set_is_played_on() -> None:
    env = door_key()
    assert named(env, env.step(PICKUP)[4]["factors"])["carrying"] == 1
    assert (named(env)["key_column"], named(env)["key_row"]) == (-1, -1)
    door = named(env)["door_column"]
    env.set_factors(with_values(env, **at("agent", door - 1, 3), agent_direction=0))
    assert inner(env).carrying.type == "key"
    assert named(env, env.step(TOGGLE)[4]["factors"])["door_state"] == 0
    env.step(FORWARD)
    assert (named(env)["agent_column"], named(env)["agent_row"]) == (door, 3)
    env.set_factors(with_values(env, **at("agent", 4, 3), agent_direction=1))
    assert not env.step(LEFT)[4]["is_success"]
    env.step(RIGHT)
    _, reward, terminated, _, info = env.step(FORWARD)
    assert terminated and info["is_success"] and 0.9 < reward < 1


def test_the_agent_and_things_stay_within_the_walls() -> None:
    env = make("MiniGrid-GoToDoor-8x8-v0")
    rng = np.random.default_rng(0)
    small = 0
    for seed in range(30):
        env.reset(seed=seed)
        world = inner(env)
        wide = max(cell[0] for cell in doors(env))
        for _ in range(10):
            env.set_factors(env.sample_factors(rng))
            assert world.agent_pos[0] < wide
            for _ in range(4):
                if env.step(FORWARD)[2]:
                    break
        env.reset(seed=seed)
        with pytest.raises(ValueError, match=r"the door1 at .* is open and leads out of the grid"):
            env.set_factors(with_values(env, door1_state=0))
        if wide < 6:
            small += 1
            with pytest.raises(ValueError, match=r"the agent is beyond the walls at \(7, 1\)"):
                env.set_factors(with_values(env, **at("agent", 7, 1)))
    assert small > 3


def doors(env: MiniGridWorld) -> list[tuple[float, float]]:
    values = named(env)
    return [(values[f"door{n}_column"], values[f"door{n}_row"]) for n in (1, 2, 3, 4)]
