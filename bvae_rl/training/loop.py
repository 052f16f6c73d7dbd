"""The training of a VAE on a frame store. Names no objective: that is handed in.

A step depends only on (seed, step), and checkpoints hold model, optimizer and objective, so that a
killed run, called again, ends with the same weights. Each checkpoint is a usable VAE, too, whose
``config.json`` says ``"finished": false``.
"""

from __future__ import annotations

import io
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.runtime.devices import pick_device
from bvae_rl.runtime.identity import identity, refuse_changes
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.runs import CONFIG_FILE, CsvLog, Run, require_own
from bvae_rl.training.batches import Rows, frames_at
from bvae_rl.training.idle import FIRST_LOOK, without_idle
from bvae_rl.training.objectives import Objective
from bvae_rl.training.pixel_weights import Weighting, weighted
from bvae_rl.training.story import frames_seen, name_of
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.trainer import NotFinite, Trainer, plain
from bvae_rl.training.validation import (
    diagnose,
    latent_statistics,
    validate,
    validation_rows,
)
from bvae_rl.training.verdict import judge

CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
COLLAPSED_LOGS = (
    5  # validations in a row without an active latent, the last after half of the steps
)
Callback = Callable[[int, BetaVAE, dict[str, float]], None]  # step, vae, metrics

logger = logging.getLogger(__name__)


def train_vae(
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
    command: str = "",
    callbacks: Sequence[Callback] = (),
    prune: bool = False,
) -> BetaVAE:
    """Train for ``steps`` batches and save to ``out``; resumes, or returns what is already there.

    ``start`` continues from given weights (same config). ``weighting`` says which pixels count
    more. ``command`` is kept in the saved config, and the metrics (``vae/*``) of the last
    validation in ``meta["scores"]["validation"]``; all of them go to ``log.csv`` and ``callbacks``.
    With the last stand the scores of ``verdict.judge``, and ``meta["worst_frames"]`` are its rows.
    ``prune`` cuts out the latents that do not tell frames apart in the end (``models.pruned``),
    unless there were so few batches that they may not have learned to (``idle.FIRST_LOOK``).

    Raises ValueError for settings that do not go together, for a folder that holds another
    training (which says what differs), and RunError while another process trains into ``out``.
    """
    train = train or TrainConfig()
    check_steps(steps)
    if tuple(store.shape) != config.shape:
        raise ValueError(f"the store holds frames of {store.shape}, the VAE takes {config.shape}")
    if start is not None and start.config != config:
        raise ValueError("the VAE to continue from has another config; use its own")
    if config.levels != (levels := getattr(objective, "levels", 0)):
        raise ValueError(
            f"objective {objective.name} takes latents of levels={levels} (0: continuous), and "
            f"this VAE's have levels={config.levels}; build it with VAEConfig(levels={levels})"
        )
    made_of = identity({
        "steps": steps, "seed": seed, "train": train, "model": config, "objective": objective,
        "weighting": weighting, "start": start, "store": store,
        "callbacks": [name_of(callback) for callback in callbacks], "prune": prune or None,
    })  # fmt: skip
    device = pick_device(train.device)
    run = Run(out)
    require_own(run.folder, CONFIG_FILE, CHECKPOINT, LOG)
    with owned(run.folder):
        found = _finished(run, made_of, train)
        if found is not None:
            return found
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            vae = BetaVAE(config)
        if start is not None:
            vae.load_state_dict(start.state_dict())
        rows = Rows(store, validation=train.validation)
        pairing = objective.pairing(rows, vae)  # what the store lacks is said before compiling
        if weighting is not None:
            pairing = weighted(pairing, weighting)
        judged = validation_rows(store, rows)
        held_out = frames_at(store, judged)
        trainer = Trainer(
            vae, objective, train, steps=steps, seed=seed, device=device,
            weighted=weighting is not None,
        )  # fmt: skip
        first = _resume(trainer, run)
        watch = _Watch(trainer, run, first, held_out, callbacks)
        watch.story = {
            **made_of,
            "frames": frames_seen(store, start),
            "command": command,
            "continued_from": None if start is None else start.meta.get("training"),
        }
        for step, (batch, noise) in enumerate(trainer.batches(store, pairing, first), start=first):
            try:
                logged = trainer.step(batch, noise, step)
            except NotFinite:
                watch.save(step)
                raise
            done = step + 1
            if done % train.log_freq == 0 or done == steps:
                watch.log(done, plain(logged))
            if done % train.save_freq == 0 and done < steps:
                watch.save(done)
        watch.judge(store, judged)
        trainer.finished()
        return watch.save(steps, prune=prune and steps >= FIRST_LOOK)


