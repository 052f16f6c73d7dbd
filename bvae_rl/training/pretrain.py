"""Train a VAE on a frame store. Names no objective: that is handed in.

A step depends only on (seed, step), and checkpoints hold model, optimizer and objective, so that a
killed run, called again, ends with the same weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.devices import pick_device
from bvae_rl.runtime.runs import CONFIG_FILE, CsvLog, Run, require_own
from bvae_rl.training.batches import Rows
from bvae_rl.training.objectives import Objective
from bvae_rl.training.pixel_weights import Weighting, weighted
from bvae_rl.training.train_config import TrainConfig as TrainConfig
from bvae_rl.training.trainer import NotFinite as NotFinite
from bvae_rl.training.trainer import Trainer
from bvae_rl.training.validation import diagnose, latent_statistics, validate, validation_x

CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
DEAD_LOGS = 5  # validations in a row without an active latent, the last after half of the training
Callback = Callable[[int, BetaVAE, dict[str, float]], None]  # step, vae, metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PretrainResult:
    """The trained VAE, where it was saved, and its validation metrics."""

    vae: BetaVAE
    folder: Path
    metrics: dict[str, float]


def pretrain(
    store: FrameStore,
    config: VAEConfig,
    objective: Objective,
    *,
    steps: int,
    seed: int,
    out: str | Path,
    train: TrainConfig | None = None,
    start: BetaVAE | None = None,
    weighting: Weighting | None = None,
    settings: dict[str, Any] | None = None,
    command: str = "",
    callbacks: Sequence[Callback] = (),
) -> PretrainResult:
    """Train for ``steps`` batches and save to ``out``; resumes or returns what is already there.

    ``start`` continues from given weights (same config). ``weighting`` says which pixels count
    more. ``settings`` (of the schedule: plain values) and ``command`` are kept in the saved config.
    Metrics (``vae/*``) go to ``log.csv`` and ``callbacks``.
    """
    train = train or TrainConfig()
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if tuple(store.shape) != config.shape:
        raise ValueError(f"the store holds frames of {store.shape}, the VAE takes {config.shape}")
    if start is not None and start.config != config:
        raise ValueError("the VAE to continue from has another config; use its own")
    run = Run(out)
    require_own(run.folder, CONFIG_FILE, CHECKPOINT, LOG)
    recipe = {
        "steps": steps, "seed": seed, "train": asdict(train), "model": config.to_dict(),
        "start": None if start is None else start.meta.get("fingerprint"),
        "objective": {**objective.describe(), **(settings or {})},
        "store": {**store.meta, "rows": len(store)},
    }  # fmt: skip
    if weighting is not None:  # VAEs of before have no such key
        recipe["weighting"] = asdict(weighting)
    fingerprint = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    device = pick_device(train.device)
    if run.path(CONFIG_FILE).exists():
        vae = BetaVAE.load(out)
        if vae.meta.get("fingerprint") != fingerprint:
            changed = differing(vae.meta.get("training", {}), recipe)
            raise ValueError(
                f"{out} holds a VAE trained otherwise ({', '.join(changed)}); choose another "
                "folder or delete it"
            )
        return PretrainResult(vae, Path(out), vae.meta["scores"]["validation"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = BetaVAE(config)
    if start is not None:
        vae.load_state_dict(start.state_dict())
    rows = Rows(store, validation=train.validation)
    pairing = objective.pairing(rows, vae)  # what the store lacks is said before compiling
    if weighting is not None:
        pairing = weighted(pairing, weighting)
    trainer = Trainer(
        vae, objective, train, steps=steps, seed=seed, device=device,
        weighted=weighting is not None,
    )  # fmt: skip
    first = _resume(trainer, run, recipe)
    watch = _Watch(trainer, run, recipe, first, validation_x(store, rows), callbacks)
    batches = trainer.batches(store, pairing, first)
    metrics: dict[str, float] = {}
    for step, (batch, noise) in enumerate(batches, start=first):
        try:
            parts = trainer.step(batch, noise, step)
        except NotFinite:
            watch.checkpoint(step)
            raise
        done = step + 1
        if done % train.log_freq == 0 or done == steps:
            plain = trainer.plain(parts)
            metrics = watch.log(done, plain)
        if done % train.save_freq == 0 and done < steps:
            watch.checkpoint(done)
    trainer.finished()
    vae.meta = {
        "fingerprint": fingerprint,
        "training": {
            **recipe,
            "images": steps * train.batch_size,
            "frames": len(store) + (0 if start is None else _frames_seen(start)),
            "command": command,
            "continued_from": None if start is None else start.meta.get("training"),
        },
        "statistics": latent_statistics(vae, watch.held_out),
        "scores": {"validation": metrics},
    }
    vae.save(out)
    run.path(CHECKPOINT).unlink(missing_ok=True)
    return PretrainResult(vae, Path(out), metrics)


def differing(known: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What of ``asked`` is otherwise in ``known``: "train.batch 64, not 32", a level deep.

    Without weights a recipe does not mention them (older fingerprints stay what they are).
    """
    found = []
    for key, value in json.loads(json.dumps({"weighting": None, **asked})).items():
        there = known.get(key)
        if key == "start" and there != value:  # fingerprints
            found.append("start")
            continue
        if isinstance(value, dict) and isinstance(there, dict):
            names = [name for name in {**there, **value} if there.get(name) != value.get(name)]
            found += [f"{key}.{name} {there.get(name)}, not {value.get(name)}" for name in names]
        elif there != value:
            found.append(f"{key} {there}, not {value}")
    return found


class Collapsed(ValueError):
    """The posterior is the prior: no latent carries anything, and none is going to."""


class _Watch:
    """Validates, logs and keeps checkpoints."""

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        recipe: dict[str, Any],
        first: int,
        held_out: Tensor,
        callbacks: Sequence[Callback],
    ) -> None:
        self.trainer, self.run, self.recipe, self.first = trainer, run, recipe, first
        self.held_out, self.callbacks = held_out, callbacks
        self.rows = CsvLog(run.path(LOG), resume_step=first + 1 if first else None)
        self.began = time.monotonic()
        self.warned, self.dead = False, 0

    def log(self, done: int, parts: dict[str, float]) -> dict[str, float]:
        """A row of the log after ``done`` steps; Collapsed if there is no use in more of them."""
        vae, train, steps = self.trainer.vae, self.trainer.train, self.trainer.steps
        # half of them, in half of the time, are enough to follow a training
        held_out = self.held_out if done == steps else self.held_out[::2]
        metrics = {**parts, **validate(vae, held_out.to(self.trainer.device))}
        metrics["vae/images_per_second"] = (
            (done - self.first) * train.batch_size / (time.monotonic() - self.began)
        )
        self.rows.append(done, metrics)
        if not self.warned and (done > 4 * train.warmup or done == steps):
            self.warned = diagnose(metrics, vae.config, done)
        self.dead = self.dead + 1 if metrics["vae/active_latents"] == 0 < metrics["vae/beta"] else 0
        if self.dead >= DEAD_LOGS and steps / 2 <= done < steps:
            self.checkpoint(done)
            raise Collapsed(
                f"every latent has been dead for {self.dead} validations by step {done}: beta "
                f"{metrics['vae/beta']:g} is too high for a {vae.config.likelihood} likelihood of "
                f"weight s = {vae.config.recon_weight:g}; lower beta or raise s, in another folder; the state "
                f"is kept in {self.run.path(CHECKPOINT)}"
            )
        for callback in self.callbacks:
            callback(done, vae, metrics)
        return metrics

    def checkpoint(self, done: int) -> None:
        """Keep the state after ``done`` steps, from which a killed run goes on."""
        buffer = io.BytesIO()
        state = {"recipe": json.dumps(self.recipe), "step": done, **self.trainer.state_dict()}
        torch.save(state, buffer)
        self.run.write_file(CHECKPOINT, buffer.getvalue())


def _resume(trainer: Trainer, run: Run, recipe: dict[str, Any]) -> int:
    """The step to go on with, 0 without a checkpoint; ValueError for one of another training."""
    path = run.path(CHECKPOINT)
    if not path.exists():
        return 0
    try:
        state = torch.load(path, weights_only=True, map_location=trainer.device)
    except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to start afresh") from error
    if "recipe" not in state:
        raise ValueError(f"{path} was written by another version; delete it to start afresh")
    if changed := differing(json.loads(state["recipe"]), recipe):
        raise ValueError(
            f"{path} belongs to a training with other settings ({', '.join(changed)}); choose "
            "another folder or delete it"
        )
    trainer.load_state_dict(state)
    logger.info("resuming %s at step %d", run.folder, state["step"])
    return int(state["step"])


def _frames_seen(vae: BetaVAE) -> int:
    """How many frames a VAE was trained on, those of the VAE it was continued from included."""
    return int(vae.meta.get("training", {}).get("frames", 0))
