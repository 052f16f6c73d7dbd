"""``bvae_rl/CarRacing-v0`` is gymnasium's task: its picture, rewards, ends and limits."""

from __future__ import annotations

import sys
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest

import bvae_rl.envs  # noqa: F401
from bvae_rl.data.environments import EnvConfig
from bvae_rl.envs.car_racing.world import CarRacing
from tests.car_racing_cases import need

need("Box2D", "box2d")


def bare(**kwargs: Any) -> Any:
    """Gymnasium's own."""
    return gym.make("CarRacing-v3", **kwargs).unwrapped


def drives(seed: int, steps: int) -> np.ndarray:
    """Steering and pedal (steps, 2), held for ten steps each."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (steps // 10 + 1, 2)).repeat(10, axis=0)[:steps].astype(np.float32)


def for_task(action: np.ndarray) -> np.ndarray:
    steering, pedal = action
    return np.array([steering, max(pedal, 0), max(-pedal, 0)], np.float32)


@pytest.mark.parametrize(("rows", "dashboard"), [(84, False), (96, True)])
def test_the_source_is_the_tasks_own_picture_cut_and_scaled(rows: int, dashboard: bool) -> None:
    env, task = CarRacing(dashboard=dashboard, size=40), bare()
    for seed in (3, 4):  # a second episode too
        frame, _ = env.reset(seed=seed)
        picture, _ = task.reset(seed=seed)
        for action in drives(seed, 60):  # beyond the zoom
            scaled = cv2.resize(picture[:rows], (40, 40), interpolation=cv2.INTER_AREA)
            assert np.array_equal(frame, scaled)
            frame, picture = env.step(action)[0], task.step(for_task(action))[0]


def test_with_the_size_of_the_task_nothing_is_scaled() -> None:
    env = CarRacing(dashboard=True, size=96)
    assert np.array_equal(env.reset(seed=1)[0], bare().reset(seed=1)[0])


def test_rewards_and_dynamics_are_the_tasks_in_every_appearance() -> None:
    env, task = CarRacing(domain="ood2"), bare()
    for seed in (5, None):  # the next episode's track follows from the first one's seed
        env.reset(seed=seed)
        task.reset(seed=seed)
        total = 0.0
        for action in drives(6, 50):
            _, reward, terminated, truncated, info = env.step(action)
            _, expected, ended, _, _ = task.step(for_task(action))
            total += reward
            assert (reward, terminated, truncated) == (expected, ended, False)
            assert env._sim.car.hull.position == task.car.hull.position
            assert not info["is_success"] and info["domain"] == "ood2"
        assert total > 0  # tiles were visited


def test_far_off_the_track_it_ends_as_the_task_does() -> None:
    env, task = CarRacing(), bare()
    for one, car in ((env, env._sim), (task, task)):
        one.reset(seed=0)
        car.car.hull.position = (340.0, 0.0)
    _, reward, terminated, _, info = env.step(np.zeros(2, np.float32))
    assert (reward, terminated) == task.step(np.zeros(3, np.float32))[1:3] == (-100, True)
    assert info["lap_finished"] is False and not info["is_success"]


def test_the_lap_ends_the_episode_and_is_a_success() -> None:
    env, task = CarRacing(lap_complete_percent=0.0), bare(lap_complete_percent=0.0)
    env.reset(seed=0)
    task.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.zeros(2, np.float32))
    assert (reward, terminated) == task.step(np.zeros(3, np.float32))[1:3]
    assert terminated and not truncated and info["lap_finished"] and info["is_success"]


def test_an_episode_lasts_a_thousand_steps_or_as_many_as_asked_for() -> None:
    spec = gym.spec("CarRacing-v3")
    assert CarRacing().max_steps == spec.max_episode_steps
    env = CarRacing(max_steps=3)
    env.reset(seed=0)
    cut = [env.step(np.zeros(2, np.float32))[3] for _ in range(3)]
    assert cut == [False, False, True]
    with pytest.raises(ValueError, match="max_steps must be at least 1, got 0"):
        CarRacing(max_steps=0)


def test_render_is_the_tasks_large_picture() -> None:
    env, task = CarRacing(render_mode="rgb_array"), bare(render_mode="rgb_array")
    env.reset(seed=2)
    task.reset(seed=2)
    large = env.render()
    assert large is not None and large.shape == (400, 600, 3)
    assert np.array_equal(large, task.render()) and CarRacing().render() is None
    with pytest.raises(ValueError, match="unknown render_mode 'human'"):
        CarRacing(render_mode="human")


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of pixels, 16 or more, got 8"):
        CarRacing(size=8)
    with pytest.raises(ValueError, match=r"unknown visual domain 'night'.*kinds: colours, all"):
        CarRacing(domain="night")
    env = CarRacing()
    with pytest.raises(gym.error.ResetNeeded, match="no road before the first reset"):
        env.factors()
    env.reset(seed=0)
    for action in ([0.0, np.nan], [0.0, 0.0, 0.0]):
        with pytest.raises(ValueError, match="steering and pedal, two finite numbers"):
            env.step(np.array(action))


def test_without_box2d_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Box2D", None)
    with pytest.raises(ImportError, match=r"needs the package 'Box2D'.*bvae-rl\[box2d\]"):
        EnvConfig("bvae_rl/CarRacing-v0").make()
