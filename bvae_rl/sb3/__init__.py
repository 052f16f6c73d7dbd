"""Everything that touches Stable-Baselines3.

Read ``extractor`` (the encoder inside a policy) first, then ``latent_env`` (in front of one),
``online`` (fine-tuning while an agent learns), ``encoder_life``, ``swap``, ``convert`` and
``export``.
"""

from bvae_rl.models.scaling import Encoder
from bvae_rl.sb3.check_codes import CheckCodes, check_codes, load_replay_buffer
from bvae_rl.sb3.codes import Codes
from bvae_rl.sb3.combined import BetaVAECombinedExtractor
from bvae_rl.sb3.convert import to_image_policy, to_latent_policy
from bvae_rl.sb3.copies import inspect
from bvae_rl.sb3.encoder_life import load_encoder, set_mode, take_encoder
from bvae_rl.sb3.extractor import BetaVAEExtractor, policy_kwargs
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.online import OnlineBetaVAE
from bvae_rl.sb3.own_encoder import OwnEncoder
from bvae_rl.sb3.pictures import PictureCallback
from bvae_rl.sb3.probe import PretrainingProbe, Probe, ProbeCallback
from bvae_rl.sb3.swap import swap_encoder
from bvae_rl.sb3.taken import TakenEncoder

__all__ = [
    "BetaVAECombinedExtractor",
    "BetaVAEExtractor",
    "CheckCodes",
    "Codes",
    "Encoder",
    "LatentVecEnv",
    "OnlineBetaVAE",
    "OwnEncoder",
    "PictureCallback",
    "PretrainingProbe",
    "Probe",
    "ProbeCallback",
    "TakenEncoder",
    "check_codes",
    "inspect",
    "load_encoder",
    "load_replay_buffer",
    "policy_kwargs",
    "set_mode",
    "swap_encoder",
    "take_encoder",
    "to_image_policy",
    "to_latent_policy",
]
