"""Go on training a VAE on frames that keep arriving, without pulling the rug from under a policy.

Three guards: pretraining frames are mixed into each batch, so that old appearances are not forgotten; the
encoder that a policy sees can be a slow, exponentially averaged one; and its features may move only
so far per update, measured on fixed reference frames in standard deviations of each latent.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_layout import frames_to_x
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.scaling import STD_FLOOR, scaling
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.devices import use_bfloat16
from bvae_rl.training.batches import Batch, Rows
from bvae_rl.training.objectives import Objective
from bvae_rl.training.validation import validate

REFERENCE = 128  # frames on which the movement of the features is measured
SHRINK = 0.9  # a step that moves the features too far is shortened a little below the limit

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class FineTuneConfig:
    """How an update trains. ``gradient_steps`` of ``batch_size`` images each, by Adam.

    ``max_move`` bounds what one update does to the features: the root mean square change over
    reference frames and latents, in standard deviations of pretraining; None is no bound.
    ``average`` is the share of the old weights that the policy's encoder keeps at each update
    (0: it is the trained one itself). ``max_grad_norm`` bounds the gradient's norm, on the scale of the
    loss.
    """

    gradient_steps: int = 16
    batch_size: int = 64
    learning_rate: float = 3e-4
    max_move: float | None = 0.5
    average: float = 0.0
    max_grad_norm: float = 1000.0

    def __post_init__(self) -> None:
        for name in ("gradient_steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.max_move is not None and not self.max_move > 0:
            raise ValueError(f"max_move must be positive or None, got {self.max_move}")
        if not 0.0 <= self.average < 1.0:
            raise ValueError(f"average must be in [0, 1), got {self.average}")
        if not self.learning_rate > 0 or not self.max_grad_norm > 0:
            raise ValueError(
                f"learning_rate and max_grad_norm must be positive, got {self.learning_rate} and {self.max_grad_norm}"
            )


class FineTuner:
    """A VAE in training, and ``encoder``, the weights that a policy is to use.

    ``old`` with ``mix`` in (0, 1) gives the share of each batch that is drawn from pretraining
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
                "mix is the share in (0, 1) of each batch that comes from the frame store old; "
                f"give both or neither, got mix={mix} and {'no' if old is None else 'a'} store"
            )
        if old is not None and not len(old):
            raise ValueError(f"the frame store at {old.folder} is empty; fill it: bvae-rl collect")
        if old is not None and tuple(old.shape) != vae.config.shape:
            raise ValueError(f"the store holds frames of {old.shape}, the VAE takes {vae.shape}")
        self.vae = deepcopy(vae).train()
        self.objective, self.config, self.seed, self.old = objective, config, seed, old
        self.device = next(vae.parameters()).device
        self.old_images = round(mix * config.batch_size)
        if old is not None and not 0 < self.old_images < config.batch_size:
            raise ValueError(
                f"mix={mix} of a batch of {config.batch_size} is {self.old_images} old frames and "
                f"{config.batch_size - self.old_images} new ones; there must be some of both"
            )
        self.optimizer = torch.optim.Adam(self.vae.parameters(), lr=config.learning_rate)
        self.encoder: Weights = _copy(self.vae.encoder.state_dict())
        self.reference: Tensor | None = None  # x (R, C, H, W)
        self._old_rows = None if old is None else Rows(old).train

    @property
    def wanted(self) -> int:
        """How many new frames an update can use."""
        return self.config.gradient_steps * (self.config.batch_size - self.old_images)

    def to(self, device: torch.device) -> None:
        """Move everything to ``device``."""
        self.vae.to(device)
        self.device = next(self.vae.parameters()).device
        self.encoder = {name: weight.to(device) for name, weight in self.encoder.items()}
        self.reference = None if self.reference is None else self.reference.to(device)

    def seen_by_policy(self) -> BetaVAE:
        """The VAE with the encoder that the policy is to use."""
        vae = deepcopy(self.vae).eval()
        vae.encoder.load_state_dict(self.encoder)
        return vae

    def update(self, frames: np.ndarray, *, step: int) -> dict[str, float]:
        """Train on new uint8 frames (N, H, W, C), drawn from at random; returns ``vae/*`` metrics.

        ``step`` counts environment steps and is what the objective's schedules see. ValueError if
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
                self._gradient_step(frames, rng, step) for _ in range(self.config.gradient_steps)
            ]
        except FloatingPointError as error:
            self.load_state_dict(before)
            raise ValueError(f"{error} at step {step}; lower the learning rate") from error
        taken, moved = self._move_encoder(before["vae"])
        averages = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
        averages["vae/beta"] = parts[-1]["vae/beta"]
        return {
            **averages,
            **validate(self.vae, self.reference),
            "vae/feature_move": moved,
            "vae/step_taken": taken,
        }

    def _gradient_step(
        self, frames: np.ndarray, rng: np.random.Generator, step: int
    ) -> dict[str, float]:
        config = self.config
        batch = frames[rng.integers(len(frames), size=config.batch_size - self.old_images)]
        if self.old is not None and self._old_rows is not None:
            rows = rng.choice(self._old_rows, size=self.old_images)
            batch = np.concatenate([batch, self.old.array("frames")[rows]])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        noise = torch.randn((config.batch_size, self.vae.latent_dim), generator=generator)
        x, noise = frames_to_x(batch).to(self.device), noise.to(self.device)
        with torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=use_bfloat16("auto", self.device)
        ):
            loss, parts = self.objective.loss(self.vae, Batch(x), step, noise)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the VAE's loss became {loss.item()}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.vae.parameters(), config.max_grad_norm)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the norm of the VAE's gradient became {norm.item()}")
        self.optimizer.step()
        self.objective.after_step(self.vae, Batch(x), step)
        named = {
            f"vae/{name}": part.item() if isinstance(part, Tensor) else float(part)
            for name, part in parts.items()
        }
        return {"vae/loss": loss.item(), **named}

    def _move_encoder(self, before: Weights) -> tuple[float, float]:
        """Let the policy's encoder follow the trained one; the share of the step, and the move."""
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
        share = REFERENCE if self.old is None else REFERENCE // 2
        chosen = frames[rng.choice(len(frames), size=min(share, len(frames)), replace=False)]
        if self.old is not None and self._old_rows is not None:
            size = min(REFERENCE // 2, len(self._old_rows))
            rows = np.sort(rng.choice(self._old_rows, size=size, replace=False))
            chosen = np.concatenate([chosen, self.old.array("frames")[rows]])
        return frames_to_x(chosen).to(self.device)

    def state_dict(self) -> dict[str, Any]:
        """Everything that ``load_state_dict`` needs to go on exactly; tensors and numbers only."""
        return {
            "vae": self.vae.state_dict(),
            "encoder": self.encoder,
            "optimizer": self.optimizer.state_dict(),
            "objective": self.objective.state_dict(),
            "reference": self.reference,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of ``state_dict``."""
        self.vae.load_state_dict(state["vae"])
        self.encoder = _copy(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.objective.load_state_dict(state["objective"])
        self.reference = state["reference"]


def _copy(weights: Mapping[str, Tensor]) -> Weights:
    return {name: weight.detach().clone() for name, weight in weights.items()}


def _between(start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float) -> Weights:
    return {name: torch.lerp(start[name], end[name], share) for name in start}
