"""Agents and callbacks of the tests of fine-tuning during a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stable_baselines3 import DQN

from bvae_rl.sb3 import (
    BetaVAECombinedExtractor,
    BetaVAEExtractor,
    OnlineBetaVAE,
    policy_kwargs,
)
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.schedules import Linear
from tests.plug_cases import build, make_env

TUNE = FineTuneConfig(gradient_steps=2, batch_size=16, learning_rate=1e-2, max_move=1.0)
BETA = Linear(0.0, 1.0, 100)


def on_pictures(algorithm: Any, folder: Path, form: str = "bytes", **more: Any) -> Any:
    mode = more.pop("mode", "online")
    extractor = BetaVAECombinedExtractor if form == "dict" else BetaVAEExtractor
    kwargs = policy_kwargs(
        folder, mode=mode, net_arch=[8], extractor=extractor, stacked=3 if form == "stack" else 1
    )
    env = more.pop("env", None) or make_env(form, discrete=algorithm is DQN)
    return build(algorithm, env, **kwargs | more)


def tuning(vae: Any, **more: Any) -> OnlineBetaVAE:
    return OnlineBetaVAE(vae, **{"beta": BETA, "train_freq": 8, "config": TUNE} | more)
