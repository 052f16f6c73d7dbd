"""ONNX files under onnxruntime against torch: the same codes and the same actions."""

from __future__ import annotations

import logging
import pickle
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from torch.distributions import Distribution

from bvae_rl.data.pictures import resize
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import policy_kwargs
from bvae_rl.sb3.combined import BetaVAECombinedExtractor
from bvae_rl.sb3.export import export_encoder, export_policy

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

CONFIG = VAEConfig(
    shape=(3, 32, 32),
    latent_dim=4,
    groups={"content": (0, 3), "style": (3, 4)},
    channels=(8, 8, 8),
    hidden=16,
    channel_order="BGR",
)
PATCHES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
FRAMES = PATCHES.repeat(8, axis=1).repeat(8, axis=2)  # an encoder averages finer noise away
CHANNELS_LAST = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
ROOM = gym.spaces.Box(np.float32([-3, 1]), np.float32([1, 2]))  # lopsided, so that scale shows
SETTINGS: dict[type[BaseAlgorithm], dict[str, Any]] = {
    PPO: {"n_steps": 8, "batch_size": 4},
    SAC: {"buffer_size": 4},
    TD3: {"buffer_size": 4},
    DQN: {"buffer_size": 4},
}


class StillEnv(gym.Env[Any, Any]):
    """Only its spaces matter."""

    def __init__(self, observation: gym.Space[Any], action: gym.Space[Any] = ROOM) -> None:
        self.observation_space, self.action_space = observation, action


@pytest.fixture
def vae() -> BetaVAE:
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG)
    torch.nn.init.normal_(vae.encoder[-1].weight)  # codes as wide as a trained encoder's
    vae.meta["statistics"] = {"mean": [0.1, 0.2, 0.3, 0.4], "std": [1.0, 2.0, 0.5, 3.0]}
    return vae


@pytest.fixture
def kwargs(vae: BetaVAE) -> dict[str, Any]:
    return policy_kwargs(vae, channel_order="BGR", net_arch=[8, 8])


def run(path: Path, **inputs: np.ndarray) -> np.ndarray:
    (output,) = onnxruntime.InferenceSession(path).run(None, inputs)
    return output


def assert_same_actions(model: BaseAlgorithm, path: Path, observation: Any, **how: bool) -> None:
    """For batches of 5 and of 1, after drawing heads with which the actions differ."""
    with torch.no_grad():
        for name, weights in model.policy.named_parameters():
            if "encoder" not in name:
                weights.normal_() if weights.ndim == 2 else weights.zero_()
    export_policy(model, path, **how)
    inputs = observation if isinstance(observation, dict) else {"observation": observation}
    expected, _ = model.predict(observation, deterministic=True)
    for n in (5, 1):
        got = run(path, **{key: value[:n] for key, value in inputs.items()})
        assert got.dtype == expected.dtype and got.shape == expected[:n].shape
        np.testing.assert_allclose(got, expected[:n], atol=1e-5)
    assert len(np.unique(expected, axis=0)) > 1


def test_the_encoder_gives_the_codes_of_encode_frames(vae, tmp_path):
    path = export_encoder(vae, tmp_path / "new" / "encoder.onnx", latents="style")
    expected = vae.encode_frames(FRAMES)[:, 3:4]
    assert np.ptp(expected) > 0.01
    for n in (5, 1):
        got = run(path, frames=FRAMES[:n])
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected[:n], atol=1e-5)
    about = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    assert about == {"channel_order": "BGR", "latents": "style"}
    assert [file.name for file in path.parent.iterdir()] == ["encoder.onnx"]  # weights are inside


@pytest.mark.parametrize("algorithm", [PPO, SAC, TD3, DQN])
def test_a_policy_gives_the_actions_of_predict(algorithm, kwargs, tmp_path):
    env = StillEnv(CHANNELS_LAST, gym.spaces.Discrete(50) if algorithm is DQN else ROOM)
    model = algorithm("CnnPolicy", env, policy_kwargs=kwargs, seed=0, **SETTINGS[algorithm])
    assert_same_actions(model, tmp_path / "policy.onnx", FRAMES)


def test_a_channels_first_stack_is_taken_as_it_is(kwargs, tmp_path):
    space = gym.spaces.Box(0, 255, (9, 32, 32), np.uint8)
    kwargs["features_extractor_kwargs"]["stacked"] = 3
    model = PPO("CnnPolicy", StillEnv(space), policy_kwargs=kwargs, seed=0, **SETTINGS[PPO])
    frames = FRAMES.transpose(0, 3, 1, 2)
    stacks = np.concatenate([frames, frames[::-1], frames], axis=1)
    assert_same_actions(model, tmp_path / "policy.onnx", stacks, channels_first=True)


