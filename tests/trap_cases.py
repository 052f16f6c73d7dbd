"""Agents of a few weights for the tests of traps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import BetaVAECombinedExtractor, BetaVAEExtractor, policy_kwargs
from tests.plug_cases import PLAIN, NoiseEnv

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)
REPLAY = {"learning_starts": 4, "batch_size": 4, "buffer_size": 20, "train_freq": 1}
ONE_STEP: dict[type[BaseAlgorithm], tuple[int, dict[str, Any]]] = {  # of the optimizer
    PPO: (8, {"n_steps": 8, "batch_size": 8, "n_epochs": 1}),
    A2C: (4, {"n_steps": 4}),
    SAC: (5, REPLAY),
    TD3: (5, REPLAY | {"policy_delay": 1}),
    DQN: (5, REPLAY | {"target_update_interval": 1}),
}


def small_vae() -> BetaVAE:
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG).eval()
    vae.meta["statistics"] = PLAIN
    return vae


def build(
    algorithm: type[BaseAlgorithm],
    folder: Path,
    *,
    kind: str = "bytes",
    venv: VecEnv | None = None,
    share: bool | None = None,
    settings: dict[str, Any] | None = None,
    **arguments: Any,
) -> Any:
    one = "arm" not in kind
    arguments["extractor"] = BetaVAEExtractor if one else BetaVAECombinedExtractor
    kwargs = policy_kwargs(folder, net_arch=[8], **arguments)
    if share is not None:
        kwargs["share_features_extractor"] = share
    venv = venv or DummyVecEnv([lambda: NoiseEnv(kind, discrete=algorithm is DQN)])
    contrib = {} if settings else REPLAY
    hyperparameters = ONE_STEP.get(algorithm, (0, contrib))[1] | (settings or {})
    policy = "CnnPolicy" if one else "MultiInputPolicy"
    return algorithm(policy, venv, policy_kwargs=kwargs, seed=0, **hyperparameters)
