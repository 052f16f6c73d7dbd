"""EnvPool's environments beside the Python ones that they stand for, action by action."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.envpool.environments import EnvPoolEnv
from bvae_rl.data.envpool.pool import Pool
from tests.envpool_cases import need_envpool


@pytest.fixture(autouse=True)
def installed() -> None:
    need_envpool()


def driven(env: Any, action: tuple[float, float, float], *, seed: int) -> tuple[list[float], bool]:
    """Rewards of one action until the episode ends, and whether it was terminated."""
    env.reset(seed=seed)
    rewards: list[float] = []
    while True:
        _, reward, terminated, truncated, _ = env.step(np.array(action, dtype=np.float32))
        rewards.append(float(reward))
        if terminated or truncated:
            assert terminated != truncated
            return rewards, terminated


def test_car_racing_pays_and_ends_as_pythons_does() -> None:
    """Off the field under light gas, from the start of a track: the same times and rewards."""
    pytest.importorskip("Box2D", reason='needs Box2D: pip install "bvae-rl[box2d]"')
    python, fast = gym.make("CarRacing-v3"), EnvPoolEnv("CarRacing-v3")
    assert python.observation_space == fast.observation_space
    assert python.action_space == fast.action_space
    rewards, terminated = driven(python, (0.0, 0.3, 0.0), seed=0)
    ours, ended = driven(fast, (0.0, 0.3, 0.0), seed=0)
    assert terminated and ended and abs(len(rewards) - len(ours)) <= 2
    assert rewards[-1] == ours[-1] == -100.0
    for paid in (rewards, ours):
        tile = (paid[0] + 0.1) / 2  # the car stands on the first two
        assert 200 < 1000 / tile < 400 and 1000 / tile == pytest.approx(
            round(1000 / tile), abs=0.02
        )
        tiles = (np.array(paid[:-1]) + 0.1) / tile
        np.testing.assert_allclose(tiles, tiles.round(), atol=1e-3)
        assert tiles[1:10].max() < 0.5  # and meets no other at once
    standing, ended = driven(fast, (0.0, 0.0, 0.0), seed=0)
    spec = gym.spec("CarRacing-v3")
    assert len(standing) == spec.max_episode_steps == 1000 and not ended
    assert sum(standing[1:]) == pytest.approx(-99.9, abs=1e-3)


def test_the_tracks_of_a_seed_are_others() -> None:
    """What the docs say: only the distribution is the same."""
    pytest.importorskip("Box2D", reason='needs Box2D: pip install "bvae-rl[box2d]"')
    python, fast = gym.make("CarRacing-v3"), EnvPoolEnv("CarRacing-v3")
    python.reset(seed=0)
    fast.reset(seed=0)
    action = np.zeros(3, dtype=np.float32)
    assert abs(float(python.step(action)[1]) - fast.step(action)[1]) > 0.1


@pytest.mark.parametrize("game", ["Pong", "Breakout"])
def test_an_atari_game_is_ale_pys_to_the_pixel(game: str) -> None:
    ale_py = pytest.importorskip("ale_py", reason='needs ale-py: pip install "bvae-rl[atari]"')
    gym.register_envs(ale_py)
    python: Any = gym.make(f"ALE/{game}-v5", frameskip=1, repeat_action_probability=0.0)
    options = {
        "frame_skip": 1, "noop_max": 1, "use_fire_reset": False, "gray_scale": False,
        "img_height": 210, "img_width": 160,
    }  # fmt: skip
    pool: Any = Pool(f"{game}-v5", 1, seeds=[0], options=options)
    batch = pool.reset()
    python.reset(seed=0)
    picture = python.step(0)[0]  # EnvPool has waited for one frame
    rng = np.random.default_rng(0)
    total = 0.0
    for _ in range(600):
        np.testing.assert_array_equal(batch.observation[0].transpose(1, 2, 0), picture)
        np.testing.assert_array_equal(batch.info["ram"][0], python.unwrapped.ale.getRAM())
        action = int(rng.integers(pool.action_space.n))
        batch = pool.step(np.array([action]))
        picture, reward, terminated, _, _ = python.step(action)
        assert (batch.rewards[0], batch.terminated[0]) == (reward, terminated)
        total += abs(float(reward))
        if terminated:
            break
    assert total > 0 or terminated


def test_minigrid_pays_ends_and_looks_as_pythons_does() -> None:
    pytest.importorskip("minigrid")
    python = gym.make("MiniGrid-Empty-5x5-v0", render_mode="rgb_array", highlight=False)
    pool = Pool("MiniGrid-Empty-5x5-v0", 1, seeds=[0], options={}, pixels=True)
    batch = pool.reset()
    python.reset(seed=0)
    rng, ends = np.random.default_rng(0), 0
    for _ in range(150):
        np.testing.assert_array_equal(batch.observation[0], python.render())
        action = int(rng.integers(3))
        batch = pool.step(np.array([action]))
        _, reward, terminated, truncated, _ = python.step(action)
        assert batch.rewards[0] == pytest.approx(reward, abs=1e-6)
        assert (batch.terminated[0], batch.truncated[0]) == (terminated, truncated)
        if terminated or truncated:
            ends += 1
            python.reset()
            batch = pool.begin(batch)
    assert ends >= 2


def test_cart_pole_moves_as_pythons_does() -> None:
    python: Any = gym.make("CartPole-v1").unwrapped
    fast = EnvPoolEnv("CartPole-v1")
    start, _ = fast.reset(seed=0)
    python.reset(seed=0)
    python.state = start.astype(np.float64)
    for step in range(100):
        ours, theirs = fast.step(step % 3 % 2), python.step(step % 3 % 2)
        np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)
        assert ours[1:3] == theirs[1:3]
        if ours[2]:
            break
    assert ours[2] and step > 5
