"""Everything that touches Stable-Baselines3.

Read ``extractor`` (the encoder inside a policy) first, then ``latent_env`` (in front of one),
``online`` (fine-tuning while an agent learns), ``convert`` and ``export``.
"""

from bvae_rl.models.scaling import Encoder
from bvae_rl.sb3.combined import BetaVAECombinedExtractor
from bvae_rl.sb3.convert import to_image_policy, to_latent_policy
from bvae_rl.sb3.copies import inspect
from bvae_rl.sb3.extractor import BetaVAEExtractor, policy_kwargs
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.online import OnlineBetaVAE
from bvae_rl.sb3.probe import PretrainingProbe, Probe, ProbeCallback

__all__ = [
    "BetaVAECombinedExtractor",
    "BetaVAEExtractor",
    "Encoder",
    "LatentVecEnv",
    "OnlineBetaVAE",
    "PretrainingProbe",
    "Probe",
    "ProbeCallback",
    "inspect",
    "policy_kwargs",
    "to_image_policy",
    "to_latent_policy",
]
