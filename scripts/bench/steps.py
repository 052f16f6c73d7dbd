"""Steps of a training, one batch over and over, for benchmarks that compare what a step costs."""

from __future__ import annotations

import time
from collections.abc import Iterable

import torch

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives import Objective
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.trainer import Trainer


class Steps:
    """Steps of a training of ``training`` steps as ``pretrain`` makes them, not compiled."""

    def __init__(
        self, vae: BetaVAE, objective: Objective, batch: Batch, *, images: int, training: int
    ) -> None:
        self._trainer = Trainer(
            vae,
            objective,
            TrainConfig(batch_size=images, learning_rate=1e-4, device="cpu", compile=False),
            steps=training,
            seed=0,
            device=torch.device("cpu"),
        )
        self._batch, self._noise = self._trainer.lay_out(batch), torch.zeros(images, vae.latent_dim)

    def seconds(self, steps: Iterable[int]) -> float:
        """What the steps with these numbers take together."""
        began = time.perf_counter()
        for step in steps:
            self._trainer.step(self._batch, self._noise, step)
        return time.perf_counter() - began
