"""Train a VAE on a frame store. Names no objective: that is handed in.

A step depends only on (seed, step), and checkpoints hold model, optimizer and objective, so that a
killed run, called again, ends with the same weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bvae_rl.devices import Precision, pick_device, use_bfloat16
from bvae_rl.frames import FrameStore
from bvae_rl.losses import beta_norm, kl_per_latent, log_constant, recon_nll
from bvae_rl.model import CONFIG_FILE, BetaVAE, VAEConfig
from bvae_rl.objectives import Objective
from bvae_rl.pairs import Pairing, Rows
from bvae_rl.plug.frames_in import frames_to_x
from bvae_rl.runs import CsvLog, Run

ACTIVE_KL = 0.01  # nats on average: below it a latent carries nothing
CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
Callback = Callable[[int, BetaVAE, dict[str, float]], None]  # step, vae, metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """How to optimise: Adam, warmed up over ``warmup`` steps, then linear decay to 2%.

    ``batch`` counts images (both of a pair); ``clip`` bounds the gradient's norm, whose scale is
    that of the loss (``losses.py``). ``validation`` is the fraction of states held out.
    """

    batch: int = 64
    learning_rate: float = 2e-3
    warmup: int = 200
    clip: float = 1000.0
    validation: float = 0.02
    log_every: int = 200
    checkpoint_every: int = 1000
    precision: Precision = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.batch < 4 or self.batch % 4:
            raise ValueError(f"batch must be a positive multiple of 4 images, got {self.batch}")
        if not self.learning_rate > 0 or not self.clip > 0:
            raise ValueError(
                f"learning_rate and clip must be positive, got {self.learning_rate} and {self.clip}"
            )
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
    settings: dict[str, Any] | None = None,
    command: str = "",
    callbacks: Sequence[Callback] = (),
) -> PretrainResult:
    """Train for ``steps`` batches and save to ``out``; resumes or returns what is already there.

    ``start`` continues from given weights (same config). ``settings`` (of the schedule: plain
    values) and ``command`` are kept in the saved config. Metrics (``vae/*``) go to ``log.csv`` and
    ``callbacks``.
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
        "objective": {**objective.describe(), **(settings or {})}, "store": store.meta,
    }  # fmt: skip
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
    held_out = _validation_x(store, rows)
    pairing = objective.pairing(rows, vae)
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
            if not warned and done > 4 * train.warmup:
                warned = _diagnose(metrics, config, done)
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
        state = torch.load(path, weights_only=True, map_location=self.device)
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


@torch.no_grad()
def validate(vae: BetaVAE, x: Tensor) -> dict[str, float]:
    """Evidence lower bound at a fixed draw of z, its parts, and active latents, on x."""
    config = vae.config
    mu, logvar = vae.encode(x)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    logits = vae.decode_logits(mu + torch.exp(0.5 * logvar) * noise)
    recon = recon_nll(logits, x, likelihood=config.likelihood, s=config.s).mean()
    kl = kl_per_latent(mu, logvar).mean(0)  # (D,)
    constant = log_constant(config.pixels, likelihood=config.likelihood, s=config.s)
    return {
        "vae/validation_recon": float(recon),
        "vae/validation_kl": float(kl.sum()),
        "vae/elbo": -float(recon + kl.sum()) - constant,
        "vae/active_latents": int((kl > ACTIVE_KL).sum()),
    }


@torch.no_grad()
def latent_statistics(vae: BetaVAE, x: Tensor) -> dict[str, list[float]]:
    """Mean and standard deviation of mu, and mean KL in nats, of each latent, on x (B, C, H, W)."""
    mu, logvar = vae.encode(x)
    kl = kl_per_latent(mu, logvar).mean(0)
    return {"mean": mu.mean(0).tolist(), "std": mu.std(0).tolist(), "kl": kl.tolist()}


def _frames_seen(vae: BetaVAE) -> int:
    """How many frames a VAE was trained on, those of the VAE it was continued from included."""
    return int(vae.meta.get("training", {}).get("frames", 0))


def _diagnose(metrics: dict[str, float], config: VAEConfig, step: int) -> bool:
    """Warn, and return True, where most latents carry nothing."""
    active = int(metrics["vae/active_latents"])
    if active > max(1, config.latents // 6):
        return False
    beta = metrics["vae/beta"]
    norm = beta_norm(beta, latents=config.latents, pixels=config.pixels)
    logger.warning(
        "%d of %d latents active at step %d: lower beta (now %g with a %s likelihood of "
        "weight s = %g; normalised %.2g) or raise s",
        active, config.latents, step, beta, config.likelihood, config.s, norm,
    )  # fmt: skip
    return True


def _validation_x(store: FrameStore, rows: Rows, *, most: int = 1024) -> Tensor:
    if not len(rows.validation):
        raise ValueError(
            f"the frame store has {len(store)} frames, too few to hold some out; collect more"
        )
    spread = np.linspace(0, len(rows.validation) - 1, min(most, len(rows.validation))).astype(int)
    return frames_to_x(store.array("frames")[rows.validation[spread]])
