"""Everything that Stable-Baselines3 touches.

Names are looked up when first used: ``model.py`` needs ``plug.frames_in``, and the other files here
need ``model.py``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bvae_rl.plug.combined import BetaVAECombinedExtractor
    from bvae_rl.plug.convert import to_image_policy, to_latent_policy
    from bvae_rl.plug.copies import inspect
    from bvae_rl.plug.extractor import BetaVAEExtractor, policy_kwargs
    from bvae_rl.plug.frames_in import FrameLayout
    from bvae_rl.plug.latent_env import Encoder, LatentVecEnv
    from bvae_rl.plug.online import OnlineBetaVAE
    from bvae_rl.plug.probe import Probe
    from bvae_rl.plug.probe_callbacks import PretrainingProbe, ProbeCallback

__all__ = [
    "BetaVAECombinedExtractor",
    "BetaVAEExtractor",
    "Encoder",
    "FrameLayout",
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

_HOMES = {
    "BetaVAECombinedExtractor": "combined",
    "BetaVAEExtractor": "extractor",
    "Encoder": "latent_env",
    "FrameLayout": "frames_in",
    "LatentVecEnv": "latent_env",
    "OnlineBetaVAE": "online",
    "PretrainingProbe": "probe_callbacks",
    "Probe": "probe",
    "ProbeCallback": "probe_callbacks",
    "inspect": "copies",
    "policy_kwargs": "extractor",
    "to_image_policy": "convert",
    "to_latent_policy": "convert",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
