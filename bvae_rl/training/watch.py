"""Watches a training: validates, logs, says how it goes, and keeps what a killed run needs."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import CsvLog, Run
from bvae_rl.training.trainer import Trainer
from bvae_rl.training.validation import diagnose, latent_statistics, validate
from bvae_rl.training.verdict.idle import without_idle
from bvae_rl.training.verdict.judge import judge

CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
COLLAPSED = "collapsed"  # of a checkpoint: validations in a row without an active latent
FEW = 64  # held-out frames, of which half would say too little
COLLAPSED_LOGS = 5  # validations in a row without an active latent, in the second half
DEAD_KL = 0.01  # nats a latent on average, below which the posterior is the prior
Callback = Callable[[int, BetaVAE, dict[str, float]], None]  # step, vae, metrics

logger = logging.getLogger(__name__)


class Collapsed(ValueError):
    """The posterior is the prior: no latent carries anything, and none is going to."""


class Watch:
    """Validates, logs and saves one training."""

    story: dict[str, Any]  # how the VAE came about, for its config.json

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        first: int,
        held_out: Tensor,
        callbacks: Sequence[Callback],
        *,
        collapsed: int = 0,
    ) -> None:
        self.trainer, self.run, self.first = trainer, run, first
        self.held_out, self.callbacks = held_out, callbacks
        self.rows = CsvLog(run.path(LOG), resume_step=first + 1 if first else None)
        self.began = time.monotonic()
        self.metrics: dict[str, float] = {}
        self.worst: list[int] = []
        self.warned, self.collapsed = False, collapsed

    def log(self, done: int, parts: dict[str, float]) -> None:
        """A row of the log after ``done`` steps; Collapsed if there is no use in more of them."""
        vae, train, steps = self.trainer.vae, self.trainer.train, self.trainer.steps
        # half of them, in half of the time, are enough to follow a training
        few = len(self.held_out) < FEW
        held_out = self.held_out if done == steps or few else self.held_out[::2]
        metrics = {**parts, **validate(vae, held_out.to(self.trainer.device))}
        metrics["vae/images_per_second"] = (
            (done - self.first) * train.batch_size / (time.monotonic() - self.began)
        )
        self.metrics = metrics
        self.rows.append(done, metrics)
        if "vae/distance" in metrics:  # to a teacher's codes: there is no bound
            logger.debug(
                "step %d of %d: distance %.3f of each latent's spread to the teacher's codes",
                done, steps, metrics["vae/distance"],
            )  # fmt: skip
        else:
            self._tell_bound(done, metrics)
        if not self.warned and (done > 4 * train.warmup or done == steps):
            self.warned = diagnose(metrics, vae.config, done)
        dead = metrics["vae/active_latents"] == 0 < metrics["vae/beta"]
        dead = dead and metrics["vae/validation_kl"] < DEAD_KL * vae.latent_dim
        self.collapsed = self.collapsed + 1 if dead else 0
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

    def _tell_bound(self, done: int, metrics: dict[str, float]) -> None:
        logger.debug(
            "step %d of %d: evidence lower bound %.1f nats, reconstruction %.1f, KL %.1f, %d of %d "
            "latents active",
            done, self.trainer.steps, metrics["vae/elbo"], metrics["vae/validation_recon"],
            metrics["vae/validation_kl"], metrics["vae/active_latents"],
            self.trainer.vae.latent_dim,
        )  # fmt: skip

    def judge(self, store: FrameStore, rows: np.ndarray) -> None:
        """Score the finished VAE's reconstructions of ``rows``: not in the log, it costs more."""
        scores, self.worst = judge(self.trainer.vae, store, rows)
        self.metrics = {**self.metrics, **scores}

    def save(self, done: int, *, prune: bool = False) -> BetaVAE:
        """Keep the VAE after ``done`` steps, and until the last one what a killed run needs."""
        trainer, finished = self.trainer, done == self.trainer.steps
        if not finished:
            buffer = io.BytesIO()
            kept = {"step": done, COLLAPSED: self.collapsed, **trainer.state_dict()}
            torch.save(kept, buffer)
            self.run.write_file(CHECKPOINT, buffer.getvalue())
        vae = trainer.vae
        # a finished one is on the CPU, whatever it was trained on
        held_out = self.held_out.to(next(vae.parameters()).device)
        vae.meta = {
            "finished": finished,
            "training": {
                **self.story, "step": done, "images": done * trainer.train.batch_size
            },
            "statistics": latent_statistics(vae, held_out),
            "scores": {"validation": self.metrics},
            **({"worst_frames": self.worst} if self.worst else {}),
        }  # fmt: skip
        if prune:
            vae = without_idle(vae)
            self.metrics |= validate(vae, held_out)
            vae.meta["scores"] = {"validation": self.metrics}
        vae.save(self.run.folder)
        if finished:
            self.run.path(CHECKPOINT).unlink(missing_ok=True)
        return vae
