"""What is given is of the right kind, or refused with the line to write; blank frames are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

import bvae_rl
from bvae_rl.data.coverage.figures import FACTORS, Coverage
from bvae_rl.data.coverage.of_store import advice
from bvae_rl.data.factor_wrapper import FactorWrapper
from bvae_rl.metrics import MetricReport
from bvae_rl.models import hub
from bvae_rl.sb3 import LatentVecEnv, policy_kwargs, to_image_policy
from bvae_rl.training.train_config import TrainConfig
from tests.plug_cases import NoiseEnv, build, make_env, make_vae

NOISE = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3), np.uint8)
TRAIN = TrainConfig(batch_size=8, log_freq=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"harden": None}, "harden is None, a NoneType; write harden='none'"),
        ({"harden": False}, "write harden='none'"),
        ({"train": {"batch_size": 8}}, r"write train=TrainConfig\(batch_size=64\)"),
        ({"callbacks": print}, r"write callbacks=\[function\]"),
        ({"config": {"latent_dim": 3}}, "config=bvae_rl.VAEConfig"),
        ({"recipe": None}, "recipe='auto'"),
        ({"objective": "plain"}, "recipe='plain' for one by its name"),
        ({"weighting": 10}, r"weighting is 10, a int; write weighting='rare', or Weighting"),
    ],
)
def test_another_kind_is_refused_before_frames_are_written(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=message):
        bvae_rl.pretrain(NOISE, out=tmp_path / "vae", steps=1, **given)
    assert not (tmp_path / "vae").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"precision": "bf16"}, "unknown precision 'bf16'; known: auto, float32, bfloat16"),
        ({"compile": "off"}, "compile is 'auto', True or False, got 'off'"),
        ({"batch_size": 64.0}, r"batch_size must be a positive multiple of 4 images, got 64\.0"),
        ({"log_freq": 2.5}, r"log_freq must be a whole number of at least 1, got 2\.5"),
    ],
)
def test_a_setting_that_is_misspelt_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**given)


def test_other_doors_say_what_to_write() -> None:
    vae = make_vae()
    for wrong in ({"net_arch": 64}, {"keys": "front"}):
        with pytest.raises(TypeError, match=r"net_arch=\[256, 256\] and keys=\['front'\]"):
            policy_kwargs(vae, **wrong)
    with pytest.raises(ValueError, match="whole number, at least 1, got '4'"):
        policy_kwargs(vae, stacked="4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got no VAE"):
        policy_kwargs({})
    with pytest.raises(TypeError, match=r"VariedEnv\(gymnasium.make"):
        bvae_rl.VariedEnv("CarRacing-v3", "colour")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"FactorSpec\('x'\)"):
        MetricReport(np.zeros((20, 1)), ["x"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"FactorSpec\('x'\)"):
        FactorWrapper(NoiseEnv(), ["x"], read=lambda env: [0.0])  # type: ignore[list-item]
    model = build(PPO, LatentVecEnv(make_env(), vae))
    with pytest.raises(TypeError, match="the LatentVecEnv of the policy, got NoiseEnv"):
        to_image_policy(model, NoiseEnv())  # type: ignore[arg-type]


def test_pictures_that_were_stacked_side_by_side_are_told() -> None:
    space = gym.spaces.Box(0, 255, (32, 128), np.uint8)
    with pytest.raises(ValueError, match=r"side by side, as VecFrameStack .*keep_dim=True"):
        bvae_rl.data.pictures.frame_layout.FrameLayout.of(space, stacked=4)


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (np.full((60, 16, 16, 3), 7, np.uint8), "show the same picture"),
        (NOISE % 3, "nearly black, 2 of 255 at their brightest"),
        (NOISE, ""),
    ],
)
def test_blank_frames_are_told_before_the_training(
    frames: np.ndarray, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bvae_rl.pretrain(frames, out=tmp_path, steps=1, harden="none", train=TRAIN, verbose=0)
    blank = [one.getMessage() for one in caplog.records if one.name.endswith("data.blank")]
    assert len(blank) == bool(says)
    assert all(says in text for text in blank)


def test_a_vae_in_memory_stays_there_when_it_is_uploaded() -> None:
    vae = make_vae()
    assert vae.folder is None and "config.json" in hub._files(vae)
    assert vae.folder is None


def test_frames_of_an_agent_alone_are_told_what_else_shows_more() -> None:
    poor = Coverage(
        frames=100, of=FACTORS, evenness=0.1, seen=0.1, pairs=0.1, same=0.1, pictures=2.0,
        effective=1.0, each={},
    )  # fmt: skip
    (line,) = advice(poor, "agent")
    assert line.endswith("beside those of the agent show more (collect --policy mixed)")
