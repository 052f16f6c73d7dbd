"""What the tests of several objectives share: a small VAE, drawn frames, and plain comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.collecting.interventions import Interventions
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE, VAEConfig

S = 3.0
CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=5, channels=(8, 8, 8), hidden=16, recon_weight=S)


def make_vae() -> BetaVAE:
    """The same random weights each time."""
    torch.manual_seed(0)
    return BetaVAE(CONFIG)


def make_generator() -> torch.Generator:
    """The same numbers each time."""
    return torch.Generator().manual_seed(0)


def drawn(folder: Path, frames: int) -> FrameStore:
    """Frames of drawn states in many looks."""
    store = FrameStore(folder)
    collect_independent(PlanarReach(size=32, domain="pretrain"), store, frames, seed=0)
    return store


def grids(folder: Path, *, views: int = 2) -> FrameStore:
    """Frames and interventions, in two appearances unless ``views`` is 1."""
    store = FrameStore(folder)
    env, interventions = (PlanarReach(size=32, domain="pretrain") for _ in range(2))
    collect_independent(
        env, store, 256, seed=0, views=views, interventions=Interventions(interventions, 64, views)
    )
    return store


def number(value: Tensor | float) -> float:
    """Without its graph."""
    return float(torch.as_tensor(value).detach())


def posterior(vae: BetaVAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Without their graph."""
    mu, logvar = vae.encode(x)
    return mu.detach(), logvar.detach()


def equal(a: Any, b: Any) -> bool:
    """Of nested states, bit for bit."""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


class Kill:
    """A callback that stops the training at step ``at``; None: never."""

    def __init__(self, at: int | None) -> None:
        self.at = at

    def __call__(self, step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        if step == self.at:
            raise KeyboardInterrupt
