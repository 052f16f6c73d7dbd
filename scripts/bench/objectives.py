"""``bvae-rl bench objectives``: what a step of each costs against the Beta-VAE's.

All take steps in turn, on batches of equal size, drawn outside the timed part. The steps that are
timed lie evenly over the training, because some objectives change on the way (DARLA's autoencoder
learns first). Objectives that take consecutive frames get augmented ones, which every store gives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.bench.figures import Figure, operators, ratio
from bvae_rl.scripts.bench.steps import Steps
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.table import OBJECTIVES
from bvae_rl.training.recipes.table import objective_alone

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
    pairs = "augment" if OBJECTIVES[name].pairs == "consecutive" else None
    chosen = replace(
        objective_alone(name), pairs=pairs, content_dim=sizes.content_dim,
        style_dim=sizes.style_dim, ramp=1 / sizes.training,
        model={"channels": sizes.channels, "hidden": sizes.hidden},
    )  # fmt: skip
    objective = chosen.make_objective(sizes.training)
    vae = BetaVAE(chosen.make_config(store))
    batch = objective.pairing(rows, vae)(store, np.random.default_rng(0), sizes.batch)
    return Steps(vae, objective, batch, images=sizes.batch, training=sizes.training)
