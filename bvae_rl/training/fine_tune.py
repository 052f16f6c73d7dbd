"""Go on training a VAE on frames that keep arriving, without upsetting the policy that uses it.

Three guards: pretraining frames are mixed into each batch, so that old appearances are not
forgotten; the encoder that a policy sees can be a slow, exponentially averaged one; and its
features may move only so far per update, measured on fixed reference frames in standard deviations
of each latent. A gradient step is the ``Trainer``'s, as in pretraining.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.scaling import STD_FLOOR, scaling
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives import Objective
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.trainer import NotFinite, Trainer, plain
from bvae_rl.training.validation import validate

REFERENCE = 128  # frames on which the movement of the features is measured
SHRINK = 0.9  # a step that moves the features too far is shortened a little below the limit

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class FineTuneConfig:
    """How an update trains. ``gradient_steps`` of ``batch_size`` images each, by Adam.

    ``max_move`` bounds what one update does to the features: the root mean square change over
    reference frames and latents, in standard deviations of pretraining; None is no bound.
    ``average`` is the fraction of the old weights that the policy's encoder keeps at each update
    (0: it is the trained one itself). ``max_grad_norm`` bounds the gradient's norm, on the scale of
    the loss.
    """

    gradient_steps: int = 16
    batch_size: int = 64
    learning_rate: float = 3e-4
    max_move: float | None = 0.5
    average: float = 0.0
    max_grad_norm: float = 1000.0

    def __post_init__(self) -> None:
        if self.gradient_steps < 1:
            raise ValueError(f"gradient_steps must be at least 1, got {self.gradient_steps}")
        if self.max_move is not None and not self.max_move > 0:
            raise ValueError(f"max_move must be positive or None, got {self.max_move}")
        if not 0.0 <= self.average < 1.0:
            raise ValueError(f"average must be in [0, 1), got {self.average}")
        _ = self.train  # which checks the rest

    @property
    def train(self) -> TrainConfig:
        """The same for the ``Trainer``: a constant learning rate from the first step on."""
        return TrainConfig(
            batch_size=self.batch_size, learning_rate=self.learning_rate, warmup=0, decay="none",
            max_grad_norm=self.max_grad_norm, compile=False,
        )  # fmt: skip


class FineTuner:
    """A VAE in training, and ``encoder``, the weights that a policy is to use.

    ``old`` with ``mix`` in (0, 1) gives the fraction of each batch that is drawn from pretraining
    frames. An update depends only on ``seed``, its step and the state before it.
    """

    def __init__(
        self,
        vae: BetaVAE,
        objective: Objective,
        config: FineTuneConfig,
        *,
        seed: int,
        old: FrameStore | None = None,
        mix: float = 0.0,
    ) -> None:
        if not 0.0 <= mix < 1.0 or (mix > 0) != (old is not None):
            raise ValueError(
                "mix is the fraction in (0, 1) of each batch that comes from the frame store old; "
                f"give both or neither, got mix={mix} and {'no' if old is None else 'a'} store"
            )
        if old is not None and not len(old):
            raise ValueError(f"the frame store at {old.folder} is empty; fill it: bvae-rl collect")
        if old is not None and tuple(old.shape) != vae.config.shape:
            raise ValueError(f"the store holds frames of {old.shape}, the VAE takes {vae.shape}")
        self.objective, self.config, self.seed, self.old = objective, config, seed, old
        self.old_images = round(mix * config.batch_size)
        if old is not None and not 0 < self.old_images < config.batch_size:
            raise ValueError(
                f"mix={mix} of a batch of {config.batch_size} is {self.old_images} old frames and "
                f"{config.batch_size - self.old_images} new ones; there must be some of both"
            )
        self.trainer = self._trainer(deepcopy(vae), next(vae.parameters()).device)
        self.encoder: Weights = _copy(self.vae.encoder.state_dict())
        self.reference: Tensor | None = None  # x (R, C, H, W)
        self._old_rows = None if old is None else Rows(old).train

    def _trainer(self, vae: BetaVAE, device: torch.device) -> Trainer:
        return Trainer(
            vae, self.objective, self.config.train, steps=1, seed=self.seed, device=device
        )

    @property
    def vae(self) -> BetaVAE:
        """The VAE in training."""
        return self.trainer.vae

    @property
    def device(self) -> torch.device:
        """Where it trains."""
        return self.trainer.device

    @property
    def wanted(self) -> int:
        """How many new frames an update can use."""
        return self.config.gradient_steps * (self.config.batch_size - self.old_images)

    def to(self, device: torch.device) -> None:
        """Move everything to ``device``."""
        if device == self.device:
            return
        state = self.state_dict()
        self.trainer = self._trainer(self.vae, device)
        self.load_state_dict(state)
        self.encoder = {name: weight.to(device) for name, weight in self.encoder.items()}
        self.reference = None if self.reference is None else self.reference.to(device)

    def seen_by_policy(self) -> BetaVAE:
        """The VAE with the encoder that the policy is to use."""
        vae = deepcopy(self.vae).eval()
        vae.encoder.load_state_dict(self.encoder)
        return vae

    def update(self, frames: np.ndarray, *, step: int) -> dict[str, float]:
        """Train on new uint8 frames (N, H, W, C), drawn from at random; returns ``vae/*`` metrics.

        ``step`` counts environment steps and is what the objective's schedules see. NotFinite if
        the loss or its gradient is not finite; the state is then that before the update.
        """
        if not len(frames):
            raise ValueError("an update needs at least one frame, got none")
        rng = np.random.default_rng([self.seed, step])
        if self.reference is None:
            self.reference = self._reference(frames, rng)
        before = deepcopy(self.state_dict())
        try:
            parts = [
                plain(self.trainer.step(self._batch(frames, rng), self.trainer.noise(rng), step))
                for _ in range(self.config.gradient_steps)
            ]
        except NotFinite:
            self.load_state_dict(before)
            raise
        taken, moved = self._move_encoder(before["vae"])
        averages = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
        averages["vae/beta"] = parts[-1]["vae/beta"]
        return {
            **averages,
            **validate(self.vae, self.reference),
            "vae/feature_move": moved,
            "vae/step_taken": taken,
        }

    def _batch(self, frames: np.ndarray, rng: np.random.Generator) -> Batch:
        new = frames[rng.integers(len(frames), size=self.config.batch_size - self.old_images)]
        if self.old is not None and self._old_rows is not None:
            rows = rng.choice(self._old_rows, size=self.old_images)
            new = np.concatenate([new, self.old.take("frames", rows)])
        return self.trainer.lay_out(Batch(frames_to_x(new)))

    def _move_encoder(self, before: Weights) -> tuple[float, float]:
        """Let the policy's encoder follow the trained one: fraction of the step, and the move."""
        trained = _copy(self.vae.encoder.state_dict())
        old, keep = self.encoder, self.config.average
        goal = _between(old, trained, 1.0 - keep) if keep else trained
        features = self.features(old)
        taken, moved = 1.0, self._distance(features, self.features(goal))
        limit = self.config.max_move
        new = goal
        while limit is not None and moved > limit:
            taken *= min(SHRINK, SHRINK * limit / moved)
            new = _between(old, goal, taken)
            moved = self._distance(features, self.features(new))
        self.encoder = new
        if taken < 1.0 and not keep:  # the trained VAE stays with what the policy sees
            self.vae.load_state_dict(_between(before, self.vae.state_dict(), taken))
        return taken, moved

    @torch.no_grad()
    def features(self, weights: Weights) -> Tensor:
        """Posterior means (R, D) of the reference frames under the given encoder weights."""
        assert self.reference is not None
        raw = torch.func.functional_call(self.vae.encoder, weights, (self.reference,))
        return raw[:, : self.vae.latent_dim].float()

    def _distance(self, old: Tensor, new: Tensor) -> float:
        try:
            scale = torch.from_numpy(scaling(self.vae)[1]).to(self.device)
        except ValueError:  # a VAE that never met pretrain() has no statistics
            std = old.std(0, correction=0)
            scale = torch.maximum(std, STD_FLOOR * std.max()).clamp_min(1e-6)
        return float(((new - old) / scale).square().mean().sqrt())

    def _reference(self, frames: np.ndarray, rng: np.random.Generator) -> Tensor:
        size = REFERENCE if self.old is None else REFERENCE // 2
        chosen = frames[rng.choice(len(frames), size=min(size, len(frames)), replace=False)]
        if self.old is not None and self._old_rows is not None:
            size = min(REFERENCE // 2, len(self._old_rows))
            rows = np.sort(rng.choice(self._old_rows, size=size, replace=False))
            chosen = np.concatenate([chosen, self.old.take("frames", rows)])
        return frames_to_x(chosen).to(self.device)

    def state_dict(self) -> dict[str, Any]:
        """Everything that ``load_state_dict`` needs to go on exactly; tensors and numbers only."""
        return {
            **self.trainer.state_dict(), "encoder": self.encoder, "reference": self.reference
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of ``state_dict``."""
        self.trainer.load_state_dict(state)
        self.encoder = _copy(state["encoder"])
        self.reference = state["reference"]


def _copy(weights: Mapping[str, Tensor]) -> Weights:
    return {name: weight.detach().clone() for name, weight in weights.items()}


def _between(start: Mapping[str, Tensor], end: Mapping[str, Tensor], fraction: float) -> Weights:
    return {name: torch.lerp(start[name], end[name], fraction) for name in start}