def test_a_float_picture_stays_as_the_space_has_it(kwargs, tmp_path):
    space = gym.spaces.Box(0, 1, (32, 32, 3), np.float32)
    kwargs["features_extractor_kwargs"] |= {"mode": "policy", "step_size": 0.5}
    model = PPO("CnnPolicy", StillEnv(space), policy_kwargs=kwargs, seed=0, **SETTINGS[PPO])
    for offset in model.policy.features_extractor.encoder.offsets:
        torch.nn.init.normal_(offset, std=0.01)
    assert_same_actions(model, tmp_path / "policy.onnx", FRAMES.astype(np.float32) / 255)


def test_a_dict_observation_is_one_input_per_key(kwargs, tmp_path):
    space = gym.spaces.Dict(
        front=CHANNELS_LAST, side=CHANNELS_LAST, speed=gym.spaces.Box(-9, 9, (2,), np.float32),
        gear=gym.spaces.Discrete(3),
    )  # fmt: skip
    kwargs["features_extractor_class"] = BetaVAECombinedExtractor
    model = PPO(
        "MultiInputPolicy", StillEnv(space, gym.spaces.MultiDiscrete([3, 4])),
        policy_kwargs=kwargs, seed=0, **SETTINGS[PPO],
    )  # fmt: skip
    rng = np.random.default_rng(1)
    observation = {
        "front": FRAMES,
        "side": FRAMES[::-1],
        "speed": rng.uniform(-9, 9, (5, 2)).astype(np.float32),
        "gear": rng.integers(0, 3, 5),
    }
    assert_same_actions(model, tmp_path / "policy.onnx", observation)


def test_exporting_is_silent_and_leaves_no_trace(kwargs, capfd, caplog, tmp_path):
    model = SAC("CnnPolicy", StillEnv(CHANNELS_LAST), policy_kwargs=kwargs, **SETTINGS[SAC])
    checks, filters = Distribution._validate_args, list(warnings.filters)
    level, state = logging.getLogger("torch.onnx").level, torch.get_rng_state()
    capfd.readouterr()
    export_policy(model, tmp_path / "policy.onnx")
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert Distribution._validate_args is checks and warnings.filters == filters
    assert logging.getLogger("torch.onnx").level == level
    assert torch.equal(torch.get_rng_state(), state)
    pickle.dumps(model.policy)  # raises if the policy has kept a tensor of the tracing


def refused(model: Any, path: Path, *, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        export_policy(model, path)
    assert not path.exists()


def test_policies_that_need_more_than_an_observation_are_refused(tmp_path):
    contrib = pytest.importorskip("sb3_contrib")
    env = StillEnv(gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(2))
    recurrent = contrib.RecurrentPPO("MlpLstmPolicy", env, **SETTINGS[PPO])
    masked = contrib.MaskablePPO("MlpPolicy", env, **SETTINGS[PPO])
    path = tmp_path / "policy.onnx"
    refused(recurrent, path, error=ValueError, match="is recurrent: .* export_encoder")
    refused(masked, path, error=ValueError, match="would not know the mask")


def test_other_things_are_refused(vae, kwargs, monkeypatch, tmp_path):
    path = tmp_path / "policy.onnx"
    refused(vae, path, error=TypeError, match="got BetaVAE; a VAE goes to export_encoder")
    with pytest.raises(ValueError, match="no latent group 'colour'"):
        export_encoder(vae, path, latents="colour")
    kwargs["features_extractor_kwargs"]["checkpoint"] = None
    empty = PPO("CnnPolicy", StillEnv(CHANNELS_LAST), policy_kwargs=kwargs, **SETTINGS[PPO])
    refused(empty, path, error=ValueError, match="encoder has no weights: no checkpoint was given")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"'onnxscript'.*bvae-rl\[onnx\]"):
        export_encoder(vae, path)
    assert not path.exists()


@pytest.mark.parametrize("algorithm", [PPO, DQN])
def test_a_policy_that_resizes_is_exported_before_it_has_acted(algorithm, tmp_path):
    vae = BetaVAE(replace(CONFIG, native=(3, 48, 40)))
    env = StillEnv(
        gym.spaces.Box(0, 255, (48, 40, 3), np.uint8),
        gym.spaces.Discrete(5) if algorithm is DQN else ROOM,
    )
    kwargs = policy_kwargs(vae, standardise=False, channel_order="BGR", net_arch=[8])
    model = algorithm("CnnPolicy", env, policy_kwargs=kwargs, seed=0, **SETTINGS[algorithm])
    resize._averages.cache_clear()  # as in a new process
    export_policy(model, tmp_path / "policy.onnx")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 48, 40, 3), np.uint8)
    expected, _ = model.predict(pictures, deterministic=True)
    np.testing.assert_allclose(
        run(tmp_path / "policy.onnx", observation=pictures), expected, atol=1e-5
    )
