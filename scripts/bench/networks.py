"""``bvae-rl bench networks``: cost and quality of each encoder and decoder.

Every combination trains as a Beta-VAE (beta 1, one seed) on the same number of images of one frame
store; a killed run goes on, and what is trained already is kept, in OUT/networks/ENCODER-DECODER.
Speed is timed apart from that, in alternating rounds: images a second in training, and frames a
second as a policy over 8 environments encodes them. R2 is an MLP probe's on the codes of held-out
frames, fitted on three quarters of the held-out states and scored on the rest.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.metrics.regression import R2, r2
from bvae_rl.models.networks import DecoderName, EncoderName
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.scripts.bench.figures import Figure
from bvae_rl.scripts.bench.steps import Steps
from bvae_rl.scripts.common import command_line
from bvae_rl.scripts.progress import Progress
from bvae_rl.training.batches.batch import Batch, frames_at
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Linear
from bvae_rl.training.train_config import TrainConfig

Combination = tuple[EncoderName, DecoderName]
COMBINATIONS: tuple[Combination, ...] = (
    ("space_to_depth", "pixel_shuffle"),
    ("strided", "pixel_shuffle"),
    ("space_to_depth", "transposed"),
    ("space_to_depth", "broadcast"),
    ("strided", "transposed"),  # of Burgess et al. 2018
)
TRAINED, ENCODED = "images/s", "encoded/s"


@dataclass(frozen=True)
class Sizes:
    """How large the VAEs are, how they are trained, and how much is timed in a round."""

    latents: int = 32
    channels: tuple[int, int, int] = (32, 64, 64)
    hidden: int = 256
    beta: float = 1.0
    ramp: float = 0.2
    batch: int = 64
    seed: int = 0
    regressor_steps: int = 2000
    timed_steps: int = 4
    timed_encodings: int = 50
    environments: int = 8
    steps: int = 1200
    frames: int = 0  # of the store


SIZES = Sizes()
FIT, FITTED = 0.75, 10  # share of the held-out states that a probe is fitted on; at least so many


class Bench:
    """Frames with factors, and VAEs in ``out``, trained for ``steps`` batches."""

    def __init__(self, store: Path, *, steps: int, out: Path) -> None:
        self.store, self.out = FrameStore.existing(store), out
        self.sizes = replace(SIZES, steps=steps, frames=len(self.store))
        if not self.store.factor_specs:
            raise ValueError(
                f"{store} holds no factors, so nothing can be scored on it; collect frames of an "
                "environment that knows them (bvae-rl collect --policy independent)"
            )
        self.train = TrainConfig(batch_size=self.sizes.batch)
        self.rows = Rows(self.store, validation=self.train.validation)
        held_out = self.store.array("factors")[self.rows.validation]
        if len(held_out) < (least := math.ceil(FITTED / FIT)):
            raise ValueError(
                f"{store} holds {len(self.store):,} frames, of which {len(held_out)} are held out, "
                f"and a probe needs {least}: collect {math.ceil(least / self.train.validation):,} "
                "or more"
            )
        self.varied = np.flatnonzero(np.ptp(held_out, axis=0) > 0)  # an appearance may be fixed

    def figures(self, rounds: int) -> list[Figure]:
        """Train and score every combination, then time all in turn, ``rounds`` times."""
        seconds = self.sizes.steps * self.sizes.batch / 800  # a guess at what one takes
        progress = Progress({label(pair): seconds for pair in COMBINATIONS})
        quality = {pair: self._quality(pair, progress) for pair in COMBINATIONS}
        progress.close()
        speed = self._speed(rounds)
        return [figure for pair in COMBINATIONS for figure in (*speed[pair], *quality[pair])]

    def profile(self, name: str) -> list[str]:
        """Nothing: no figure here has a target to miss."""
        return []

    def _config(self, pair: Combination) -> VAEConfig:
        sizes, (encoder, decoder) = self.sizes, pair
        return VAEConfig(
            shape=self.store.shape, latent_dim=sizes.latents, channels=sizes.channels,
            hidden=sizes.hidden, encoder=encoder, decoder=decoder,
        )  # fmt: skip

    def _quality(self, pair: Combination, progress: Progress) -> list[Figure]:
        """Parameters, evidence lower bound on held-out frames, R2 of the factors."""
        sizes, name = self.sizes, label(pair)
        ramp = max(1, round(sizes.ramp * sizes.steps))
        vae = train_vae(
            self.store,
            self._config(pair),
            BetaVAEObjective(Linear(0.0, sizes.beta, ramp)),
            steps=sizes.steps,
            seed=sizes.seed,
            out=self.out / "networks" / "-".join(pair),
            train=self.train,
            command=command_line(),
            callbacks=[lambda step, vae, metrics: progress.update(name, step / sizes.steps)],
        )
        progress.update(name, 1.0)
        scores, metrics = self._r2(vae), vae.meta["scores"]["validation"]
        named = [self.store.factor_specs[k].name for k in self.varied]
        return [
            Figure(f"{name}, encoder", (_parameters(vae.encoder),), "weights"),
            Figure(f"{name}, decoder", (_parameters(vae.decoder),), "weights"),
            Figure(f"{name}, ELBO", (metrics["vae/elbo"],), "nats"),
            Figure(f"{name}, active", (metrics["vae/active_latents"],), "latents"),
            Figure(f"{name}, R2", (scores.mean,), ""),
            *(
                Figure(f"{name}, {factor}", (float(score),), "R2")
                for factor, score in zip(named, scores.per_factor, strict=True)
            ),
        ]

    def _r2(self, vae: BetaVAE) -> R2:
        """Of held-out frames; no state is both fitted and scored, in any appearance."""
        rows = self.rows.validation
        states = np.asarray(self.store.array("state"))[rows]
        known = np.unique(states)
        fitted = np.isin(states, known[: int(FIT * len(known))])
        codes = vae.encode_frames(self.store.array("frames")[rows])
        factors = np.asarray(self.store.array("factors")[rows][:, self.varied])
        return r2(
            codes[fitted],
            factors[fitted],
            kinds=[self.store.factor_specs[k].kind for k in self.varied],
            codes_test=codes[~fitted],
            factors_test=factors[~fitted],
            steps=self.sizes.regressor_steps,
        )

    def _speed(self, rounds: int) -> dict[Combination, tuple[Figure, Figure]]:
        """Images a second in training and frames a second encoded."""
        sizes = self.sizes
        frames = self.store.array("frames")[: sizes.environments]
        training = {pair: self._training(pair) for pair in COMBINATIONS}
        encoders = {pair: BetaVAE(self._config(pair)).eval() for pair in COMBINATIONS}
        trained: dict[Combination, list[float]] = {pair: [] for pair in COMBINATIONS}
        encoded: dict[Combination, list[float]] = {pair: [] for pair in COMBINATIONS}
        for done in range(-1, rounds):  # the first round warms up
            for pair, one in training.items():
                seconds = one.seconds(range(sizes.timed_steps))
                began = time.perf_counter()
                for _ in range(sizes.timed_encodings):
                    encoders[pair].encode_frames(frames)
                took = time.perf_counter() - began
                if done >= 0:
                    trained[pair].append(sizes.timed_steps * sizes.batch / seconds)
                    encoded[pair].append(sizes.timed_encodings * len(frames) / took)
        return {
            pair: (
                Figure(f"{label(pair)}, {TRAINED}", tuple(trained[pair]), TRAINED),
                Figure(f"{label(pair)}, {ENCODED}", tuple(encoded[pair]), "frames/s"),
            )
            for pair in COMBINATIONS
        }

    def _training(self, pair: Combination) -> Steps:
        images = self.sizes.batch
        batch = Batch(frames_at(self.store, self.rows.train[:images]))
        objective = BetaVAEObjective(Linear(0.0, 1.0, 100))
        return Steps(BetaVAE(self._config(pair)), objective, batch, images=images, training=100)


def label(pair: Combination) -> str:
    """What a combination is called in figures."""
    return " + ".join(pair)


def table(figures: Sequence[Figure]) -> str:
    """A line a combination, a column a figure; medians of the timed ones."""
    cells: dict[str, dict[str, float]] = {}
    for figure in figures:
        name, _, column = figure.name.partition(", ")
        cells.setdefault(name, {})[column] = figure.value
    columns = list(next(iter(cells.values())))
    width = max(len(name) for name in cells)
    lines = [f"{'':{width}}" + "".join(f"  {column:>10}" for column in columns)]
    for name, values in cells.items():
        texts = [_text(values[column]) for column in columns]
        padded = (
            f"  {text:>{max(10, len(column))}}" for text, column in zip(texts, columns, strict=True)
        )
        lines.append(f"{name:{width}}" + "".join(padded))
    return "\n".join(lines)


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.3f}"


def _parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