def check_steps(steps: int) -> None:
    """ValueError for fewer than one step."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")


class Collapsed(ValueError):
    """The posterior is the prior: no latent carries anything, and none is going to."""


class _Watch:
    """Validates, logs and saves one training."""

    story: dict[str, Any]  # how the VAE came about, for its config.json

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        first: int,
        held_out: Tensor,
        callbacks: Sequence[Callback],
    ) -> None:
        self.trainer, self.run, self.first = trainer, run, first
        self.held_out, self.callbacks = held_out, callbacks
        self.rows = CsvLog(run.path(LOG), resume_step=first + 1 if first else None)
        self.began = time.monotonic()
        self.metrics: dict[str, float] = {}
        self.worst: list[int] = []
        self.warned, self.collapsed = False, 0

    def log(self, done: int, parts: dict[str, float]) -> None:
        """A row of the log after ``done`` steps; Collapsed if there is no use in more of them."""
        vae, train, steps = self.trainer.vae, self.trainer.train, self.trainer.steps
        # half of them, in half of the time, are enough to follow a training
        held_out = self.held_out if done == steps else self.held_out[::2]
        metrics = {**parts, **validate(vae, held_out.to(self.trainer.device))}
        metrics["vae/images_per_second"] = (
            (done - self.first) * train.batch_size / (time.monotonic() - self.began)
        )
        self.metrics = metrics
        self.rows.append(done, metrics)
        logger.debug(
            "step %d of %d: evidence lower bound %.1f nats, reconstruction %.1f, KL %.1f, %d of %d "
            "latents active",
            done, steps, metrics["vae/elbo"], metrics["vae/validation_recon"],
            metrics["vae/validation_kl"], metrics["vae/active_latents"], vae.config.latent_dim,
        )  # fmt: skip
        if not self.warned and (done > 4 * train.warmup or done == steps):
            self.warned = diagnose(metrics, vae.config, done)
        inactive = metrics["vae/active_latents"] == 0 < metrics["vae/beta"]
        self.collapsed = self.collapsed + 1 if inactive else 0
        if self.collapsed >= COLLAPSED_LOGS and steps / 2 <= done < steps:
            self.save(done)
            raise Collapsed(
                f"posterior collapse: no latent has been active for {self.collapsed} validations "
                f"by step {done}: beta {metrics['vae/beta']:g} is too high for a "
                f"{vae.config.likelihood} likelihood of recon_weight {vae.config.recon_weight:g}; "
                "lower beta, raise recon_weight, or weigh the pixels of what is small (weighting), "
                f"in another folder than {self.run.folder}"
            )
        for callback in self.callbacks:
            callback(done, vae, metrics)

    def judge(self, store: FrameStore, rows: np.ndarray) -> None:
        """Score the finished VAE's reconstructions of ``rows``: not in the log, it costs more."""
        scores, self.worst = judge(self.trainer.vae, store, rows)
        self.metrics = {**self.metrics, **scores}

    def save(self, done: int, *, prune: bool = False) -> BetaVAE:
        """Keep the VAE after ``done`` steps, and until the last one what a killed run needs."""
        trainer, finished = self.trainer, done == self.trainer.steps
        if not finished:
            buffer = io.BytesIO()
            torch.save({"step": done, **trainer.state_dict()}, buffer)
            self.run.write_file(CHECKPOINT, buffer.getvalue())
        vae = trainer.vae
        vae.meta = {
            "finished": finished,
            "training": {
                **self.story, "step": done, "images": done * trainer.train.batch_size
            },
            "statistics": latent_statistics(vae, self.held_out.to(next(vae.parameters()).device)),
            "scores": {"validation": self.metrics},
            **({"worst_frames": self.worst} if self.worst else {}),
        }  # fmt: skip
        if prune:
            vae = without_idle(vae)
            self.metrics |= validate(vae, self.held_out.to(trainer.device))
            vae.meta["scores"] = {"validation": self.metrics}
        vae.save(self.run.folder)
        if finished:
            self.run.path(CHECKPOINT).unlink(missing_ok=True)
        return vae


def _finished(run: Run, made_of: dict[str, Any], train: TrainConfig) -> BetaVAE | None:
    """The VAE if ``run`` holds it whole; ValueError for another one, or one that cannot go on."""
    steps = made_of["steps"]
    if not run.path(CONFIG_FILE).exists():
        if run.path(CHECKPOINT).exists():
            raise ValueError(
                f"{run.path(CHECKPOINT)} has no {CONFIG_FILE} beside it that says which training "
                "it belongs to; delete it to start afresh"
            )
        return None
    stored = read_config(run.folder)
    training, finished = stored.get("training", {}), stored.get("finished", True)
    there = {name: training.get(name) for name in made_of}
    if {**there, "steps": steps} != {**made_of, "steps": steps}:
        refuse_changes(run.folder, "a VAE", there, made_of)
    if there["steps"] != steps and (finished or train.decay == "linear"):
        cure = (
            f"and is finished; go on from it in another folder, with start={run.folder}"
            if finished
            else "and its learning rate falls along a line to the last one, so that with another "
            "number each step so far would have been another; choose another folder, or train "
            "with TrainConfig(decay='none') (--decay none), which may go on for longer"
        )
        raise ValueError(
            f"{run.folder} holds a VAE whose training has {there['steps']} steps, not {steps}, "
            f"{cure}"
        )
    if finished:
        return BetaVAE.load(run.folder)
    if not run.path(CHECKPOINT).exists():
        raise ValueError(
            f"{run.folder} holds an unfinished VAE without {CHECKPOINT}, from which it could go "
            f"on; use it as it is, or train on from it in another folder, with start={run.folder}"
        )
    return None


def _resume(trainer: Trainer, run: Run) -> int:
    """The step to go on with, 0 without a checkpoint."""
    path = run.path(CHECKPOINT)
    if not path.exists():
        return 0
    try:
        state = torch.load(path, weights_only=True, map_location=trainer.device)
        step = int(state["step"])
    except (RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete the folder to start afresh"
        ) from error
    if step >= trainer.steps:
        raise ValueError(
            f"{run.folder} has taken {step} steps already, and steps={trainer.steps} asks for "
            "fewer; ask for more, or use the VAE as it is"
        )
    trainer.load_state_dict(state)
    logger.info("resuming %s at step %d", run.folder, step)
    return step
