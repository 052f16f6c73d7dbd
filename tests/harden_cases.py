"""A store of squares for the tests of hardening, and how small VAEs are trained on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import VAEConfig
from bvae_rl.training.train_config import TrainConfig

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=6, channels=(8, 16, 16), hidden=32)
QUICK = TrainConfig(
    batch_size=32, warmup=10, log_freq=20, save_freq=20, precision="float32", learning_rate=2e-3
)
SPECS = (FactorSpec("x"), FactorSpec("y"))


def squares(folder: Path, n: int = 800) -> FrameStore:
    """A red square somewhere on a blue ground: one appearance, two factors of the state."""
    rng = np.random.default_rng(0)
    places = rng.uniform(size=(n, 2)).astype(np.float32)
    frames = np.empty((n, 32, 32, 3), np.uint8)
    frames[:] = (30, 60, 160)
    for frame, (x, y) in zip(frames, places, strict=True):
        left, top = int(22 * x), int(22 * y)
        frame[top : top + 10, left : left + 10] = (220, 40, 40)
    store = FrameStore(folder)
    store.declare(factor_specs=SPECS, policy="independent")
    numbers = np.arange(n)
    store.append(Frames(frames, np.zeros_like(numbers), numbers, factors=places))
    return store
