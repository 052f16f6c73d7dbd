"""Everything that Stable-Baselines3 touches.

Names are looked up when first used: ``model.py`` needs ``plug.frames_in``, and the other files here
need ``model.py``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bvae_rl.plug.extractor import BetaVAEExtractor, policy_kwargs
    from bvae_rl.plug.frames_in import FrameLayout
    from bvae_rl.plug.latent_env import Encoder, LatentVecEnv

__all__ = ["BetaVAEExtractor", "Encoder", "FrameLayout", "LatentVecEnv", "policy_kwargs"]

_HOMES = {
    "BetaVAEExtractor": "extractor",
    "policy_kwargs": "extractor",
    "FrameLayout": "frames_in",
    "Encoder": "latent_env",
    "LatentVecEnv": "latent_env",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
