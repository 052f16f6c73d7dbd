"""``bvae-rl bench objectives``: what a step of each costs against the Beta-VAE's.

All take steps in turn, on batches of equal size, drawn outside the timed part. The steps that are
timed lie evenly over the training, because some objectives change on the way (DARLA's autoencoder
learns first). Objectives that take consecutive frames get augmented ones, which every store gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts import pretrain
from bvae_rl.scripts.bench.figures import Figure, operators, ratio
from bvae_rl.scripts.bench.steps import Steps
from bvae_rl.scripts.pretrain_choice import make_config
from bvae_rl.training.batches import Rows
from bvae_rl.training.objectives.entry import Ramped
from bvae_rl.training.objectives.table import OBJECTIVES
from bvae_rl.training.schedules import Linear

BASE = "beta"


@dataclass(frozen=True)
class Sizes:
    """How large the VAEs are and how much is timed in a round."""

    content_dim: int = 24
    style_dim: int = 8
    channels: tuple[int, int, int] = (32, 64, 64)
    hidden: int = 256
    batch: int = 64
    training: int = 1000
    timed_steps: int = 4


SIZES = Sizes()


class Bench:
    """Trainings of all objectives on one store."""

    def __init__(self, store: Path) -> None:
        self.sizes = SIZES
        frames = FrameStore.existing(store)
        rows = Rows(frames, validation=0.02)
        self.trainings = {name: _training(name, frames, rows, self.sizes) for name in OBJECTIVES}
        n, length = self.sizes.timed_steps, self.sizes.training
        self.timed = [int(length * (i + 0.5) / n) for i in range(n)]

    def figures(self, rounds: int) -> list[Figure]:
        """Milliseconds a step, and times that of the Beta-VAE."""
        milliseconds: dict[str, list[float]] = {name: [] for name in self.trainings}
        for done in range(-2, rounds):  # the first two warm up
            for name, training in self.trainings.items():
                seconds = training.seconds(self.timed)
                if done >= 0:
                    milliseconds[name].append(1000.0 * seconds / len(self.timed))
        steps = {name: Figure(name, tuple(ms), "ms a step") for name, ms in milliseconds.items()}
        cost = [ratio(f"{n} / {BASE}", figure, steps[BASE]) for n, figure in steps.items()]
        return [*steps.values(), *cost]

    def profile(self, name: str) -> list[str]:
        """The torch operators of the steps."""
        training = self.trainings[name.partition(" ")[0]]
        return operators(lambda: training.seconds(self.timed))


def _training(name: str, store: FrameStore, rows: Rows, sizes: Sizes) -> Steps:
    row = OBJECTIVES[name]
    pairs = "augment" if row.pairs == "consecutive" else row.pairs
    args = pretrain.Args(
        store.folder, objective=name, pairs=pairs or None, content_dim=sizes.content_dim,
        style_dim=sizes.style_dim, channels=sizes.channels, hidden=sizes.hidden,
    )  # fmt: skip
    ramped = Ramped(lambda end, steps: Linear(0.0, end, steps), 1, sizes.training)
    objective = row.make(ramped, row.hyperparameters("tuned", {}), pairs)
    vae = BetaVAE(make_config(args, store))
    batch = objective.pairing(rows, vae)(store, np.random.default_rng(0), sizes.batch)
    return Steps(vae, objective, batch, images=sizes.batch, training=sizes.training)
