"""What an environment shows against what its space says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

import bvae_rl
from bvae_rl.data.environments import make_vec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.framed import CheckedPictures
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import (
    LatentVecEnv,
    policy_kwargs,
)
from tests.plug_cases import SETTINGS


class Liar(gym.Env[Any, Any]):
    """Shows ``picture``, whatever its space says."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, space: gym.spaces.Box, picture: np.ndarray) -> None:
        self.observation_space, self.picture = space, picture

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self.picture, {}

    def step(self, action: Any) -> Any:
        return self.picture, 0.0, False, True, {}


@pytest.mark.parametrize(
    ("space", "picture", "says"),
    [
        (gym.spaces.Box(0, 255, (32, 32, 3), np.uint8), np.full((32, 32, 3), 300.0), "float64"),
        (gym.spaces.Box(0, 255, (32, 32, 3), np.uint8), np.zeros((48, 48, 3), np.uint8), "48, 48"),
        (
            gym.spaces.Box(0, 255, (32, 32, 3), np.float32),
            np.full((32, 32, 3), 0.5, np.float32),
            "floats of 0 to 1, and its space says 0 to 255",
        ),
    ],
)
def test_pictures_unlike_their_space_are_refused_before_they_are_cast(
    space: gym.spaces.Box, picture: np.ndarray, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says):
        bvae_rl.collect(Liar(space, picture), tmp_path / "a", frames=4)
    with pytest.raises(ValueError, match=says):
        make_vec(lambda: Liar(space, picture), 1, seed=0).reset()
    black = Liar(gym.spaces.Box(0, 255, (32, 32, 3), np.float32), np.zeros((32, 32, 3), np.float32))
    CheckedPictures(black).reset()


def test_depth_of_another_bound_is_refused() -> None:
    def depth(high: float) -> DummyVecEnv:
        space = gym.spaces.Box(0, high, (20, 20), np.float32)
        return DummyVecEnv([lambda: Liar(space, np.full((20, 20), 2.0, np.float32))])

    config = VAEConfig(shape=(1, 20, 20), latent_dim=2, channels=(4, 4, 4), top=10.0)
    vae = BetaVAE(config)
    assert VAEConfig.from_dict(config.to_dict()) == config
    LatentVecEnv(depth(10), vae, standardise=False)
    with pytest.raises(ValueError, match="trained on depth of 0 to 10, and this space says 0 to 5"):
        LatentVecEnv(depth(5), vae, standardise=False)


def test_depth_remembers_its_bound(tmp_path: Path) -> None:
    space = gym.spaces.Box(0, 8, (20, 20), np.float32)
    env = Liar(space, np.full((20, 20), 2.0, np.float32))
    vae = bvae_rl.pretrain(env, out=tmp_path, frames=60, steps=1, verbose=0, max_episode_steps=5)
    assert vae.config.top == 8.0
    assert (FrameStore(tmp_path / "frames").read().frames == 64).all()  # 2 of 8, of 255


def test_a_policy_that_resizes_large_pictures_says_once_that_it_is_slow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = VAEConfig(shape=(3, 16, 16), latent_dim=2, channels=(4, 4, 4), native=(3, 64, 80))
    large = gym.spaces.Box(0, 255, (64, 80, 3), np.uint8)
    env = Liar(large, np.zeros((64, 80, 3), np.uint8))
    kwargs = policy_kwargs(BetaVAE(config), standardise=False, net_arch=[4])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            PPO("CnnPolicy", env, policy_kwargs=kwargs, **SETTINGS[PPO])
    assert caplog.text.count("pictures of 64x80 into frames of 16x16") == 1
