"""What tests of the explorer's panels share."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import torch

from bvae_rl.models.vae import BetaVAE
from tests.explorer_cases import tiny


def unpacked(entry: dict[str, Any]) -> np.ndarray:
    """A packed array, as the page reads it."""
    raw = base64.b64decode(entry["data"])
    raw = zlib.decompress(raw) if entry.get("deflate") else raw
    return np.frombuffer(raw, f"<{entry['dtype']}").reshape(entry["shape"])


def lively(seed: int = 0, **settings: Any) -> BetaVAE:
    """A tiny VAE all of whose latents are active."""
    vae = tiny(seed, **settings)
    last = [module for module in vae.encoder if hasattr(module, "weight")][-1]
    with torch.no_grad():
        last.weight[: vae.latent_dim].mul_(50.0)
    return vae
