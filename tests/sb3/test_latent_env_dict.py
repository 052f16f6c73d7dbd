"""Dict observations: pictures become codes under their keys, vectors stay."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecFrameStack,
    VecTransposeImage,
)

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import LatentVecEnv
from tests.plug_cases import make_vae
from tests.sb3.test_several_pictures import robots, taking

LENGTHS = (3, 5)  # of the episodes of the two environments, so that they end apart
PICTURE = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
VECTOR = gym.spaces.Box(-1, 1, (2,), np.float32)
SPACE = gym.spaces.Dict([("wrist", PICTURE), ("joints", VECTOR), ("camera", PICTURE)])


class TwoCameras(gym.Env[dict[str, np.ndarray], np.ndarray]):
    """Noise in two pictures, and a vector; the keys are not in alphabetical order."""

    observation_space = SPACE
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, length: int) -> None:
        self.length = length

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps = 0
        return self.observation(), {}

    def step(self, action: np.ndarray):
        self.steps += 1
        return self.observation(), float(action[0]), False, self.steps >= self.length, {}

    def observation(self) -> dict[str, np.ndarray]:
        noise = self.np_random
        return {
            "wrist": noise.integers(0, 256, (32, 32, 3), np.uint8),
            "joints": noise.uniform(-1, 1, 2).astype(np.float32),
            "camera": noise.integers(0, 256, (32, 32, 3), np.uint8),
        }


@pytest.fixture(scope="module")
def vae() -> BetaVAE:
    return make_vae()


def bare(make: Callable[..., VecEnv] = DummyVecEnv) -> VecEnv:
    venv = make([partial(TwoCameras, length) for length in LENGTHS])
    venv.seed(0)
    return venv


def actions() -> np.ndarray:
    return np.zeros((len(LENGTHS), 1), np.float32)


WRAPPINGS: dict[str, Callable[[], VecEnv]] = {
    "bytes": bare,
    "channels first": lambda: VecTransposeImage(bare()),
    "stack": lambda: VecFrameStack(bare(), 3),
    "stack, channels first": lambda: VecFrameStack(VecTransposeImage(bare()), 3),
    "processes": partial(bare, partial(SubprocVecEnv, start_method="fork")),
}


def counted(vae: BetaVAE, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    batches: list[int] = []
    plain = vae.encode_frames

    def spy(frames: np.ndarray) -> np.ndarray:
        batches.append(len(frames))
        return plain(frames)

    monkeypatch.setattr(vae, "encode_frames", spy)
    return batches


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_pictures_become_codes_and_vectors_stay(vae, wrapping):
    stack = 3 if "stack" in wrapping else 1
    latent: Any = LatentVecEnv(WRAPPINGS[wrapping](), vae, latents="all", standardise=False)
    raw: Any = WRAPPINGS[wrapping]()

    def expected(observations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        result = dict(observations)
        for key in ("wrist", "camera"):
            last = observations[key]
            if "first" in wrapping:
                last = last.transpose(0, 2, 3, 1)
            parts = [vae.encode_frames(part) for part in np.split(last, stack, axis=-1)]
            result[key] = np.concatenate(parts, axis=1)
        return result

    def same(actual: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
        assert list(actual) == list(wanted)
        for key, value in actual.items():
            assert value.dtype == np.float32
            np.testing.assert_allclose(value, wanted[key], atol=1e-6)

    code = gym.spaces.Box(-np.inf, np.inf, (stack * 4,), np.float32)
    assert list(latent.observation_space.spaces) == list(raw.observation_space.spaces)
    assert latent.observation_space["wrist"] == latent.observation_space["camera"] == code
    assert latent.observation_space["joints"].shape == (stack * 2,)
    same(latent.reset(), expected(raw.reset()))
    ended = 0
    for _ in range(6):
        observations, _, dones, infos = latent.step(actions())
        raw_observations, _, raw_dones, raw_infos = raw.step(actions())
        same(observations, expected(raw_observations))
        assert np.array_equal(dones, raw_dones)
        same(latent.encode(latent.raw), observations)
        for key, value in raw_observations.items():
            assert np.array_equal(latent.raw[key], value)
        for info, raw_info in zip(infos, raw_infos, strict=True):
            if "terminal_observation" in raw_info:
                ended += 1
                last = {k: v[None] for k, v in raw_info["terminal_observation"].items()}
                terminal = {k: v[None] for k, v in info["terminal_observation"].items()}
                same(terminal, expected(last))
    assert ended == 3
    latent.close()
    raw.close()


def test_one_pass_for_all_pictures_of_all_environments(vae, monkeypatch):
    batches = counted(vae, monkeypatch)
    venv: Any = LatentVecEnv(bare(), vae)
    assert list(venv.observation_space.spaces) == ["wrist", "joints", "camera"]
    venv.reset()
    for _ in range(6):
        venv.step(actions())
    assert batches == [4, 4, 4, 6, 4, 6, 6]  # two pictures each; ends at steps 3, 5 and 6


def test_a_group_of_the_latents_in_every_picture(vae):
    venv: Any = LatentVecEnv(bare(), vae, latents="style")
    everything: Any = LatentVecEnv(bare(), vae, latents="all").reset()
    observations: Any = venv.reset()
    assert venv.observation_space["camera"].shape == (1,)
    np.testing.assert_allclose(observations["camera"], everything["camera"][:, 3:], atol=1e-6)


class Other(TwoCameras):
    """The same environment, said to show ``space``."""

    def __init__(self, space: gym.Space[Any]) -> None:
        super().__init__(3)
        self.observation_space = space


@pytest.mark.parametrize(
    ("space", "says"),
    [
        (gym.spaces.Dict(joints=VECTOR), "picture"),
        (
            gym.spaces.Dict(camera=gym.spaces.Box(0, 255, (64, 64, 3), np.uint8), joints=VECTOR),
            r"trained on .*\(3, 32, 32\).*\(64, 64, 3\)",
        ),
        (gym.spaces.Dict(camera=gym.spaces.Box(-1, 1, (32, 32, 3), np.float32)), "true bounds"),
    ],
)
def test_a_dict_that_does_not_fit_is_refused_at_construction(vae, space, says):
    with pytest.raises(ValueError, match=says):
        LatentVecEnv(DummyVecEnv([lambda: Other(space)]), vae)


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_multi_input_policies_learn_on_it(vae, algorithm):
    settings: dict[str, Any] = {"n_steps": 8, "batch_size": 8, "n_epochs": 1}
    if algorithm is SAC:
        settings = {"learning_starts": 8, "batch_size": 8, "buffer_size": 64}
    venv: Any = LatentVecEnv(bare(), vae)
    model = algorithm("MultiInputPolicy", venv, policy_kwargs={"net_arch": [8]}, seed=0, **settings)
    before = model.predict(venv.reset(), deterministic=True)[0]
    assert model.policy.features_extractor_class.__name__ == "CombinedExtractor"
    model.learn(32)
    assert not np.array_equal(model.predict(venv.encode(venv.raw), deterministic=True)[0], before)


def test_the_cure_for_other_codes_can_be_obeyed() -> None:
    vae = taking(3, 32, 32, seed=3)
    latent_env = LatentVecEnv(robots(), vae, keys=["front"], frame_stack=2)
    line = latent_env.made_by().replace("<BetaVAE>", "vae")
    again = eval(line, {"LatentVecEnv": LatentVecEnv, "venv": robots(), "vae": vae})
    assert again.observation_space == latent_env.observation_space
    one = LatentVecEnv(robots(), vae, keys=["front"])
    assert one.codes != latent_env.codes
