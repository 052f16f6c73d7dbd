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
from bvae_rl.data.pictures.frame_layout import FrameLayout
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
    venv = make_vec(lambda: Liar(space, picture), 1, seed=0)
    with pytest.raises(ValueError, match=says):
        venv.reset()
        venv.step([0])  # of dark pictures the first may be one that fades in
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


@pytest.mark.parametrize(
    ("top", "dtype", "high", "fits"),
    [
        (None, np.float32, 1, True), (None, np.float32, 255, True), (None, np.uint8, 255, True),
        (None, np.float32, 10, False), (None, np.uint8, 5, False), (10.0, np.float32, 10, True),
        (10.0, np.uint8, 255, True), (10.0, np.float32, 1, False), (10.0, np.float32, 255, False),
    ],
)  # fmt: skip
def test_a_vae_takes_the_scale_that_it_was_trained_on(
    top: float | None, dtype: Any, high: float, fits: bool
) -> None:
    vae = BetaVAE(VAEConfig(shape=(1, 20, 20), latent_dim=2, channels=(4, 4, 4), top=top))
    space = gym.spaces.Box(0, high, (20, 20, 1), dtype)
    venv = DummyVecEnv([lambda: Liar(space, np.zeros((20, 20, 1), dtype))])
    if fits:
        LatentVecEnv(venv, vae, standardise=False)
        return
    with pytest.raises(ValueError, match=f"and this space says 0 to {high}; "):
        LatentVecEnv(venv, vae, standardise=False)


def test_labels_are_scaled_by_their_bound(tmp_path: Path) -> None:
    env = Liar(gym.spaces.Box(0, 5, (20, 20, 1), np.uint8), np.full((20, 20, 1), 4, np.uint8))
    store = bvae_rl.collect(env, tmp_path, frames=4)
    assert (store.read().frames == 204).all()  # 4 of 5


def test_pictures_that_fade_in_are_no_black_ones() -> None:
    class Fading(Liar):
        def step(self, action: Any) -> Any:
            self.picture = self.picture + 0.4
            return self.picture, 0.0, False, False, {}

    space = gym.spaces.Box(0, 255, (20, 20, 1), np.float32)
    env = CheckedPictures(Fading(space, np.full((20, 20, 1), 0.1, np.float32)))
    env.reset()
    for _ in range(100):
        env.step(0)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.float64, np.uint8])
def test_the_line_to_write_is_one_that_works(dtype: Any) -> None:
    shown = np.ones((20, 20, 3), dtype) * (1 if dtype == np.bool_ else 200)
    shape = (24, 24, 3) if dtype == np.uint8 else shown.shape
    env = Liar(gym.spaces.Box(0, 255, shape, np.uint8), shown.astype(dtype))
    with pytest.raises(ValueError, match="TransformObservation") as refused:
        CheckedPictures(env).reset()
    line = str(refused.value).partition("what it shows: ")[2]
    mended = eval(line, {"gymnasium": gym, "np": np, "env": env})
    picture, _ = CheckedPictures(mended).reset()
    assert FrameLayout.of(mended.observation_space).frames(picture[None]).max() >= 200


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
