"""Disentangled visual representations for Stable-Baselines3.

A Beta-VAE is pretrained on an environment's frames and becomes a features extractor for SB3.
"""

from bvae_rl.model import BetaVAE, VAEConfig
from bvae_rl.plug.extractor import BetaVAEExtractor, policy_kwargs
from bvae_rl.plug.latent_env import LatentVecEnv

__version__ = "0.1.0"
__all__ = ["BetaVAE", "BetaVAEExtractor", "LatentVecEnv", "VAEConfig", "policy_kwargs"]
