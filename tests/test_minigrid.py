"""MiniGrid worlds: the library's pixels, factors read and set, looks that change nothing else."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gym_check
from minigrid.core.grid import Grid
from minigrid.core.world_object import Ball, Box, Door, Goal, Key, WorldObj
from minigrid.envs.empty import EmptyEnv
from minigrid.wrappers import ImgObsWrapper, RGBImgObsWrapper, RGBImgPartialObsWrapper
from stable_baselines3.common.env_checker import check_env as sb3_check

from bvae_rl.envs.grid_render import (
    PARTS,
    RAMPS,
    GridLook,
    GridPainter,
    in_grid_set,
    sample_grid_look,
)
from bvae_rl.envs.looks import LOOK_SETS
from bvae_rl.envs.minigrid import MIN_DOOR_TILE, MIN_TILE, MiniGridWorld, make
from bvae_rl.factors import FactorEnv, factor_env
from bvae_rl.probe_sets import on_policy_set, probe_set

IDS = [
    f"MiniGrid-{name}-v0"
    for name in (
        "Empty-8x8",
        "DoorKey-8x8",
        "FourRooms",
        "Dynamic-Obstacles-Random-6x6",
        "PutNear-6x6-N2",
    )
]
DOOR_KEY = "MiniGrid-DoorKey-6x6-v0"
AXES = ("column", "row")
every_id = pytest.mark.parametrize("world_id", IDS)


def inner(env: MiniGridWorld) -> Any:
    return env.unwrapped


def named(env: MiniGridWorld, factors: np.ndarray | None = None) -> dict[str, float]:
    values = env.factors() if factors is None else factors
    return dict(zip([spec.name for spec in env.factor_specs], values.tolist(), strict=True))


def with_values(env: MiniGridWorld, **values: float) -> np.ndarray:
    return np.array(list({**named(env), **values}.values()))


def door_key(**kwargs: Any) -> MiniGridWorld:
    """Seed 0 of a 6x6 grid, the agent and all things moved to known cells."""
    env = make(DOOR_KEY, **kwargs)
    env.reset(seed=0)
    places = {"agent_column": 1, "agent_row": 1, "agent_direction": 1, "key_column": 1}
    env.set_factors(with_values(env, **places, key_row=2, door_row=3, door_state=2))
    return env


@every_id
@pytest.mark.parametrize("view", ["full", "partial"])
def test_the_source_look_has_the_pixels_of_minigrid(world_id: str, view: str) -> None:
    env = make(world_id, view=view)
    world = inner(env)
    tile = 64 // (max(world.width, world.height) if view == "full" else world.agent_view_size)
    wrapper = RGBImgObsWrapper if view == "full" else RGBImgPartialObsWrapper
    library = ImgObsWrapper(wrapper(gym.make(world_id), tile_size=tile))
    rng = np.random.default_rng(0)
    for seed in range(3):
        frame, expected = env.reset(seed=seed)[0], library.reset(seed=seed)[0]
        for _ in range(25):
            side = expected.shape[0]
            start = (64 - side) // 2
            inside = (slice(start, start + side),) * 2
            assert np.array_equal(frame[inside], expected)
            assert frame.sum() == expected.sum(dtype=np.int64)  # black around it
            action = int(rng.integers(inner(env).action_space.n))
            (frame, *told, _), (expected, *wanted, _) = env.step(action), library.step(action)
            assert told == wanted


def test_minigrids_own_pictures_stay_as_they_are() -> None:
    def library() -> np.ndarray:
        wrapped = RGBImgObsWrapper(gym.make(DOOR_KEY), tile_size=30)
        return wrapped.reset(seed=0)[0]["image"]

    before = library()
    Grid.tile_cache.clear()
    make(DOOR_KEY, looks="ood2").reset(seed=0)  # tiles of 10 pixels, drawn at 30
    assert np.array_equal(library(), before)


@every_id
def test_factors_drawn_and_set_are_read_and_show_in_the_grid(world_id: str) -> None:
    env = make(world_id, looks="pretrain")
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
    looks = [f"{part}_colour" for part in PARTS]
    agent = ["agent_column", "agent_row", "agent_direction"]
    goal = ["goal_column", "goal_row"]
    door_key = ["door_column", "door_row", "door_state", *goal, "key_column", "key_row", "carrying"]
    things = [f"thing{n}_{axis}" for n in (1, 2) for axis in ("column", "row")]
    for world_id, names in {
        "MiniGrid-Empty-8x8-v0": [*agent, *goal],
        "MiniGrid-FourRooms-v0": [*agent, *goal],
        DOOR_KEY: [*agent, *door_key],
        "MiniGrid-PutNear-6x6-N2-v0": [*agent, *things, "carrying"],
    }.items():
        assert [spec.name for spec in make(world_id).factor_specs] == [*names, *looks]


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
    pickup, toggle, forward, left = 3, 5, 2, 0
    assert named(env, env.step(pickup)[4]["factors"])["carrying"] == 1
    assert (named(env)["key_column"], named(env)["key_row"]) == (-1, -1)
    door = named(env)["door_column"]
    env.set_factors(with_values(env, agent_column=door - 1, agent_row=3, agent_direction=0))
    assert inner(env).carrying.type == "key"
    assert named(env, env.step(toggle)[4]["factors"])["door_state"] == 0
    env.step(forward)
    assert (named(env)["agent_column"], named(env)["agent_row"]) == (door, 3)
    env.set_factors(with_values(env, agent_column=4, agent_row=3, agent_direction=1))
    assert not env.step(left)[4]["is_success"]
    env.step(1)
    _, reward, terminated, _, info = env.step(forward)
    assert terminated and info["is_success"] and 0.9 < reward < 1


def things(env: MiniGridWorld) -> list[WorldObj]:
    """What is in the grid as thing1, thing2."""
    values = named(env)
    return [
        inner(env).grid.get(*(int(values[f"thing{n}_{axis}"]) for axis in AXES)) for n in (1, 2)
    ]


def test_the_reward_of_put_near_follows_the_target_that_was_moved() -> None:
    env = make("MiniGrid-PutNear-6x6-N2-v0")
    for seed in range(5):
        env.reset(seed=seed)
        moved = (inner(env).move_type, inner(env).moveColor)
        mover = 1 + [(thing.type, thing.color) for thing in things(env)].index(moved)
        carried = {f"thing{mover}_{axis}": -1 for axis in AXES}
        target = {f"thing{3 - mover}_{axis}": 4 for axis in AXES}
        agent = {"agent_column": 2, "agent_row": 3, "agent_direction": 0}
        env.set_factors(with_values(env, **carried, **target, **agent, carrying=mover))
        _, reward, terminated, *_ = env.step(4)  # dropped at (3, 3), beside (4, 4)
        assert terminated and reward > 0.8
        assert named(env)[f"thing{mover}_column"] == 3 and named(env)["carrying"] == 0


def test_an_opened_box_is_nowhere() -> None:
    env, opened = make("MiniGrid-PutNear-6x6-N2-v0"), 0
    for seed in range(20):
        env.reset(seed=seed)
        boxes = [n for n, thing in enumerate(things(env), 1) if isinstance(thing, Box)]
        for n in boxes[:1]:
            box = {f"thing{n}_{axis}": 3 for axis in AXES}
            other = {f"thing{3 - n}_{axis}": 1 for axis in AXES}
            agent = {"agent_column": 2, "agent_row": 3, "agent_direction": 0}
            env.set_factors(with_values(env, **box, **other, **agent))
            factors = env.step(5)[4]["factors"]
            values = named(env, factors)
            assert [values[f"thing{n}_{axis}"] for axis in AXES] == [-1, -1]
            assert values["carrying"] == 0 and inner(env).grid.get(3, 3) is None
            env.set_factors(factors)
            assert np.array_equal(env.factors(), factors)
            opened += 1
    assert opened > 3


@every_id
def test_a_look_changes_pixels_and_nothing_else(world_id: str) -> None:
    plain, coloured = make(world_id), make(world_id, looks="ood2")
    rng = np.random.default_rng(1)
    for seed in range(3):
        frame, other = plain.reset(seed=seed)[0], coloured.reset(seed=seed)[0]
        for _ in range(20):
            assert not np.array_equal(frame, other)
            assert np.array_equal(plain.factors()[:-3], coloured.factors()[:-3])
            action = int(rng.integers(inner(plain).action_space.n))
            (frame, *told, _), (other, *wanted, _) = plain.step(action), coloured.step(action)
            assert told == wanted


def test_each_look_factor_colours_its_part() -> None:
    env = make("MiniGrid-Empty-8x8-v0", render_mode="rgb_array")
    inner(env).highlight = False
    env.reset(seed=0)
    env.set_factors(with_values(env, agent_column=3, agent_row=3))
    spots = {"wall": (4, 4), "floor": (20, 44), "agent": (28, 27)}  # row, column of a pixel
    for part in PARTS:
        first, last = RAMPS[part]
        for u, colour in ((0.0, first), (1.0, last)):
            frame = env.set_factors(with_values(env, **{f"{part}_colour": u}))
            assert tuple(frame[spots[part]]) == colour
        env.set_factors(with_values(env, **{f"{part}_colour": 0.0}))
    for name in RAMPS:
        assert np.array_equal(GridLook().colour(name), RAMPS[name][0])


def test_ramps_do_not_meet() -> None:
    u = np.linspace(0, 1, 51)[:, None]
    ramps = [np.array(first) + u * (np.array(last) - first) for first, last in RAMPS.values()]
    for n, ramp in enumerate(ramps):
        for other in ramps[n + 1 :]:
            assert np.linalg.norm(ramp[:, None] - other, axis=-1).min() > 80


def test_look_sets_own_what_they_draw() -> None:
    rng = np.random.default_rng(0)
    for looks in LOOK_SETS:
        for _ in range(100):
            look = sample_grid_look(looks, rng)
            owners = [name for name in LOOK_SETS if in_grid_set(look, name)]
            expected = {"source": ["source", "pretrain"], "ood1": ["ood1", "pretrain"]}
            assert owners == expected.get(looks, [looks]) or looks == "pretrain"
            assert looks in owners and (looks == "ood2" or "ood2" not in owners)
    with pytest.raises(ValueError, match="unknown look set 'dark'; known: source, ood1, ood2"):
        make(DOOR_KEY, looks="dark")
    with pytest.raises(ValueError, match=r"wall colour of a look must be in \[0, 1\], got 1.5"):
        GridLook(wall=1.5)


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version:UserWarning")
@every_id
def test_both_check_envs_pass(world_id: str) -> None:
    gym_check(make(world_id, render_mode="rgb_array"), skip_render_check=True)
    sb3_check(make(world_id, render_mode="rgb_array"))


def test_resets_without_a_seed_differ() -> None:
    envs = [make("MiniGrid-FourRooms-v0") for _ in range(4)]
    assert len({env.reset()[0].tobytes() for env in envs}) > 1


def test_it_works_under_gymnasiums_own_wrappers_and_draws_probe_sets() -> None:
    env = MiniGridWorld(gym.make(DOOR_KEY), looks="pretrain")
    frames = probe_set(env, 20, seed=0)
    assert frames.frames.shape == (20, 64, 64, 3)
    assert len(np.unique(frames.frames.reshape(20, -1), axis=0)) == 20
    visited = on_policy_set(env, None, 20, seed=0)
    assert visited.factors is not None and visited.factors.shape == (20, len(env.factor_specs))
    assert factor_env(gym.wrappers.TimeLimit(env, 5)) is env


def test_what_is_no_bare_minigrid_world_is_refused() -> None:
    with pytest.raises(TypeError, match=r"needs a MiniGrid world, got .*CartPole"):
        MiniGridWorld(gym.make("CartPole-v1"))
    with pytest.raises(ValueError, match="without other observation wrappers"):
        MiniGridWorld(ImgObsWrapper(gym.make(DOOR_KEY)))
    with pytest.raises(ValueError, match="unknown view 'side'; known: full, partial"):
        make(DOOR_KEY, view="side")
    with pytest.raises(ValueError, match=r"19 cells across 32 pixels are 1 .* size=57 or more"):
        make("MiniGrid-FourRooms-v0", size=32)
    with pytest.raises(ValueError, match=r"16 cells across 64 pixels are 4 .* size=80 or more"):
        make("MiniGrid-DoorKey-16x16-v0")
    assert make("MiniGrid-FourRooms-v0", size=32, view="partial").reset()[0].shape == (32, 32, 3)


@pytest.mark.parametrize("tile", [MIN_TILE, MIN_DOOR_TILE, 8])
def test_the_smallest_tiles_tell_directions_and_things_apart(tile: int) -> None:
    grid, painter = Grid(3, 3), GridPainter(tile)
    frames = [painter.paint(grid, (1, 1), direction).astype(int) for direction in range(4)]
    things: list[WorldObj] = [Key("red"), Ball("red"), Box("red"), Goal("red")]
    if tile >= MIN_DOOR_TILE:
        things += [Door("red"), Door("red", is_open=True), Door("red", is_locked=True)]
    for thing in things:
        grid.set(0, 0, thing)
        frames.append(painter.paint(grid, (1, 1), 0).astype(int))
    for n, frame in enumerate(frames):
        assert all(abs(frame - other).max() >= 20 for other in frames[:n])


class Changing(EmptyEnv):
    """Another number of balls in each episode."""

    def _gen_grid(self, width: int, height: int) -> None:
        super()._gen_grid(width, height)
        for _ in range(self._rand_int(0, 4)):
            self.place_obj(Ball())


class Hiding(EmptyEnv):
    """A box with a key inside."""

    def _gen_grid(self, width: int, height: int) -> None:
        super()._gen_grid(width, height)
        self.place_obj(Box("red", contains=Key("red")))


def test_worlds_whose_things_cannot_be_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="change in number from episode to episode"):
        MiniGridWorld(Changing(size=5))
    with pytest.raises(ValueError, match="hidden in boxes"):
        MiniGridWorld(Hiding(size=5))


def test_frames_come_at_least_twice_as_fast_as_minigrids_own() -> None:
    world_id = "MiniGrid-DoorKey-8x8-v0"
    ours = make(world_id)
    theirs = ImgObsWrapper(RGBImgObsWrapper(gym.make(world_id), tile_size=8))

    def seconds(env: gym.Env, seed: int) -> float:
        env.action_space.seed(seed)
        env.reset(seed=seed)
        start = time.process_time()
        for _ in range(150):
            env.step(env.action_space.sample())
        return time.process_time() - start

    ratios = [seconds(theirs, seed) / seconds(ours, seed) for seed in range(9)]
    assert np.median(ratios) > 2.0, ratios
