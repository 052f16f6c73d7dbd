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
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bvae_rl.devices import pick_device, use_bfloat16
from bvae_rl.frames import FrameStore
from bvae_rl.model import CONFIG_FILE, BetaVAE, VAEConfig
from bvae_rl.objectives import Objective
from bvae_rl.pairs import Pairing, Rows
from bvae_rl.pixel_weights import Weighting, weighted
from bvae_rl.runs import CsvLog, Run
from bvae_rl.train_config import TrainConfig as TrainConfig
from bvae_rl.validation import diagnose, latent_statistics, validate, validation_x

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
    recipe = {
        "steps": steps, "seed": seed, "train": asdict(train), "model": config.to_dict(),
        "start": None if start is None else start.meta.get("fingerprint"),
        "objective": {**objective.describe(), **(settings or {})},
        "store": {**store.meta, "rows": len(store)},
    }  # fmt: skip
    if weighting is not None:
        recipe["weighting"] = asdict(weighting)
    fingerprint = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    if run.path(CONFIG_FILE).exists():
        vae = BetaVAE.load(out)
        if vae.meta.get("fingerprint") != fingerprint:
            raise ValueError(
                f"{out} holds a VAE trained otherwise; choose another folder or delete it"
            )
        return PretrainResult(vae, Path(out), vae.meta["scores"]["validation"])

    device = pick_device(train.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = BetaVAE(config)
    if start is not None:
        vae.load_state_dict(start.state_dict())
    vae.to(device).train()
    trainer = _Trainer(vae, objective, train, steps=steps, seed=seed, device=device)
    first = trainer.resume(run, fingerprint)
    rows = Rows(store, validation=train.validation)
    held_out = validation_x(store, rows)
    pairing = objective.pairing(rows, vae)
    if weighting is not None:
        pairing = weighted(pairing, weighting)
    log = CsvLog(run.path(LOG), resume_step=first + 1 if first else None)
    began = time.monotonic()
    metrics: dict[str, float] = {}
    warned, dead = False, 0
    for step in range(first, steps):
        try:
            parts = trainer.step(store, pairing, step)
        except NotFinite:
            trainer.checkpoint(run, fingerprint, step)
            raise
        done = step + 1
        if done % train.log_every == 0 or done == steps:
            metrics = {**parts, **validate(vae, held_out.to(device))}
            metrics["vae/images_per_second"] = (
                (done - first) * train.batch / (time.monotonic() - began)
            )
            log.append(done, metrics)
            if not warned and (done > 4 * train.warmup or done == steps):
                warned = diagnose(metrics, config, done)
            dead = dead + 1 if metrics["vae/active_latents"] == 0 < metrics["vae/beta"] else 0
            if dead >= DEAD_LOGS and steps / 2 <= done < steps:
                trainer.checkpoint(run, fingerprint, done)
                raise Collapsed(
                    f"every latent has been dead for {dead} validations by step {done}: beta "
                    f"{metrics['vae/beta']:g} is too high for a {config.likelihood} likelihood of "
                    f"weight s = {config.s:g}; lower beta or raise s, in another folder; the state "
                    f"is kept in {run.path(CHECKPOINT)}"
                )
            for callback in callbacks:
                callback(done, vae, metrics)
        if done % train.checkpoint_every == 0 and done < steps:
            trainer.checkpoint(run, fingerprint, done)
    vae.cpu().eval()
    vae.meta = {
        "fingerprint": fingerprint,
        "training": {
            **recipe,
            "images": steps * train.batch,
            "frames": len(store) + (0 if start is None else _frames_seen(start)),
            "command": command,
            "continued_from": None if start is None else start.meta.get("training"),
        },
        "statistics": latent_statistics(vae, held_out),
        "scores": {"validation": metrics},
    }
    vae.save(out)
    run.path(CHECKPOINT).unlink(missing_ok=True)
    return PretrainResult(vae, Path(out), metrics)


class NotFinite(ValueError):
    """The loss or its gradient is NaN or infinite; the weights are those before that step."""


class Collapsed(ValueError):
    """The posterior is the prior: no latent carries anything, and none is going to."""


class _Trainer:
    """Model, optimizer and objective, and the one step that joins them."""

    def __init__(
        self,
        vae: BetaVAE,
        objective: Objective,
        train: TrainConfig,
        *,
        steps: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.vae, self.objective, self.train = vae, objective, train
        self.steps, self.seed, self.device = steps, seed, device
        self.bfloat16 = use_bfloat16(train.precision, device)
        self.optimizer = (
            torch.optim.AdamW(
                vae.parameters(), lr=train.learning_rate, weight_decay=train.weight_decay
            )
            if train.weight_decay
            else torch.optim.Adam(vae.parameters(), lr=train.learning_rate)
        )

    def step(self, store: FrameStore, pairing: Pairing, step: int) -> dict[str, float]:
        rng = np.random.default_rng([self.seed, step])
        batch = pairing(store, rng, self.train.batch)
        batch = batch.to(self.device)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        shape = (self.train.batch, self.vae.config.latents)
        noise = torch.randn(shape, generator=generator).to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.train.learning_rate_at(step, self.steps)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            loss, parts = self.objective.loss(self.vae, batch, step, noise)
        self._require_finite("loss", loss, step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.vae.parameters(), self.train.clip)
        self._require_finite("gradient", norm, step)
        self.optimizer.step()
        self.objective.after_step(self.vae, batch, step)
        return {
            "vae/loss": loss.item(),
            **{f"vae/{name}": float(torch.as_tensor(v).detach()) for name, v in parts.items()},
            "vae/gradient_norm": norm.item(),
        }

    def _require_finite(self, what: str, value: torch.Tensor, step: int) -> None:
        if not torch.isfinite(value):
            raise NotFinite(
                f"the {what} became {value.item():g} on the batch of step {step} (seed "
                f"{self.seed}); the state before it is kept in {CHECKPOINT}; lower the learning "
                "rate or s, in another folder, and look at the frames"
            )

    def checkpoint(self, run: Run, fingerprint: str, step: int) -> None:
        buffer = io.BytesIO()
        torch.save(
            {
                "fingerprint": fingerprint,
                "step": step,
                "vae": self.vae.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "objective": self.objective.state_dict(),
            },
            buffer,
        )
        run.write_file(CHECKPOINT, buffer.getvalue())

    def resume(self, run: Run, fingerprint: str) -> int:
        path = run.path(CHECKPOINT)
        if not path.exists():
            return 0
        try:
            state = torch.load(path, weights_only=True, map_location=self.device)
        except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it to start afresh") from error
        if state["fingerprint"] != fingerprint:
            raise ValueError(
                f"{path} belongs to a training with other settings; choose another folder or "
                "delete it"
            )
        self.vae.load_state_dict(state["vae"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.objective.load_state_dict(state["objective"])
        logger.info("resuming %s at step %d", run.folder, state["step"])
        return int(state["step"])


def _frames_seen(vae: BetaVAE) -> int:
    """How many frames a VAE was trained on, those of the VAE it was continued from included."""
    return int(vae.meta.get("training", {}).get("frames", 0))
