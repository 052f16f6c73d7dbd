"""Disentangled visual representations for Stable-Baselines3.

A Beta-VAE is pretrained on an environment's frames and becomes a features extractor for SB3.
"""

from bvae_rl.frames import FrameStore
from bvae_rl.hub import find_vae, from_pretrained, push_to_hub
from bvae_rl.model import BetaVAE, VAEConfig
from bvae_rl.plug.combined import BetaVAECombinedExtractor
from bvae_rl.plug.convert import to_image_policy, to_latent_policy
from bvae_rl.plug.copies import inspect
from bvae_rl.plug.extractor import BetaVAEExtractor, policy_kwargs
from bvae_rl.plug.latent_env import LatentVecEnv
from bvae_rl.plug.online import OnlineBetaVAE

__version__ = "0.1.0"
__all__ = [
    "BetaVAE",
    "BetaVAECombinedExtractor",
    "BetaVAEExtractor",
    "FrameStore",
    "LatentVecEnv",
    "OnlineBetaVAE",
    "VAEConfig",
    "find_vae",
    "from_pretrained",
    "inspect",
    "policy_kwargs",
    "push_to_hub",
    "to_image_policy",
    "to_latent_policy",
]
