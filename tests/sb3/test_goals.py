"""Hindsight experience replay over codes: rewards are distances of codes, or it is refused.

Trap 35: ``HerReplayBuffer`` asks the environment to reward what the buffer holds.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecTransposeImage
from stable_baselines3.her import HerReplayBuffer

from bvae_rl.sb3 import LatentVecEnv
from tests.plug_cases import make_vae, noise

PICTURE = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
VECTOR = gym.spaces.Box(-1, 1, (2,), np.float32)


class PictureGoals(gym.Env[Any, Any]):
    """Four steps of noise; the goal is a picture too, or, with ``vectors``, goals are vectors."""

    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self, *, vectors: bool = False) -> None:
        goal = VECTOR if vectors else PICTURE
        self.observation_space = gym.spaces.Dict(
            observation=PICTURE, achieved_goal=goal, desired_goal=goal
        )
        self.asked: list[tuple[int, ...]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps, self.goal = 0, self.draw("desired_goal")
        return self.observe(), {}

    def step(self, action: Any):
        self.steps += 1
        seen = self.observe()
        reward = self.compute_reward(seen["achieved_goal"], seen["desired_goal"], {})
        return seen, float(reward), False, self.steps >= 4, {}

    def draw(self, key: str) -> np.ndarray:
        if self.observation_space[key] is VECTOR:
            return self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return noise(self.np_random)[0]

    def observe(self) -> dict[str, np.ndarray]:
        return {
            "observation": self.draw("observation"),
            "achieved_goal": self.draw("achieved_goal"),
            "desired_goal": self.goal,
        }

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray, info: Any) -> Any:
        self.asked.append(achieved.shape)
        axes = tuple(range(-len(self.observation_space["achieved_goal"].shape), 0))
        difference = np.abs(achieved.astype(float) - desired)
        return -difference.mean(axes)


def venv(**options: Any) -> DummyVecEnv:
    made = DummyVecEnv([lambda: PictureGoals(**options)] * 2)
    made.seed(0)
    return made


def her(env: Any) -> Any:
    return SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        policy_kwargs={"net_arch": [8]},
        learning_starts=16,
        buffer_size=200,
        batch_size=32,
        seed=0,
    )


@pytest.mark.parametrize("above", [lambda env: env, VecMonitor])
def test_relabelled_and_real_rewards_are_distances_of_codes(above):
    env: Any = LatentVecEnv(VecTransposeImage(venv()), make_vae(), reward="latent_distance")
    model = her(above(env)).learn(40)
    buffer = model.replay_buffer
    batch = buffer.sample(200)
    goals, reached = (
        batch.observations["desired_goal"].numpy(),
        batch.next_observations["achieved_goal"].numpy(),
    )
    distance = np.linalg.norm(goals - reached, axis=1)
    np.testing.assert_allclose(batch.rewards.numpy()[:, 0], -distance, atol=1e-5)
    assert np.ptp(distance) > 0.1
    assert (distance < 1e-6).any()  # relabelled with the very goal that was reached
    # the real ones, at the ends of episodes too, where the next observation is of a new episode
    count = buffer.pos
    kept = {key: part[:count] for key, part in buffer.next_observations.items()}
    real = np.linalg.norm(kept["achieved_goal"] - kept["desired_goal"], axis=2)
    np.testing.assert_allclose(buffer.rewards[:count], -real, atol=1e-5)
    assert buffer.dones[:count].any()
    asked = {shape for one in env.unwrapped.envs for shape in one.asked}
    assert asked == {(32, 32, 3)}  # the environment was never asked about codes


def test_distances_are_of_what_was_chosen_and_scaled():
    plain = LatentVecEnv(venv(), make_vae(), reward="latent_distance", standardise=False)
    scaled = LatentVecEnv(venv(), make_vae(), reward="latent_distance", latents="style")
    for env, width in ((plain, 3), (scaled, 1)):
        env.reset()
        seen: Any
        seen, rewards, _, _ = env.step(np.zeros((2, 2), np.float32))
        assert seen["desired_goal"].shape == (2, width)
        expected = -np.linalg.norm(seen["achieved_goal"] - seen["desired_goal"], axis=1)
        assert rewards.dtype == np.float32
        np.testing.assert_allclose(rewards, expected, atol=1e-6)


def test_trap_35_relabelling_by_the_environments_reward_is_refused():
    model = her(LatentVecEnv(venv(), make_vae()))
    with pytest.raises(ValueError, match=r"are codes.*LatentVecEnv\(\.\.\., reward='latent_dist"):
        model.learn(40)


def test_without_hindsight_the_environment_goes_on_rewarding():
    env, bare = LatentVecEnv(venv(), make_vae()), venv()
    env.reset(), bare.reset()
    for _ in range(5):
        action = np.zeros((2, 2), np.float32)
        assert np.array_equal(env.step(action)[1], bare.step(action)[1])


def test_goals_that_are_vectors_are_the_environments_own():
    env = LatentVecEnv(venv(vectors=True), make_vae())
    model = her(env).learn(40)
    batch = model.replay_buffer.sample(50)
    goals, reached = batch.observations["desired_goal"], batch.next_observations["achieved_goal"]
    difference = (goals - reached).abs()
    np.testing.assert_allclose(batch.rewards[:, 0], -difference.mean(1), atol=1e-5)
    with pytest.raises(ValueError, match=r"compares the pictures achieved_goal.*has none; leave"):
        LatentVecEnv(venv(vectors=True), make_vae(), reward="latent_distance")


def test_what_is_no_reward_is_refused():
    with pytest.raises(ValueError, match="unknown reward 'distance'; known: environment, latent"):
        LatentVecEnv(venv(), make_vae(), reward="distance")
