"""Dict observations with pictures of several sizes and kinds, and codes of the last n frames."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

import bvae_rl
from bvae_rl.data.pictures.layouts import Wanted, left_out, picture_layouts
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import (
    LatentVecEnv,
    inspect,
    load_encoder,
    policy_kwargs,
    take_encoder,
    to_image_policy,
    to_latent_policy,
)
from tests.plug_cases import SETTINGS, NoiseEnv, build, make_env, make_vae

CAMERAS = gym.spaces.Dict(
    {
        "front": gym.spaces.Box(0, 255, (32, 32, 3), np.uint8),
        "wrist": gym.spaces.Box(0, 255, (20, 24, 1), np.uint8),
        "depth": gym.spaces.Box(0, 4, (16, 16), np.float32),
        "arm": gym.spaces.Box(-1, 1, (2,), np.float32),
    }
)


class Robot(gym.Env[Any, Any]):
    """Noise in three pictures, beside a vector."""

    observation_space = CAMERAS
    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._shown(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self._shown(), float(action.sum()), False, self.steps >= 5, {}

    def _shown(self) -> dict[str, np.ndarray]:
        rng = self.np_random
        return {
            "front": rng.integers(0, 256, (32, 32, 3), np.uint8),
            "wrist": rng.integers(0, 256, (20, 24, 1), np.uint8),
            "depth": rng.uniform(0, 4, (16, 16)).astype(np.float32),
            "arm": rng.uniform(-1, 1, 2).astype(np.float32),
        }


def taking(*shape: int, seed: int, top: float | None = None) -> BetaVAE:
    torch.manual_seed(seed)
    config = VAEConfig(shape=shape, latent_dim=seed, channels=(4, 4, 4), hidden=8, top=top)
    vae = BetaVAE(config).eval()
    vae.meta["statistics"] = {"mean": [0.1] * seed, "std": [1.5] * seed}
    return vae


@pytest.fixture
def vaes() -> dict[str, BetaVAE]:
    return {
        "front": taking(3, 32, 32, seed=3),
        "wrist": taking(1, 20, 24, seed=2),
        "depth": taking(1, 16, 16, seed=1, top=4.0),
    }


def robots(n: int = 2) -> DummyVecEnv:
    venv = DummyVecEnv([Robot] * n)
    venv.seed(0)
    return venv


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_a_vae_for_each_picture(algorithm: Any, vaes: dict[str, BetaVAE], tmp_path: Path) -> None:
    folders = {key: vae.save(tmp_path / key) for key, vae in vaes.items()}
    kwargs = policy_kwargs(folders, net_arch=[8])
    model = algorithm(
        "MultiInputPolicy", robots(), policy_kwargs=kwargs, seed=0, **SETTINGS[algorithm]
    )
    model.learn(16)
    assert {copy.where.rpartition(".")[2] for copy in inspect(model)} == set(vaes)
    observations: Any = robots().reset()
    latent_env = LatentVecEnv(robots(), vaes)
    codes = latent_env.encode(observations)
    assert {k: v.shape[1] for k, v in codes.items()} == {
        "front": 3, "wrist": 2, "depth": 1, "arm": 2
    }  # fmt: skip
    for key, vae in vaes.items():
        if key != "depth":
            standardised = (vae.encode_frames(observations[key]) - 0.1) / 1.5
            np.testing.assert_allclose(codes[key], standardised, atol=1e-6)
    extractor = next(m for m in model.policy.modules() if hasattr(m, "layouts"))
    tensors, _ = model.policy.obs_to_tensor(observations)
    features = extractor(
        {k: v.float() / (255 if k in ("front", "wrist") else 1) for k, v in tensors.items()}
    )
    expected = np.concatenate([codes[key] for key in CAMERAS.spaces], axis=1)
    np.testing.assert_allclose(features.detach(), expected, atol=3e-3)  # depth: 256 levels
    before = model.predict(observations, deterministic=True)[0]
    model.save(tmp_path / "model.zip")
    for folder in folders.values():
        (folder / "model.safetensors").unlink()
    loaded = algorithm.load(tmp_path / "model.zip")
    assert np.array_equal(loaded.predict(observations, deterministic=True)[0], before)


def test_keys_that_are_named_are_encoded_and_others_left_out(
    vaes: dict[str, BetaVAE], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        latent_env = LatentVecEnv(robots(), vaes["front"], keys=("front",))
    assert "left out: depth Box (16, 16) float32, wrist Box (20, 24, 1) uint8" in caplog.text
    space: Any = latent_env.observation_space
    assert {k: s.shape for k, s in space.spaces.items()} == {
        "arm": (2,), "front": (3,)
    }  # fmt: skip
    assert set(latent_env.reset()) == {"arm", "front"}
    kwargs = policy_kwargs(vaes["front"], keys=("front",), net_arch=[8])
    model = PPO("MultiInputPolicy", robots(), policy_kwargs=kwargs, **SETTINGS[PPO])
    assert model.policy.features_dim == 3 + 2
    model.learn(16)
    with pytest.raises(ValueError, match=r"no keys \['back'\]; its pictures: \['depth', 'front'"):
        LatentVecEnv(robots(), vaes["front"], keys=("back",))


def test_a_picture_that_a_vae_does_not_take_is_never_handed_on(vaes: dict[str, BetaVAE]) -> None:
    says = r"key '(depth|wrist)' of the observation: .*keys=\('depth',\), or give a VAE each: "
    with pytest.raises(ValueError, match=says):
        LatentVecEnv(robots(), vaes["front"])
    with pytest.raises(ValueError, match=says):
        PPO("MultiInputPolicy", robots(), policy_kwargs=policy_kwargs(vaes["front"]))
    with pytest.raises(ValueError, match=r"the keys \['wrist'\] have no VAE of their own, and"):
        LatentVecEnv(robots(), {"front": vaes["front"]}, keys=["front", "wrist"])
    with pytest.raises(ValueError, match=r"keys \['front'\] name pictures in a Dict observation"):
        LatentVecEnv(DummyVecEnv([NoiseEnv]), vaes["front"], keys=("front",))


def test_codes_of_the_last_frames_are_those_of_a_stack_and_each_frame_is_encoded_once() -> None:
    vae, seen = make_vae(), []
    encode = vae.encode_frames
    vae.encode_frames = lambda frames: (seen.append(len(frames)), encode(frames))[1]  # type: ignore[method-assign, func-returns-value]
    stacked = LatentVecEnv(VecFrameStack(DummyVecEnv([NoiseEnv] * 2), 3), make_vae())
    latent_env = LatentVecEnv(DummyVecEnv([NoiseEnv] * 2), vae, frame_stack=3)
    assert latent_env.observation_space.shape == stacked.observation_space.shape == (9,)
    stacked.seed(0), latent_env.seed(0)
    black = stacked.encode(np.zeros((1, 32, 32, 9), np.uint8))[0, :3]  # where nothing was yet

    def as_zeros(codes: np.ndarray) -> np.ndarray:
        parts = codes.reshape(-1, 3, 3).copy()
        parts[np.isclose(parts, black, atol=1e-6).all(-1)] = 0
        return parts.reshape(codes.shape)

    np.testing.assert_allclose(latent_env.reset(), as_zeros(stacked.reset()), atol=1e-5)
    for step in range(1, 13):
        action = np.full((2, 2), 0.1, np.float32)
        codes, _, dones, infos = latent_env.step(action)
        expected, _, _, ended = stacked.step(action)
        np.testing.assert_allclose(codes, as_zeros(expected), atol=1e-5)
        if dones.any():
            assert step % 5 == 0
            for one, other in zip(infos, ended, strict=True):
                last = as_zeros(other["terminal_observation"])
                np.testing.assert_allclose(one["terminal_observation"], last, atol=1e-5)
    assert seen == [2] * 5 + [4] + [2] * 4 + [4] + [2] * 2  # two more where two episodes end
    with pytest.raises(ValueError, match=r"LatentVecEnv\(VecFrameStack\(venv, 3\), vae\) instead"):
        to_image_policy(PPO("MlpPolicy", latent_env, **SETTINGS[PPO]))
    with pytest.raises(ValueError, match="frame_stack must be at least 1, got 0"):
        LatentVecEnv(DummyVecEnv([NoiseEnv]), vae, frame_stack=0)


def test_an_agent_learns_on_the_codes_of_the_last_frames(tmp_path: Path) -> None:
    latent_env = LatentVecEnv(DummyVecEnv([NoiseEnv] * 2), make_vae(), frame_stack=4)
    model = SAC("MlpPolicy", latent_env, seed=0, **SETTINGS[SAC])
    model.learn(20)
    assert model.replay_buffer.observations.shape[-1] == 12
    model.save(tmp_path / "m")
    codes = latent_env.reset()
    same = SAC.load(tmp_path / "m", env=latent_env).predict(codes, deterministic=True)[0]
    assert np.array_equal(same, model.predict(codes, deterministic=True)[0])


def test_a_policy_on_stacks_or_chosen_keys_becomes_one_on_latents() -> None:
    stacked = build(PPO, make_env("stack"), **policy_kwargs(make_vae(), net_arch=[8], stacked=3))
    assert to_latent_policy(stacked).observation_space.shape == (9,)
    kwargs = policy_kwargs(taking(3, 32, 32, seed=3), keys=("front",), net_arch=[8])
    some = PPO("MultiInputPolicy", robots(), policy_kwargs=kwargs, **SETTINGS[PPO])
    space: Any = to_latent_policy(some).observation_space
    assert set(space.spaces) == {"front", "arm"}


class Twins(gym.Env[Any, Any]):
    """Two cameras of one kind, which only their keys tell apart."""

    one = gym.spaces.Box(0, 255, (20, 20, 3), np.uint8)
    observation_space = gym.spaces.Dict(left=one, right=one)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return {
            "left": np.zeros((20, 20, 3), np.uint8),
            "right": np.ones((20, 20, 3), np.uint8),
        }, {}

    def step(self, action: Any) -> Any:
        return *self.reset()[:1], 0.0, False, True, {}


@pytest.mark.parametrize("vectorised", [False, True])
def test_two_pictures_of_an_environment_in_hand_are_not_taken_for_each_other(
    vectorised: bool, tmp_path: Path
) -> None:
    env: Any = DummyVecEnv([Twins]) if vectorised else Twins()
    assert bvae_rl.collect(env, tmp_path, frames=4, key="left").read().frames.max() == 0
    with pytest.raises(ValueError, match="key left, not right"):
        bvae_rl.collect(env, tmp_path, frames=4, key="right")
    if not vectorised:
        with pytest.raises(ValueError, match="frame_skip absent, not 2"):
            bvae_rl.collect(env, tmp_path, frames=4, key="left", frame_skip=2)
        with pytest.raises(ValueError, match="frame_skip must be at least 1, got 0"):
            bvae_rl.collect(env, tmp_path, frames=4, key="left", frame_skip=0)


def test_a_table_beside_a_picture_is_no_picture() -> None:
    lidar = gym.spaces.Box(-np.inf, np.inf, (20, 18), np.float32)
    space = gym.spaces.Dict(eye=gym.spaces.Box(0, 255, (32, 32, 3), np.uint8), lidar=lidar)
    layouts = picture_layouts(space, Wanted.of(make_vae()))
    assert list(layouts) == ["eye"] and not left_out(space, layouts)
    with pytest.raises(ValueError, match=r"got 'eye'; write keys=\['eye'\]"):
        picture_layouts(space, Wanted.of(make_vae()), keys="eye")


def test_keys_may_hold_dots_and_be_called_as_modules_are(tmp_path: Path) -> None:
    keys = ("observation.images.front", "values")
    picture = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)

    class Recorded(Robot):
        observation_space = gym.spaces.Dict(dict.fromkeys(keys, picture))

        def _shown(self) -> dict[str, np.ndarray]:
            return {key: self.np_random.integers(0, 256, (32, 32, 3), np.uint8) for key in keys}

    vaes = {key: taking(3, 32, 32, seed=2 + i) for i, key in enumerate(keys)}
    venv = DummyVecEnv([Recorded])
    kwargs = policy_kwargs(vaes, net_arch=[4])
    model = PPO("MultiInputPolicy", venv, policy_kwargs=kwargs, **SETTINGS[PPO]).learn(16)
    model.save(tmp_path / "model")
    seen: Any = venv.reset()
    features = model.policy.extract_features(model.policy.obs_to_tensor(seen)[0])
    codes = [(vae.encode_frames(seen[key]) - 0.1) / 1.5 for key, vae in vaes.items()]
    expected = np.concatenate(codes, axis=1)
    np.testing.assert_allclose(features.detach().numpy(), expected, atol=1e-5)
    loaded = PPO.load(tmp_path / "model")
    assert np.array_equal(*(m.predict(seen, deterministic=True)[0] for m in (model, loaded)))
    for key in keys:
        load_encoder(loaded, vaes[key], key=key)
        assert take_encoder(loaded, key).latent_dim == vaes[key].latent_dim
    with pytest.raises(ValueError, match=r"encoders of: 'observation\.images\.front', 'values'"):
        load_encoder(loaded, vaes["values"], key="wrist")
