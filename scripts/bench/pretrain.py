"""``bvae-rl bench pretrain``: images a second in training, and what they are worth.

Every training starts from the same weights, has the same architecture, batch and number of images,
and runs in a fresh process, in turn:

    pretrain       as the command does it, networks compiled, validation every 200 steps included
    not compiled   the same without torch.compile
    plain loop     float32, eager, torch's own layers, torch's DataLoader over a Dataset that makes
                   a tensor of each frame, with as many workers as are fastest here (0, 1 or 2),
                   Adam with the same learning rates and bound of the gradient

Time is taken between two steps, the first of them after everything is warm; making processes,
compiling (some 20 s, once a machine), and saving are left out. All are then judged by the evidence
lower bound on the same held-out frames, in float32. Rounding alone moves it: the first two of these
differ by up to 1.5%, so the target is for the plain loop.

Two seeds are trained side by side as well, on a thread each. One after the other, on all threads
(``--threads 2``; with one thread there is nothing to compare), they take twice as long as one.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.devices import has_fast_bfloat16
from bvae_rl.scripts.bench.figures import Figure, operators, ratio
from bvae_rl.scripts.bench.trainings import (
    Job,
    Sizes,
    Trained,
    Weights,
    apart,
    train_ours,
    train_plainly,
)
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.validation import validate, validation_x

OURS, EAGER, PLAIN = "pretrain", "pretrain, not compiled", "plain loop"
SEEDS = "two seeds side by side, a thread each"
BLOCK = 4096  # frames copied at once
WORKERS = (0, 1, 2)  # of the plain loop's DataLoader
SIZES = Sizes()


class Bench:
    """Frames and first weights in a folder of their own, and the trainings on them."""

    def __init__(self, store: Path, *, threads: int) -> None:
        self.sizes, self.threads = SIZES, threads
        self._store = FrameStore.existing(store)
        folder = Path(tempfile.mkdtemp(prefix="bench-pretrain-"))
        weakref.finalize(self, shutil.rmtree, folder)
        self.train = TrainConfig(batch_size=self.sizes.batch, device="cpu", compile=True)
        self.job = Job(
            folder / "frames", folder / "start", self.sizes, threads, self.train, self.sizes.images
        )
        _copy_frames(self._store, self.job)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.sizes.seed)  # as pretrain begins
            BetaVAE(self.job.config).save(self.job.start)

    def figures(self, rounds: int) -> list[Figure]:
        """Train all in turn, ``rounds`` times."""
        workers = {n: self._plain_rate(n) for n in WORKERS}
        fastest = max(workers, key=lambda n: workers[n].value)
        timed: dict[str, list[float]] = {}
        bounds: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, trained in self._round(fastest).items():
                timed.setdefault(name, []).append(1.0 / trained.seconds)
                bounds.setdefault(name, []).append(self._bound(trained.weights))
            timed.setdefault(SEEDS, []).append(self._two_seeds())
        rates = {name: Figure(name, tuple(values), "images/s") for name, values in timed.items()}
        elbo = [Figure(f"{name}, ELBO", tuple(values), "nats") for name, values in bounds.items()]
        fast = has_fast_bfloat16(torch.device("cpu"))  # what the target is stated for
        apart_by = 100.0 * abs(median(bounds[PLAIN]) / median(bounds[OURS]) - 1.0)
        return [
            *rates.values(),
            *workers.values(),
            *elbo,
            ratio(f"{OURS} / {PLAIN}", rates[OURS], rates[PLAIN], 1.8 if fast else None),
            Figure(f"ELBO of {PLAIN} from that of {OURS}", (apart_by,), "%", 1.0, at_most=True),
            *self._against_in_turn(rates),
        ]

    def _against_in_turn(self, rates: Mapping[str, Figure]) -> list[Figure]:
        """The time of two seeds against that of twice the images, if both have as many cores."""
        if self.threads < 2:
            return []
        return [ratio(f"time of {SEEDS} / in turn", rates[OURS], rates[SEEDS], 0.75, at_most=True)]

    def profile(self, name: str) -> list[str]:
        """The torch operators of a short training by ``pretrain``."""
        short = _eager(replace(self.job, images=3 * self.sizes.warm * self.sizes.batch))
        return operators(lambda: train_ours(short)) if name.startswith(OURS) else []

    def _round(self, workers: int) -> dict[str, Trained]:
        plain = replace(self.job, workers=workers)
        return {
            OURS: apart((train_ours, self.job))[0],
            EAGER: apart((train_ours, _eager(self.job)))[0],
            PLAIN: apart((train_plainly, plain))[0],
        }

    def _plain_rate(self, workers: int) -> Figure:
        job = replace(self.job, workers=workers, images=self.sizes.loader_images)
        (trained,) = apart((train_plainly, job))
        return Figure(f"{PLAIN}, {workers} workers", (1.0 / trained.seconds,), "images/s")

    def _two_seeds(self) -> float:
        """Images a second of two seeds together, a thread each, until the slower one is done."""
        seeds = (self.sizes.seed, self.sizes.seed + 1)
        jobs = [replace(self.job, threads=1, sizes=replace(self.sizes, seed=s)) for s in seeds]
        return len(jobs) / max(t.seconds for t in apart(*((train_ours, job) for job in jobs)))

    def _bound(self, weights: Weights) -> float:
        vae = BetaVAE(self.job.config)
        vae.load_state_dict(weights)
        store = FrameStore(self.job.store)
        x = validation_x(store, Rows(store, validation=self.train.validation))
        return validate(vae.eval(), x)["vae/elbo"]


def _eager(job: Job) -> Job:
    return replace(job, train=replace(job.train, compile=False))


def _copy_frames(store: FrameStore, job: Job) -> None:
    """The first frames, a few more than it takes for ``job.images`` training rows."""
    copy, rows = FrameStore(job.store), int(1.1 * job.images / (1.0 - job.train.validation))
    for first in range(0, min(rows, len(store)), BLOCK):
        block = store.read(slice(first, min(rows, first + BLOCK)))
        copy.append(Frames(block.frames, block.episode, block.state))
    if len(job.rows()) < job.images:
        raise ValueError(
            f"the bench trains on {job.images} frames, and {store.folder} has too few; collect "
            f"more (bvae-rl collect --frames {rows}) or give another --store"
        )
