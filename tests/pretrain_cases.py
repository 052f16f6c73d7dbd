"""A small VAE and how it is trained, for the tests of training."""

from __future__ import annotations

import pytest

from bvae_rl.models.vae import VAEConfig
from bvae_rl.training.train_config import TrainConfig

CONFIG = VAEConfig(
    shape=(3, 32, 32),
    latent_dim=6,
    groups={"content": (0, 4), "style": (4, 6)},
    channels=(8, 8, 8),
    hidden=16,
)
QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=10, save_freq=10, precision="float32")


def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """``bvae-rl pretrain`` draws nothing."""
    for module in ("once", "watched"):
        name = f"bvae_rl.scripts.pretrain.{module}.write_vae_pictures"
        monkeypatch.setattr(name, lambda *args, **kwargs: None)
