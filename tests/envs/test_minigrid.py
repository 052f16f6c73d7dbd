"""MiniGrid worlds: the library's pixels and observations, what is refused, and how fast it is."""

from __future__ import annotations

import copy
import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gym_check
from minigrid.core.grid import Grid
from minigrid.minigrid_env import MiniGridEnv
from minigrid.wrappers import ImgObsWrapper, RGBImgObsWrapper, RGBImgPartialObsWrapper
from stable_baselines3.common.env_checker import check_env as sb3_check

from bvae_rl.data.factors import factor_env
from bvae_rl.data.probe_sets import on_policy_set, probe_set
from bvae_rl.envs.grid.world import MiniGridWorld, make
from tests.grid_cases import DOOR_KEY, IDS, every_id, inner

WRAPPERS = {"full": RGBImgObsWrapper, "partial": RGBImgPartialObsWrapper}
every_view = pytest.mark.parametrize("view", WRAPPERS)


@every_id
@every_view
def test_the_source_domain_has_the_pixels_of_minigrid(world_id: str, view: str) -> None:
    env = make(world_id, view=view)
    world = inner(env)
    tile = 64 // (max(world.width, world.height) if view == "full" else world.agent_view_size)
    library = ImgObsWrapper(WRAPPERS[view](gym.make(world_id), tile_size=tile))
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
            (frame, *outcome, _), (expected, *wanted, _) = env.step(action), library.step(action)
            assert outcome == wanted


@pytest.mark.parametrize("kwargs", [{"agent_view_size": 5}, {"see_through_walls": True}])
@every_view
def test_the_pixels_are_the_same_however_the_agent_sees(view: str, kwargs: dict[str, Any]) -> None:
    world_id = "MiniGrid-LockedRoom-v0"
    wide = 19 if view == "full" else kwargs.get("agent_view_size", 7)
    env = make(world_id, view=view, size=6 * wide, **kwargs)
    library = ImgObsWrapper(WRAPPERS[view](gym.make(world_id, **kwargs), tile_size=6))
    rng = np.random.default_rng(0)
    frame, expected = env.reset(seed=0)[0], library.reset(seed=0)[0]
    for _ in range(25):
        assert np.array_equal(frame, expected)
        action = int(rng.integers(6))
        frame, expected = env.step(action)[0], library.step(action)[0]


@pytest.mark.parametrize("world_id", [*IDS, "BabyAI-KeyCorridor-v0"])
def test_the_world_under_it_observes_what_it_always_did(world_id: str) -> None:
    """Its own observation is made by index too, for speed; wrappers under ours may read it."""
    ours, plain = gym.make(world_id), gym.make(world_id)
    MiniGridWorld(ours, size=128)
    rng = np.random.default_rng(0)
    for seed in range(3):
        seen, expected = ours.reset(seed=seed)[0], plain.reset(seed=seed)[0]
        for _ in range(25):
            assert seen.keys() == expected.keys()
            assert np.array_equal(seen["image"], expected["image"])
            assert seen["image"].dtype == expected["image"].dtype
            assert (seen["direction"], seen["mission"]) == (
                expected["direction"],
                expected["mission"],
            )
            action = int(rng.integers(ours.action_space.n))  # type: ignore[attr-defined]
            seen, expected = ours.step(action)[0], plain.step(action)[0]


class Blind(MiniGridEnv):
    """A world whose agent sees nothing, by an observation of its own."""

    def __init__(self) -> None:
        super().__init__(gym.make(DOOR_KEY).unwrapped.observation_space["mission"], grid_size=5)  # type: ignore[index]

    def _gen_grid(self, width: int, height: int) -> None:
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.agent_pos, self.agent_dir, self.mission = (1, 1), 0, ""

    def gen_obs(self) -> dict[str, Any]:
        return {**super().gen_obs(), "image": np.zeros((7, 7, 3), np.uint8)}


def test_a_worlds_own_way_of_observing_is_kept() -> None:
    env = MiniGridWorld(Blind())
    env.reset(seed=0)
    assert not inner(env).gen_obs()["image"].any()


def test_minigrids_own_pictures_stay_as_they_are() -> None:
    def library() -> np.ndarray:
        wrapped = RGBImgObsWrapper(gym.make(DOOR_KEY), tile_size=30)
        return wrapped.reset(seed=0)[0]["image"]

    before = library()
    Grid.tile_cache.clear()
    make(DOOR_KEY, domain="ood2:colours+texture").reset(seed=0)  # tiles of 10, drawn at 30
    assert np.array_equal(library(), before)


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version:UserWarning")
@every_id
def test_both_check_envs_pass(world_id: str) -> None:
    gym_check(make(world_id, render_mode="rgb_array"), skip_render_check=True)
    sb3_check(make(world_id, render_mode="rgb_array", thing_colours=True))


def test_resets_without_a_seed_differ() -> None:
    envs = [make("MiniGrid-FourRooms-v0") for _ in range(4)]
    assert len({env.reset()[0].tobytes() for env in envs}) > 1


def test_a_copy_goes_its_own_way() -> None:
    env = make(DOOR_KEY)
    frame, _ = env.reset(seed=0)
    other = copy.deepcopy(env)
    moved = other.step(1)[0]
    assert np.array_equal(env._frame(), frame) and not np.array_equal(moved, frame)
    assert np.array_equal(env.step(1)[0], moved)


def test_it_works_under_gymnasiums_own_wrappers_and_draws_probe_sets() -> None:
    env = MiniGridWorld(gym.make(DOOR_KEY), domain="pretrain")
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


def seconds(env: gym.Env, seed: int) -> float:
    env.action_space.seed(seed)
    env.reset(seed=seed)
    start = time.process_time()
    for _ in range(120):
        env.step(env.action_space.sample())
    return time.process_time() - start


@every_view
def test_frames_come_at_least_twice_as_fast_as_minigrids_own(view: str) -> None:
    world_id = "MiniGrid-DoorKey-8x8-v0"
    ours = make(world_id, view=view)
    tile = 8 if view == "full" else 9
    theirs = ImgObsWrapper(WRAPPERS[view](gym.make(world_id), tile_size=tile))
    ratios = [seconds(theirs, seed) / seconds(ours, seed) for seed in range(7)]
    assert np.median(ratios) > 2.0, ratios
