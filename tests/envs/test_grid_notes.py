"""What MiniGrid worlds note about things follows when things are moved or recoloured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from minigrid.core.constants import COLOR_TO_IDX, IDX_TO_COLOR

from bvae_rl.envs.grid.appearances import GOAL_COLOURS
from bvae_rl.envs.grid.world import MiniGridWorld, make
from tests.grid_cases import (
    DOOR_KEY,
    DROP,
    FORWARD,
    PICKUP,
    PUT_NEAR,
    TOGGLE,
    at,
    door_key,
    inner,
    named,
    things,
    with_values,
)

DONE = 6


def colours(env: MiniGridWorld) -> dict[str, str]:
    return {
        name.removesuffix("_colour"): IDX_TO_COLOR[int(value)]
        for name, value in named(env).items()
        if name.endswith("_colour") and name.split("_")[0] not in ("floor", "wall", "agent")
    }


def drawn(world_id: str, seed: int, **kwargs: Any) -> tuple[MiniGridWorld, Any]:
    """A world at drawn factors, with colours among them."""
    env = make(world_id, thing_colours=True, **kwargs)
    env.reset(seed=seed)
    env.set_factors(env.sample_factors(np.random.default_rng(seed)))
    return env, inner(env)


def test_the_reward_of_put_near_follows_the_target_that_was_moved() -> None:
    env = make(PUT_NEAR, thing_colours=True)
    rng = np.random.default_rng(0)
    for seed in range(8):
        env.reset(seed=seed)
        world = inner(env)
        moved = (world.move_type, world.moveColor)
        mover = 1 + [(thing.type, thing.color) for thing in things(env)].index(moved)
        sampled = named(env, env.sample_factors(rng))
        new = {name: value for name, value in sampled.items() if name.endswith("_colour")}
        carried, target = at(f"thing{mover}", -1, -1), at(f"thing{3 - mover}", 4, 4)
        agent = {**at("agent", 2, 3), "agent_direction": 0}
        env.set_factors(
            with_values(env, **{**new, **carried, **target, **agent, "carrying": mover})
        )
        first, second = colours(env)[f"thing{mover}"], colours(env)[f"thing{3 - mover}"]
        assert (world.moveColor, world.target_color) == (first, second)
        said = f"put the {first} {world.move_type} near the {second} {world.target_type}"
        assert world.mission == said
        _, reward, terminated, *_ = env.step(DROP)  # dropped at (3, 3), beside (4, 4)
        assert terminated and reward > 0.8
        assert named(env)[f"thing{mover}_column"] == 3 and named(env)["carrying"] == 0


def test_fetch_wants_the_thing_it_named_in_its_new_colour() -> None:
    for seed in range(12):
        env, world = drawn("MiniGrid-Fetch-6x6-N2-v0", seed)
        kinds = {n: thing.type for n, thing in enumerate(env._episode.things, 1) if thing}
        wanted = [n for n in kinds if colours(env)[f"thing{n}"] == world.targetColor]
        wanted = [n for n in wanted if kinds[n] == world.targetType]
        assert wanted and f"{world.targetColor} {world.targetType}" in world.mission
        other = 3 - wanted[0]
        places = {**at(f"thing{wanted[0]}", 3, 3), **at(f"thing{other}", 1, 1)}
        agent = {**at("agent", 2, 3), "agent_direction": 0, "carrying": 0}
        env.set_factors(with_values(env, **places, **agent))
        _, reward, terminated, *_ = env.step(PICKUP)
        assert terminated and reward > 0.8


def test_go_to_door_rewards_the_door_it_names() -> None:
    for seed in range(10):
        env, world = drawn("MiniGrid-GoToDoor-6x6-v0", seed)
        door = next(name for name, colour in colours(env).items() if colour == world.target_color)
        cell = tuple(int(named(env)[f"{door}_{axis}"]) for axis in ("column", "row"))
        assert cell == tuple(world.target_pos)
        assert world.mission == f"go to the {world.target_color} door"
        beside = [
            c for c in env._episode.ground.free if abs(c[0] - cell[0]) + abs(c[1] - cell[1]) == 1
        ]
        env.set_factors(with_values(env, **at("agent", *beside[0])))
        assert env.step(DONE)[1] > 0.8


def test_missions_name_things_by_their_new_colours() -> None:
    env = make("MiniGrid-Empty-5x5-v0", thing_colours=True)
    env.reset(seed=0)
    env.set_factors(with_values(env, goal_colour=COLOR_TO_IDX["purple"]))
    assert inner(env).mission == "get to the purple goal square"
    env, world = drawn("MiniGrid-RedBlueDoors-6x6-v0", 1)
    first, second = world.red_door.color, world.blue_door.color
    assert world.mission == f"open the {first} door then the {second} door"
    env, world = drawn("MiniGrid-LockedRoom-v0", 0, size=96)
    key = next(thing for thing in env._episode.things if thing and thing.type == "key")
    locked = [d for d in env._episode.things if d and d.type == "door" and d.color == key.color]
    assert len(locked) == 1 and world.mission.startswith(f"get the {key.color} key from the ")
    assert world.mission.endswith(f"unlock the {key.color} door and go to the goal")
    env.reset(seed=0)
    assert "purple" not in make("MiniGrid-Empty-5x5-v0").unwrapped.mission  # type: ignore[attr-defined]


@pytest.mark.parametrize("world_id", [DOOR_KEY, "MiniGrid-BlockedUnlockPickup-v0"])
def test_drawn_keys_keep_their_locks(world_id: str) -> None:
    env = make(world_id, thing_colours=True)
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    draws = [named(env, env.sample_factors(rng)) for _ in range(200)]
    assert all(draw["key_colour"] == draw["door_colour"] for draw in draws)
    assert {draw["key_colour"] for draw in draws} == {0, 1, 2, 3, 4, 5}


def test_the_key_of_another_colour_does_not_open_the_door() -> None:
    env = door_key(thing_colours=True)
    door = named(env)["door_column"]
    agent = {**at("agent", door - 1, 3), "agent_direction": 0, **at("key", -1, -1), "carrying": 1}
    for key, opens in ((4, True), (2, False)):
        env.set_factors(with_values(env, **agent, door_state=2, door_colour=4, key_colour=key))
        assert (named(env, env.step(TOGGLE)[4]["factors"])["door_state"] == 0) == opens


def test_goals_are_drawn_in_colours_that_no_appearance_hides() -> None:
    env = make("MiniGrid-Empty-8x8-v0", thing_colours=True, domain="pretrain:all")
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(100):
        env.set_factors(env.sample_factors(rng))
        seen.add(colours(env)["goal"])
    assert seen == {*GOAL_COLOURS}


def test_things_that_nobody_could_tell_apart_are_refused() -> None:
    env = make("MiniGrid-Empty-5x5-v0", thing_colours=True)
    env.reset(seed=0)
    for colour, part in (("grey", "wall"), ("red", "agent")):
        before = env.factors()
        with pytest.raises(ValueError, match=f"{part} .* and goal .* cannot be told apart"):
            env.set_factors(with_values(env, goal_colour=COLOR_TO_IDX[colour]))
        assert np.array_equal(env.factors(), before)
    env.set_factors(with_values(env, goal_colour=COLOR_TO_IDX["grey"], wall_colour=0.9))

    env = make("MiniGrid-GoToDoor-6x6-v0", thing_colours=True)
    env.reset(seed=0)
    same = {"door2_colour": named(env)["door1_colour"]}
    with pytest.raises(ValueError, match=r"the door1 and the door2 are both a .* indistinct=True"):
        env.set_factors(with_values(env, **same))
    free = make("MiniGrid-GoToDoor-6x6-v0", thing_colours=True, indistinct=True)
    free.reset(seed=0)
    free.set_factors(with_values(free, **same))
    assert named(free)["door2_colour"] == named(free)["door1_colour"]


def test_things_that_began_alike_stay_alike_when_drawn() -> None:
    env = make("MiniGrid-Dynamic-Obstacles-6x6-v0", thing_colours=True)
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    balls = [f"ball{n}" for n in (1, 2, 3)]
    for _ in range(20):
        env.set_factors(env.sample_factors(rng))
        assert len({colours(env)[ball] for ball in balls}) == 1
        assert env.step(FORWARD)[4]["factors"][-4] == env.factors()[-4]


def test_things_that_a_mission_cannot_tell_apart_must_have_one_colour() -> None:
    env = make("MiniGrid-Fetch-8x8-N3-v0", thing_colours=True)
    for seed in range(200):
        env.reset(seed=seed)
        if groups := env._episode.notes.alike():
            break
    name = f"thing{groups[0][0] + 1}_colour"
    other = (named(env)[name] + 1) % 6
    with pytest.raises(
        ValueError, match=r"the mission does not tell the thing. and the thing. apart"
    ):
        env.set_factors(with_values(env, **{name: other}))


def test_colours_are_no_factors_where_instructions_fix_them_or_nobody_asked() -> None:
    with pytest.raises(ValueError, match=r"thing_colours=True is not possible in .*BabyAI"):
        make("BabyAI-GoToObj-v0", thing_colours=True)
    assert not any(s.name == "goal_colour" for s in make("MiniGrid-Empty-5x5-v0").factor_specs)


def test_babyais_instructions_know_where_things_were_put() -> None:
    env = make("BabyAI-GoToRedBallNoDists-v0")
    env.reset(seed=0)
    places = {**at("ball", 4, 3), **at("agent", 1, 3), "agent_direction": 0}
    env.set_factors(with_values(env, **places))
    assert not env.step(FORWARD)[2]
    _, reward, terminated, *_ = env.step(FORWARD)
    assert terminated and reward > 0.9

    env = make("BabyAI-PickupDist-v0")
    env.reset(seed=0)
    wanted = inner(env).instrs.desc.obj_set[0]
    slot = next(n for n, thing in enumerate(env._episode.things, 1) if thing is wanted)
    values, other = named(env), 1 if slot != 1 else 2
    names = [name.removesuffix("_row") for name in values if name.endswith("_row")][1:]
    hands = with_values(env, **at(names[other - 1], -1, -1), carrying=other)
    env.set_factors(hands)  # hands full, then empty: a pickup counts again
    env.step(DONE)
    spots = iter(env._episode.ground.free[20:])
    spread = {k: v for name in names for k, v in at(name, *next(spots)).items()}
    free = {**spread, **at(names[slot - 1], 2, 1), **at("agent", 1, 1), "agent_direction": 0}
    env.set_factors(with_values(env, **{**free, "carrying": 0}))
    assert env.step(PICKUP)[1] > 0.5
