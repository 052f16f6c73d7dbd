"""The trainings that ``bvae-rl bench pretrain`` times, each a function for a fresh process."""

from __future__ import annotations

import math
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Sizes:
    """How much every training trains; ``warm`` are its first steps, which are not timed."""

    images: int = 25_600
    batch: int = 64
    warm: int = 20
    loader_images: int = 6_400
    latent_dim: int = 32
    channels: tuple[int, int, int] = (32, 64, 64)
    hidden: int = 256
    seed: int = 0

    @property
    def steps(self) -> int:
        """Batches of a training."""
        return self.images // self.batch


@dataclass(frozen=True)
class Trained:
    """Seconds for an image, and the weights in the end."""

    seconds: float
    weights: Weights


@dataclass(frozen=True)
class Job:
    """One training: what every method is given. It has to pickle."""

    store: Path
    start: Path
    """the VAE with the first weights"""
    sizes: Sizes
    threads: int
    train: TrainConfig
    images: int
    workers: int = 0
    """of a DataLoader"""

    @property
    def config(self) -> VAEConfig:
        """The VAE's architecture, with the default likelihood."""
        sizes = self.sizes
        return VAEConfig(
            FrameStore(self.store).shape, sizes.latent_dim, channels=sizes.channels,
            hidden=sizes.hidden,
        )  # fmt: skip

    def rows(self) -> np.ndarray:
        """The training rows, as many as images."""
        return Rows(FrameStore(self.store), validation=self.train.validation).train[: self.images]

    def timed(self, times: list[float]) -> float:
        """Seconds an image of steps that began at ``times``."""
        steps = len(times) - 1 - self.sizes.warm
        return (times[-1] - times[self.sizes.warm]) / (steps * self.sizes.batch)


def apart(*calls: tuple[Callable[[Job], Trained], Job]) -> list[Trained]:
    """Each call in a fresh process of its own, all at once."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(calls), mp_context=context) as pool:
        return [
            future.result() for future in [pool.submit(function, job) for function, job in calls]
        ]


@dataclass(frozen=True)
class _Timed(BetaVAEObjective):
    times: list[float] = field(default_factory=list, init=False)

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        self.times.append(time.perf_counter())
        return super().loss(vae, batch, step, noise)


def train_ours(job: Job) -> Trained:
    """``pretrain`` with ``job.train``."""
    torch.set_num_threads(job.threads)
    objective = _Timed(Constant(1.0))
    with tempfile.TemporaryDirectory() as out:
        vae = train_vae(
            FrameStore(job.store), job.config, objective, steps=job.images // job.sizes.batch,
            seed=job.sizes.seed, out=out, train=job.train,
        )  # fmt: skip
    return Trained(job.timed(objective.times), vae.state_dict())


class StoredFrames(Dataset[Tensor]):
    """Frames of a store as float tensors, one by one, as torchvision's ToTensor makes them."""

    def __init__(self, store: FrameStore, rows: np.ndarray) -> None:
        self.frames, self.rows = store.array("frames"), rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        frame = np.array(self.frames[self.rows[index]])  # (H, W, C)
        return torch.from_numpy(frame.transpose(2, 0, 1)).contiguous().float().div(255.0)


def networks(
    shape: tuple[int, int, int], *, latent_dim: int, channels: Sequence[int], hidden: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """The default encoder and decoder, of torch's own layers, weights by equal names."""
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


def train_plainly(job: Job) -> Trained:
    """A training loop as it is usually written."""
    torch.set_num_threads(job.threads)
    config, sizes = job.config, job.sizes
    encoder, decoder = networks(
        config.shape, latent_dim=config.latent_dim, channels=config.channels, hidden=config.hidden
    )
    model = torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    model.load_state_dict(BetaVAE.load(job.start).state_dict())
    loader = DataLoader(
        StoredFrames(FrameStore(job.store), job.rows()), sizes.batch, shuffle=True, drop_last=True,
        num_workers=job.workers, generator=torch.Generator().manual_seed(sizes.seed),
    )  # fmt: skip
    torch.manual_seed(sizes.seed)  # a process of its own
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: job.train.learning_rate_at(step, len(loader))
    )
    times = []
    for x in loader:
        times.append(time.perf_counter())
        mu, logvar = encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        recon = config.recon_weight * functional.mse_loss(decoder(z), x, reduction="sum") / len(x)
        kl = 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar).sum() / len(x)
        loss = recon + kl
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), job.train.max_grad_norm)
        optimizer.step()
        scheduler.step()
        if math.isnan(loss.item()):
            raise ValueError("the loss of the plain loop is NaN; look at the frames")
    return Trained(job.timed(times), model.state_dict())
