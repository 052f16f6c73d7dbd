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

from bvae_rl.devices import Precision, pick_device, use_bfloat16
from bvae_rl.frames import FrameStore
from bvae_rl.model import CONFIG_FILE, BetaVAE, VAEConfig
from bvae_rl.objectives import Objective
from bvae_rl.pairs import Pairing, Rows
from bvae_rl.pixel_weights import Weighting, weighted
from bvae_rl.runs import CsvLog, Run
from bvae_rl.validation import diagnose, latent_statistics, validate, validation_x

CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
Callback = Callable[[int, BetaVAE, dict[str, float]], None]  # step, vae, metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How to optimise: Adam, warmed up, then linear decay to 2% of the peak."""

    batch: int = 64
    """images a batch, a multiple of 4; both of a pair count"""
    learning_rate: float = 2e-3
    """of Adam, at its peak"""
    warmup: int = 200
    """steps until the peak"""
    clip: float = 1000.0
    """bound of the gradient's norm, whose scale is that of the loss"""
    validation: float = 0.02
    """fraction of the states held out"""
    log_every: int = 200
    """steps between two rows of the log"""
    checkpoint_every: int = 1000
    """steps between two checkpoints, from which a killed run goes on"""
    precision: Precision = "auto"
    """auto: bfloat16 where the hardware is faster with it"""
    device: str = "auto"
    """auto, cpu, cuda, mps"""

    def __post_init__(self) -> None:
        if self.batch < 4 or self.batch % 4:
            raise ValueError(f"batch must be a positive multiple of 4 images, got {self.batch}")
        if not self.learning_rate > 0 or not self.clip > 0:
            raise ValueError(
                f"learning_rate and clip must be positive, got {self.learning_rate} and {self.clip}"
            )
        for name in ("log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0.0 < self.validation < 0.5:
            raise ValueError(f"validation must be in (0, 0.5), got {self.validation}")

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step in 0..steps-1."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return self.learning_rate * warm * max(0.02, 1.0 - step / steps)


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
    warned = False
    for step in range(first, steps):
        parts = trainer.step(store, pairing, step)
        done = step + 1
        if done % train.log_every == 0 or done == steps:
            metrics = {**parts, **validate(vae, held_out.to(device))}
            metrics["vae/images_per_second"] = (
                (done - first) * train.batch / (time.monotonic() - began)
            )
            log.append(done, metrics)
            if not warned and (done > 4 * train.warmup or done == steps):
                warned = diagnose(metrics, config, done)
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
        self.optimizer = torch.optim.Adam(vae.parameters(), lr=train.learning_rate)

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
        if not torch.isfinite(loss):
            raise ValueError(
                f"the loss became {float(loss)} at step {step}; lower the learning rate or s"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.vae.parameters(), self.train.clip)
        self.optimizer.step()
        self.objective.after_step(self.vae, batch, step)
        return {
            "vae/loss": loss.item(),
            **{f"vae/{name}": float(torch.as_tensor(v).detach()) for name, v in parts.items()},
            "vae/gradient_norm": norm.item(),
        }

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
