"""The same training by pythae, for ``bvae-rl bench pretrain``; run by an interpreter that has it.

    python bench_pythae.py < job.json

pythae is no dependency of this package and lives in an environment of its own, so this file imports
nothing of bvae_rl. ``job`` holds the arguments of ``train``. The last line printed is JSON: seconds
between two steps, and the file that pythae saved the weights in.

pythae minimises ||x - x_hat||^2 / 2 + beta * KL. That is s * ||x - x_hat||^2 + KL, divided by 2 s,
for beta = 1 / (2 s), and Adam does not care about the factor.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def networks(
    shape: tuple[int, int, int], *, latent_dim: int, channels: Sequence[int], hidden: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """The default encoder and decoder of bvae_rl, of torch's own layers, weights by equal names."""
    c, height, width = shape
    rows, columns = height // 16, width // 16
    encoder: list[nn.Module] = [nn.PixelUnshuffle(2)]
    for before, after in pairwise([4 * c, *channels]):
        encoder += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    encoder += [nn.Flatten(), nn.Linear(channels[-1] * rows * columns, hidden), nn.SiLU()]
    encoder.append(nn.Linear(hidden, 2 * latent_dim))
    widths = [*reversed(channels), 4 * c]
    decoder: list[nn.Module] = [nn.Linear(latent_dim, hidden), nn.SiLU()]
    decoder += [nn.Linear(hidden, widths[0] * rows * columns), nn.SiLU()]
    decoder.append(nn.Unflatten(1, (widths[0], rows, columns)))
    for before, after in pairwise(widths):
        decoder += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    decoder[-1] = nn.PixelShuffle(2)
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def read_weights(path: str) -> dict[str, Tensor]:
    """float32 tensors of a safetensors file: a length, a JSON header, then plain memory."""
    raw = Path(path).read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    found = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            array = np.frombuffer(raw[first:last], np.float32).reshape(entry["shape"])
            found[name] = torch.from_numpy(array.copy())
    return found


def train(
    *,
    frames: str,
    rows: list[int],
    shape: list[int],
    sizes: dict[str, Any],
    start: str,
    s: float,
    batch: int,
    learning_rate: float,
    warm: int,
    workers: int,
    threads: int,
    seed: int,
    out: str,
) -> dict[str, Any]:
    """One epoch on ``rows`` of the raw file ``frames``, from the weights in ``start``."""
    torch.set_num_threads(threads)
    logging.disable(logging.INFO)
    models, trainers = import_module("pythae.models"), import_module("pythae.trainers")
    parts, output = (
        import_module("pythae.models.nn"),
        import_module("pythae.models.base.base_utils"),
    )
    datasets = import_module("pythae.data.datasets")
    c, height, width = shape
    weights = read_weights(start)
    encoder, decoder = networks((c, height, width), **sizes)
    for name, network in (("encoder.", encoder), ("decoder.", decoder)):
        network.load_state_dict(
            {key.removeprefix(name): t for key, t in weights.items() if key.startswith(name)}
        )

    class Encoder(parts.BaseEncoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = encoder

        def forward(self, x: Tensor) -> Any:
            mu, logvar = self.network(x).chunk(2, dim=1)
            return output.ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(parts.BaseDecoder):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = decoder

        def forward(self, z: Tensor) -> Any:
            return output.ModelOutput(reconstruction=self.network(z))

    times: list[float] = []

    class Clock(trainers.training_callbacks.TrainingCallback):  # type: ignore[name-defined, misc]
        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            times.append(time.perf_counter())

    config = models.BetaVAEConfig(
        input_dim=tuple(shape),
        latent_dim=sizes["latent_dim"],
        beta=1.0 / (2.0 * s),
        reconstruction_loss="mse",
    )
    stored = np.memmap(frames, np.uint8, mode="r").reshape(-1, height, width, c)
    x = torch.from_numpy(stored[rows].transpose(0, 3, 1, 2).copy()).float() / 255.0
    trainer = trainers.BaseTrainer(
        model=models.BetaVAE(config, Encoder(), Decoder()),
        train_dataset=datasets.BaseDataset(x, torch.zeros(len(x))),
        training_config=trainers.BaseTrainerConfig(
            output_dir=out,
            per_device_train_batch_size=batch,
            num_epochs=1,
            train_dataloader_num_workers=workers,
            learning_rate=learning_rate,
            seed=seed,
            no_cuda=True,
        ),
        callbacks=[Clock()],
    )
    trainer.train()
    return {
        "seconds": times[-1] - times[warm],
        "steps": len(times) - 1 - warm,
        "weights": str(Path(trainer.training_dir) / "final_model" / "model.pt"),
    }


if __name__ == "__main__":
    print(json.dumps(train(**json.load(sys.stdin))))
