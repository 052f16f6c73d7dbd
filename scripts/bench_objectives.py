"""``bvae-rl bench objectives``: what a step of each costs against the Beta-VAE's.

All take steps in turn, on batches of equal size, drawn outside the timed part. The steps that are
timed lie evenly over the training, because some objectives change on the way (DARLA's autoencoder
learns first). Objectives that take consecutive frames get augmented ones, which every store gives.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bvae_rl.devices import use_bfloat16
from bvae_rl.frames import FrameStore
from bvae_rl.model import BetaVAE
from bvae_rl.objectives.entry import Ramped
from bvae_rl.objectives.table import OBJECTIVES
from bvae_rl.pairs import Rows
from bvae_rl.schedules import linear
from bvae_rl.scripts import pretrain
from bvae_rl.scripts.bench_figures import Figure, operators, ratio
from bvae_rl.scripts.pretrain_choice import make_config

BASE = "beta"


@dataclass(frozen=True)
class Sizes:
    """How large the VAEs are and how much is timed in a round."""

    content: int = 24
    look: int = 8
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
        self.trainings = {name: _Training(name, frames, rows, self.sizes) for name in OBJECTIVES}

    def figures(self, rounds: int) -> list[Figure]:
        """Milliseconds a step, and times that of the Beta-VAE."""
        milliseconds: dict[str, list[float]] = {name: [] for name in self.trainings}
        for done in range(-1, rounds):  # the first round warms up
            for name, training in self.trainings.items():
                taken = training.milliseconds()
                if done >= 0:
                    milliseconds[name].append(taken)
        steps = {name: Figure(name, tuple(ms), "ms a step") for name, ms in milliseconds.items()}
        cost = [ratio(f"{n} / {BASE}", figure, steps[BASE]) for n, figure in steps.items()]
        return [*steps.values(), *cost]

    def profile(self, name: str) -> list[str]:
        """The torch operators of the steps."""
        return operators(self.trainings[name.partition(" ")[0]].milliseconds)


class _Training:
    def __init__(self, name: str, store: FrameStore, rows: Rows, sizes: Sizes) -> None:
        row = OBJECTIVES[name]
        pairs = "augment" if row.pairs == "consecutive" else row.pairs
        args = pretrain.Args(
            store.folder, objective=name, pairs=pairs or None, content=sizes.content,
            look=sizes.look, channels=sizes.channels, hidden=sizes.hidden,
        )  # fmt: skip
        ramped = Ramped(lambda end, steps: linear(0.0, end, steps), 1, sizes.training)
        self.objective = row.make(ramped, row.knobs("tuned", {}), pairs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.vae = BetaVAE(make_config(args, store))
        self.vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.vae.parameters(), lr=1e-4, fused=True)
        self.bfloat16 = use_bfloat16("auto", torch.device("cpu"))
        draw = self.objective.pairing(rows, self.vae)
        self.batch = draw(store, np.random.default_rng(0), sizes.batch)
        self.noise = torch.randn(sizes.batch, self.vae.latents)
        n = sizes.timed_steps
        self.steps: Sequence[int] = [int(sizes.training * (i + 0.5) / n) for i in range(n)]

    def milliseconds(self) -> float:
        """A step, on average over the training."""
        began = time.perf_counter()
        for step in self.steps:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
                loss, _ = self.objective.loss(self.vae, self.batch, step, self.noise)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.objective.after_step(self.vae, self.batch, step)
        return 1000.0 * (time.perf_counter() - began) / len(self.steps)
