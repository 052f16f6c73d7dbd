"""Pages of the explorer to drive: VAEs of every kind, tiny and untrained, with their pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from bvae_rl.data.factors import FactorSpec
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.report.explorer.page import document
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.explore.frames import Shown

SMALL: dict[str, Any] = {"latent_dim": 4, "channels": (8, 8, 8), "hidden": 24}
KINDS: dict[str, dict[str, Any]] = {
    "one latent": {"latent_dim": 1, "shape": (3, 32, 32)},
    "128 latents": {"latent_dim": 128, "shape": (3, 32, 32)},
    "96 x 96": {"shape": (3, 96, 96)},
    "128 x 128": {"shape": (3, 128, 128)},
    "not square": {"shape": (3, 50, 34)},
    "grey": {"shape": (1, 32, 32)},
    "stack": {"shape": (4, 32, 32), "channel_order": "other"},
    "BGR": {"shape": (3, 32, 32), "channel_order": "BGR"},
    "quantised": {"shape": (3, 32, 32), "levels": 5},
    "bernoulli": {"shape": (3, 32, 32), "likelihood": "bernoulli"},
    "strided, transposed": {"shape": (3, 40, 40), "encoder": "strided", "decoder": "transposed"},
    "broadcast": {"shape": (3, 50, 34), "decoder": "broadcast"},
}


def tiny(seed: int = 0, **settings: Any) -> BetaVAE:
    """An untrained VAE whose pictures vary: its last layer is not small, and has a bias."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = BetaVAE(VAEConfig(**{"shape": (3, 32, 32), **SMALL, **settings})).eval()
        with torch.no_grad():
            for name, weights in vae.named_parameters():
                if name.endswith("bias"):
                    weights.normal_(0.0, 0.1)
            weights = dict(vae.decoder.named_parameters())
            weights[[name for name in weights if name.endswith("weight")][-1]].mul_(5.0)
    return vae


def random_frames(vae: BetaVAE, n: int = 6, *, seed: int = 0) -> np.ndarray:
    """uint8 frames (n, H, W, C) of blocks, which differ from each other."""
    channels, height, width = vae.shape
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 4, 4, channels), dtype=np.uint8)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return coarse[:, rows][:, :, columns]


def shown_of(vae: BetaVAE, *, factors: bool = False, n: int = 6, source: str = "Blocks.") -> Shown:
    """Frames of blocks; with ``factors`` two that are known, whose names are ``source``."""
    frames = random_frames(vae, n)
    if not factors:
        return Shown(frames, source)
    values = np.random.default_rng(1).uniform(size=(n, 2))
    return Shown(frames, source, values, (FactorSpec(source), FactorSpec("plain_name")))


def write_page(folder: Path, vaes: dict[str, BetaVAE], shown: Shown) -> Path:
    """``explorer.html`` in a folder."""
    path = folder / "explorer.html"
    text = document(explore.payload(explore.Args(), vaes, shown), title=explore.title(vaes, shown))
    path.write_text(text, encoding="utf-8")
    return path
