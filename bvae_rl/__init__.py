"""Disentangled visual representations for Stable-Baselines3.

A Beta-VAE is pretrained on an environment's frames and becomes a features extractor for SB3. What a
user needs stands here, and each name is imported when it is first used:

    import bvae_rl

    model = PPO("CnnPolicy", env, policy_kwargs=bvae_rl.policy_kwargs("runs/vae"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bvae_rl import metrics
    from bvae_rl.data.factor_wrapper import FactorWrapper
    from bvae_rl.data.factors import FactorSpec
    from bvae_rl.data.frame_store import FrameStore
    from bvae_rl.data.readers.importing import import_frames
    from bvae_rl.data.sources import collect
    from bvae_rl.data.view import framed
    from bvae_rl.models.hub import find_vae, from_pretrained, push_to_hub
    from bvae_rl.models.vae import BetaVAE
    from bvae_rl.models.vae_config import VAEConfig
    from bvae_rl.sb3.check_codes import check_codes
    from bvae_rl.sb3.combined import BetaVAECombinedExtractor
    from bvae_rl.sb3.convert import to_image_policy, to_latent_policy
    from bvae_rl.sb3.copies import inspect
    from bvae_rl.sb3.encoder_life import load_encoder, set_mode, take_encoder
    from bvae_rl.sb3.extractor import BetaVAEExtractor, policy_kwargs
    from bvae_rl.sb3.latent_env import LatentVecEnv
    from bvae_rl.sb3.online import OnlineBetaVAE
    from bvae_rl.sb3.own_encoder import OwnEncoder
    from bvae_rl.sb3.swap import swap_encoder
    from bvae_rl.training.augment.varied_env import VariedEnv
    from bvae_rl.training.hardening.harden import harden
    from bvae_rl.training.pretrain import pretrain

__version__ = "0.1.0"
__all__ = [
    "BetaVAE",
    "BetaVAECombinedExtractor",
    "BetaVAEExtractor",
    "FactorSpec",
    "FactorWrapper",
    "FrameStore",
    "LatentVecEnv",
    "OnlineBetaVAE",
    "OwnEncoder",
    "VAEConfig",
    "VariedEnv",
    "check_codes",
    "collect",
    "find_vae",
    "framed",
    "from_pretrained",
    "harden",
    "import_frames",
    "inspect",
    "load_encoder",
    "metrics",
    "policy_kwargs",
    "pretrain",
    "push_to_hub",
    "set_mode",
    "swap_encoder",
    "take_encoder",
    "to_image_policy",
    "to_latent_policy",
]

_HOMES = {
    "BetaVAE": "models.vae",
    "BetaVAECombinedExtractor": "sb3.combined",
    "BetaVAEExtractor": "sb3.extractor",
    "FactorSpec": "data.factors",
    "FactorWrapper": "data.factor_wrapper",
    "FrameStore": "data.frame_store",
    "LatentVecEnv": "sb3.latent_env",
    "OnlineBetaVAE": "sb3.online",
    "OwnEncoder": "sb3.own_encoder",
    "VAEConfig": "models.vae_config",
    "VariedEnv": "training.augment.varied_env",
    "check_codes": "sb3.check_codes",
    "collect": "data.sources",
    "framed": "data.view",
    "find_vae": "models.hub",
    "from_pretrained": "models.hub",
    "harden": "training.hardening.harden",
    "import_frames": "data.readers.importing",
    "inspect": "sb3.copies",
    "load_encoder": "sb3.encoder_life",
    "policy_kwargs": "sb3.extractor",
    "pretrain": "training.pretrain",
    "push_to_hub": "models.hub",
    "set_mode": "sb3.encoder_life",
    "swap_encoder": "sb3.swap",
    "take_encoder": "sb3.encoder_life",
    "to_image_policy": "sb3.convert",
    "to_latent_policy": "sb3.convert",
}


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return import_module("bvae_rl.metrics")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"bvae_rl.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
