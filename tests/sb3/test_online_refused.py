"""What fine-tuning during a training refuses, before a step of it, and what may stand beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.vec_env import (
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
)

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import (
    LatentVecEnv,
    OnlineBetaVAE,
    policy_kwargs,
)
from bvae_rl.training.schedules import Constant
from tests.online_cases import BETA, on_pictures, tuning
from tests.plug_cases import build, make_env, make_vae, noise


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> Path:
    return vae.save(tmp_path / "vae")


def unstored(folder: Path) -> Path:
    """The folder without the decoder's tensors."""
    weights = save(
        {n: w for n, w in load_file(folder / "model.safetensors").items() if n[0] == "e"}
    )
    (folder / "model.safetensors").write_bytes(weights)
    config = json.loads((folder / "config.json").read_text())
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_vae_without_its_decoder_is_refused(folder):
    with pytest.raises(ValueError, match=r"model\.safetensors lacks the decoder"):
        OnlineBetaVAE(unstored(folder), beta=BETA)


def test_another_encoder_than_a_vae_is_refused():
    pca = PCAEncoder.fit(noise(np.random.default_rng(0), 20), 4, seed=0)
    with pytest.raises(TypeError, match=r"BetaVAE with its decoder.*got PCAEncoder"):
        OnlineBetaVAE(pca, beta=BETA)


def test_frames_of_another_shape_are_refused(folder, tmp_path):
    store = FrameStore(tmp_path / "frames")
    store.append(Frames(np.zeros((2, 64, 64, 3), np.uint8), np.arange(2), np.arange(2)))
    with pytest.raises(ValueError, match=r"\(3, 64, 64\), the VAE takes \(3, 32, 32\)"):
        OnlineBetaVAE(folder, beta=BETA, old=store)
    with pytest.raises(ValueError, match=r"got mix=0\.5 and no store"):
        OnlineBetaVAE(folder, beta=BETA, mix=0.5)


SAVING = {
    "optimize_memory_usage": True,
    "replay_buffer_kwargs": {"handle_timeout_termination": False},
}
REFUSED: dict[str, tuple[Any, str]] = {
    "no encoder": (lambda f, v: PPO("MlpPolicy", make_env()), "no Beta-VAE encoder to fine-tune"),
    "frozen": (lambda f, v: on_pictures(PPO, f, mode="frozen"), "built with mode='frozen'"),
    "policy": (lambda f, v: on_pictures(SAC, f, mode="policy"), "built with mode='policy'"),
    "another VAE": (
        lambda f, v: on_pictures(PPO, make_vae(1).save(f)),
        "not that of the VAE to fine-tune",
    ),
    "memory": (
        lambda f, v: SAC(
            "CnnPolicy",
            make_env(n=1),
            policy_kwargs=policy_kwargs(f, mode="online"),
            buffer_size=20,
            **SAVING,
        ),
        "optimize_memory_usage=True some of them are overwritten",
    ),
    "trap 30, SAC": (
        lambda f, v: build(SAC, LatentVecEnv(make_env(), v)),
        "holds latents, which go stale",
    ),
    "trap 30, Dict": (
        lambda f, v: build(DQN, LatentVecEnv(make_env("dict", discrete=True), v)),
        "holds latents, which go stale",
    ),
    "normalised": (
        lambda f, v: build(PPO, VecNormalize(LatentVecEnv(make_env(), v))),
        r"wrapper above LatentVecEnv.*VecNormalize\(norm_obs=True\)",
    ),
    "stacked": (
        lambda f, v: build(PPO, VecFrameStack(LatentVecEnv(make_env(), v), 2)),
        "wrapper above LatentVecEnv changes its observations",
    ),
    "another VAE below": (
        lambda f, v: build(PPO, LatentVecEnv(make_env(), make_vae(1))),
        "LatentVecEnv must encode with the VAE to fine-tune: give both the same",
    ),
    "PCA below": (
        lambda f, v: build(
            PPO,
            LatentVecEnv(make_env(), PCAEncoder.fit(noise(np.random.default_rng(0), 9), 4, seed=0)),
        ),
        r"differ in type \(PCAEncoder\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_models_that_cannot_be_fine_tuned_are_refused_before_a_step(case, folder, vae):
    make, says = REFUSED[case]
    model = make(folder, vae)
    with pytest.raises(ValueError, match=says):
        model.learn(16, callback=tuning(vae))
    assert model.num_timesteps == 0


def test_wrappers_that_leave_codes_alone_may_stand_above(vae):
    env = VecNormalize(VecMonitor(LatentVecEnv(VecTransposeImage(make_env()), vae)), norm_obs=False)
    online = tuning(vae)
    build(PPO, env).learn(32, callback=online)
    assert len(online.history) == 1


def test_what_is_no_schedule_and_no_store_is_refused(folder):
    with pytest.raises(TypeError, match="a number or a schedule over environment steps"):
        OnlineBetaVAE(folder, beta="1.0")
    assert OnlineBetaVAE(folder, beta=0).beta == Constant(0.0)
    with pytest.raises(ValueError, match="no frame store at nowhere"):
        OnlineBetaVAE(folder, beta=Constant(1.0), old="nowhere")


def test_an_encoder_that_was_never_updated_is_told(folder, caplog):
    model = build(PPO, make_env(), **policy_kwargs(folder, mode="online", net_arch=[8]))
    model.learn(16, callback=OnlineBetaVAE(folder, beta=Constant(1.0), train_freq=1000))
    assert "not updated yet" in caplog.text and "every train_freq=1000 steps" in caplog.text
