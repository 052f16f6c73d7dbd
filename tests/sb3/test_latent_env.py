"""A vectorised environment of latents against the bare one beneath it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecFrameStack,
    VecMonitor,
    VecTransposeImage,
)

from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import Encoder, LatentVecEnv, inspect, policy_kwargs, take_encoder
from tests.plug_cases import CONFIG, SETTINGS, NoiseEnv, make_env, make_vae

LENGTHS = (3, 5)  # of the episodes of the two environments, so that they end apart


UNIT = [0.0] * 3, [1.0] * 3


class SpyEncoder:
    """The mean of each channel as codes; counts what it is asked."""

    shape, latent_dim = (3, 32, 32), 3

    def __init__(self, statistics: tuple[list[float], list[float]] | None = UNIT) -> None:
        self.batches: list[int] = []
        self.known = statistics

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        assert frames.dtype == np.uint8 and frames.shape[1:] == (32, 32, 3)
        self.batches.append(len(frames))
        return frames.mean((1, 2)).astype(np.float32)

    def slice_of(self, group: str) -> slice:
        return {"all": slice(0, 3), "last": slice(2, 3)}[group]

    def statistics(self) -> tuple[np.ndarray, np.ndarray] | None:
        return None if self.known is None else (np.array(self.known[0]), np.array(self.known[1]))


def bare() -> VecEnv:
    venv = DummyVecEnv([partial(NoiseEnv, length=length) for length in LENGTHS])
    venv.seed(0)
    return venv


@pytest.fixture(scope="module")
def vae() -> BetaVAE:
    return make_vae()


def actions() -> np.ndarray:
    return np.zeros((len(LENGTHS), 2), np.float32)


WRAPPINGS: dict[str, Callable[[VecEnv], VecEnv]] = {
    "bytes": lambda venv: venv,
    "channels first": VecTransposeImage,
    "stack": lambda venv: VecFrameStack(venv, 3),
    "stack, channels first": lambda venv: VecFrameStack(VecTransposeImage(venv), 3),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_observations_are_the_codes_of_the_frames_beneath(vae, wrapping):
    stack = 3 if "stack" in wrapping else 1
    latent: Any = LatentVecEnv(WRAPPINGS[wrapping](bare()), vae, latents="all", standardise=False)
    raw: Any = WRAPPINGS[wrapping](bare())

    def codes(observations: np.ndarray) -> np.ndarray:
        last = observations if "first" not in wrapping else observations.transpose(0, 2, 3, 1)
        parts = [vae.encode_frames(part) for part in np.split(last, stack, axis=-1)]
        return np.concatenate(parts, axis=1)

    assert latent.observation_space == gym.spaces.Box(-np.inf, np.inf, (stack * 4,), np.float32)
    np.testing.assert_allclose(latent.reset(), codes(raw.reset()), atol=1e-6)
    ended = 0
    for _ in range(6):
        observations, rewards, dones, infos = latent.step(actions())
        raw_observations, raw_rewards, raw_dones, raw_infos = raw.step(actions())
        assert observations.dtype == np.float32
        np.testing.assert_allclose(observations, codes(raw_observations), atol=1e-6)
        assert np.array_equal(rewards, raw_rewards) and np.array_equal(dones, raw_dones)
        for info, raw_info in zip(infos, raw_infos, strict=True):
            assert info.keys() == raw_info.keys()
            if "terminal_observation" in raw_info:
                ended += 1
                terminal = codes(raw_info["terminal_observation"][None])[0]
                np.testing.assert_allclose(info["terminal_observation"], terminal, atol=1e-6)
    assert ended == 3  # at steps 3 and 6 of the first, 5 of the second


def test_one_batched_pass_a_step_with_terminal_observations_in_it():
    spy = SpyEncoder()
    venv = LatentVecEnv(bare(), spy)
    venv.reset()
    for _ in range(6):
        venv.step(actions())
    assert spy.batches == [2, 2, 2, 3, 2, 3, 3]  # one episode ends at steps 3, 5 and 6


def test_a_group_of_any_encoder_can_be_chosen():
    assert isinstance(SpyEncoder(), Encoder)
    all_codes = LatentVecEnv(bare(), SpyEncoder()).reset()
    last = LatentVecEnv(bare(), SpyEncoder(), latents="last")
    assert last.observation_space.shape == (1,)
    assert np.array_equal(last.reset(), all_codes[:, 2:])


def test_standardising_leaves_inactive_latents_small():
    mean, std = [100.0, 120.0, 127.0], [40.0, 20.0, 0.001]
    codes = LatentVecEnv(bare(), SpyEncoder()).reset()
    venv = LatentVecEnv(bare(), SpyEncoder((mean, std)))
    expected = (codes - np.array(mean)) / np.array([40.0, 20.0, 4.0])  # 4 = 0.1 * 40
    np.testing.assert_allclose(venv.reset(), expected, rtol=1e-5)
    last = LatentVecEnv(bare(), SpyEncoder((mean, std)), latents="last")
    np.testing.assert_allclose(last.reset(), expected[:, 2:], rtol=1e-5)


@pytest.mark.parametrize(
    ("statistics", "says"),
    [
        (None, "this encoder has none; give standardise=False"),
        (([0.0] * 3, [0.0] * 3), "no active latent"),
        (([0.0] * 3, [1.0, np.nan, 1.0]), "no active latent"),
        (([0.0], [1.0]), "3 latents and statistics of shape"),
    ],
)
def test_standardising_needs_usable_statistics(statistics, says):
    LatentVecEnv(bare(), SpyEncoder(statistics), standardise=False)
    with pytest.raises(ValueError, match=says):
        LatentVecEnv(bare(), SpyEncoder(statistics))


def test_a_vae_reads_its_statistics_from_its_folder(vae, tmp_path):
    trained = BetaVAE(CONFIG)
    trained.meta["statistics"] = {"mean": [1.0, 2.0, 3.0, 4.0], "std": [1.0, 0.5, 0.25, 0.01]}
    loaded = BetaVAE.load(trained.save(tmp_path / "vae"))
    venv = LatentVecEnv(bare(), loaded, latents="style")
    mu = LatentVecEnv(bare(), loaded, latents="all", standardise=False).reset()
    np.testing.assert_allclose(venv.reset(), (mu[:, 3:] - 4.0) / 0.1, rtol=1e-5)


class RenewingVecEnv(DummyVecEnv):
    """Makes a new list of infos at each step, as SubprocVecEnv does."""

    def step_wait(self) -> Any:
        self.reset_infos = list(self.reset_infos)
        return super().step_wait()


def test_reset_infos_are_those_of_the_environments():
    below = RenewingVecEnv([partial(NoiseEnv, length=length) for length in LENGTHS])
    venv = LatentVecEnv(VecMonitor(below), SpyEncoder())  # VecMonitor keeps none
    venv.reset()
    assert venv.reset_infos == [{"episode": 1}, {"episode": 1}]
    for _ in range(3):
        venv.step(actions())
    assert venv.reset_infos == [{"episode": 2}, {"episode": 1}]


def test_the_newest_pictures_are_kept_and_can_be_encoded_anew(vae):
    venv: Any = LatentVecEnv(bare(), vae)
    below: Any = bare()
    assert venv.raw is None
    assert np.array_equal(venv.encode(below.reset()), venv.reset())
    for _ in range(3):
        codes = venv.step(actions())[0]
        assert np.array_equal(venv.raw, below.step(actions())[0])
        np.testing.assert_allclose(venv.encode(venv.raw), codes, atol=1e-6)


def test_a_million_transitions_as_32_latents_take_less_than_0_3_gb():
    code = gym.spaces.Box(-np.inf, np.inf, (32,), np.float32)
    capacity, n_envs = 64, 8
    action = gym.spaces.Box(-1, 1, (2,), np.float32)
    picture = gym.spaces.Box(0, 255, (3, 64, 64), np.uint8)

    def gigabytes(space: gym.Space[Any]) -> float:
        buffer = ReplayBuffer(capacity, space, action, n_envs=n_envs)
        arrays = [value for value in vars(buffer).values() if isinstance(value, np.ndarray)]
        assert buffer.buffer_size * n_envs == capacity
        return sum(array.nbytes for array in arrays) / capacity * 1e6 / 1e9

    assert gigabytes(code) == pytest.approx(0.276)  # two codes of 128 bytes, and 20 bytes
    assert gigabytes(picture) == pytest.approx(24.6, abs=0.05)


def test_what_does_not_fit_is_refused_at_construction():
    big = VAEConfig(shape=(3, 64, 64), latent_dim=4, channels=(8, 8, 8), hidden=16)
    with pytest.raises(ValueError, match=r"trained on .*\(3, 64, 64\).*\(32, 32, 3\)"):
        LatentVecEnv(bare(), BetaVAE(big))
    with pytest.raises(ValueError, match="no latent group 'colour'"):
        LatentVecEnv(bare(), BetaVAE(CONFIG), latents="colour")
    with pytest.raises(ValueError, match="no VAE at nowhere"):
        LatentVecEnv(bare(), "nowhere")
    with pytest.raises(TypeError, match=r"vae must be a BetaVAE, .* got int"):
        LatentVecEnv(bare(), 3)


def test_ppo_learns_the_same_on_latents_as_with_the_extractor(vae, tmp_path):
    kwargs = policy_kwargs(vae.save(tmp_path / "vae"), net_arch=[8])
    common: dict[str, Any] = {"n_steps": 8, "batch_size": 8, "n_epochs": 2, "seed": 0}
    frames = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), np.uint8)
    latent_env = LatentVecEnv(bare(), vae)
    codes = latent_env.encode(frames)
    on_images = PPO("CnnPolicy", bare(), policy_kwargs=kwargs, **common)
    before = on_images.predict(frames, deterministic=True)[0]
    expected = on_images.learn(32).predict(frames, deterministic=True)[0]
    on_latents = PPO("MlpPolicy", latent_env, policy_kwargs={"net_arch": [8]}, **common)
    # equal heads to start with, because the extractor draws no random numbers
    np.testing.assert_allclose(on_latents.predict(codes, deterministic=True)[0], before, atol=1e-6)
    actual = on_latents.learn(32).predict(codes, deterministic=True)[0]
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert np.abs(expected - before).max() > 1e-3  # it did learn


@pytest.mark.parametrize(("channels", "stack"), [(4, 3), (1, 3), (2, 3)])
def test_stacks_that_only_add_up_to_the_channels_are_refused(channels, stack):
    env = NoiseEnv()
    env.observation_space = gym.spaces.Box(0, 255, (32, 32, channels), np.uint8)
    venv = VecFrameStack(DummyVecEnv([lambda: env]), stack)
    with pytest.raises(ValueError, match=f"said to hold {stack} frames each, which are not"):
        LatentVecEnv(venv, BetaVAE(CONFIG))


def test_an_agent_on_codes_without_its_environment_says_where_the_encoder_is(
    tmp_path: Path,
) -> None:
    PPO("MlpPolicy", LatentVecEnv(make_env(), make_vae()), **SETTINGS[PPO]).save(tmp_path / "agent")
    loaded = PPO.load(tmp_path / "agent")
    with pytest.raises(ValueError, match=r"load it with env=.*LatentVecEnv\(venv"):
        inspect(loaded)
    with pytest.raises(ValueError, match=r"load it with env=LatentVecEnv"):
        take_encoder(loaded)


def test_codes_are_not_encoded_once_more() -> None:
    latent_env = LatentVecEnv(make_env(), make_vae())
    with pytest.raises(ValueError, match="encoded these observations already; leave policy_kwargs"):
        PPO("MlpPolicy", latent_env, policy_kwargs=policy_kwargs(make_vae()), **SETTINGS[PPO])
