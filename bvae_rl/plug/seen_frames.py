"""Where online fine-tuning finds the frames that the agent saw.

On-policy algorithms keep them in the rollout buffer until the next rollout, off-policy ones in the
replay buffer; under ``LatentVecEnv`` the buffers hold codes, so frames are kept as they pass by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from bvae_rl.plug.frames_in import FrameLayout, picture_layouts
from bvae_rl.plug.latent_env import LatentVecEnv

Layouts = Mapping[Any, FrameLayout]  # of each picture by its key; None: it is the observation


class SeenFrames(Protocol):
    """Frames of the agent's own experience."""

    def on_step(self) -> None:
        """Called after each step of the environments."""

    def on_rollout_end(self) -> None:
        """Called before the policy is updated."""

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Up to about ``n`` uint8 frames (N, H, W, C); none if there are no new ones."""


class RolloutFrames:
    """Frames of the last rollout, drawn from the buffer at its end (before it is flattened)."""

    def __init__(self, model: OnPolicyAlgorithm, layouts: Layouts, *, keep: int, seed: int) -> None:
        self._model, self._layouts, self._keep = model, layouts, keep
        self._rng = np.random.default_rng(seed)
        self._pending: np.ndarray | None = None

    def on_step(self) -> None:
        """Nothing."""

    def on_rollout_end(self) -> None:
        """Copy some frames; SB3 reshapes and overwrites the buffer soon."""
        buffer: Any = self._model.rollout_buffer
        shape = (buffer.buffer_size, buffer.n_envs)
        self._pending = _draw(buffer.observations, shape, self._layouts, self._keep, self._rng)

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The frames of the last rollout, once."""
        frames, self._pending = self._pending, None
        return np.empty(0) if frames is None else frames


class ReplayFrames:
    """Frames of the whole replay buffer. ValueError for one that keeps no plain observations."""

    def __init__(self, model: OffPolicyAlgorithm, layouts: Layouts) -> None:
        if model.optimize_memory_usage or getattr(
            model.replay_buffer, "optimize_memory_usage", False
        ):
            raise ValueError(
                "online fine-tuning reads observations from the replay buffer, and with "
                "optimize_memory_usage=True some of them are overwritten; turn it off"
            )
        if not hasattr(model.replay_buffer, "observations"):
            raise ValueError(
                f"{type(model.replay_buffer).__name__} has no observations to fine-tune on; use a "
                "replay buffer of stable-baselines3"
            )
        self._model, self._layouts = model, layouts

    def on_step(self) -> None:
        """Nothing."""

    def on_rollout_end(self) -> None:
        """Nothing."""

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """A fresh draw."""
        buffer: Any = self._model.replay_buffer
        shape = (buffer.size(), buffer.n_envs)
        return _draw(buffer.observations, shape, self._layouts, n, rng)


class PassingFrames:
    """A uniform sample of the frames that ``LatentVecEnv`` encoded since the last ``take``."""

    def __init__(self, latent_env: LatentVecEnv, *, keep: int, seed: int) -> None:
        self._env, self._layouts, self._keep = latent_env, latent_env.layouts, keep
        self._rng = np.random.default_rng(seed)
        self._kept: list[np.ndarray] = []
        self._seen = 0

    def on_step(self) -> None:
        """Keep each new frame with the chance that makes the sample uniform (reservoir)."""
        for key, layout in self._layouts.items():
            for frame in layout.frames(_of(self._env.raw, key)):
                self._seen += 1
                place = len(self._kept)
                if place < self._keep:
                    self._kept.append(frame.copy())
                elif (place := int(self._rng.integers(self._seen))) < self._keep:
                    self._kept[place] = frame.copy()

    def on_rollout_end(self) -> None:
        """Nothing."""

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The sample; a new one begins."""
        frames = np.stack(self._kept) if self._kept else np.empty(0)
        self._kept, self._seen = [], 0
        return frames


def _draw(
    observations: Any,
    shape: tuple[int, int],
    layouts: Layouts,
    n: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """About ``n`` frames of a buffer (time, n_envs, *observation), each picture alike."""
    if not shape[0]:
        return np.empty(0)
    each = max(1, n // len(layouts))
    rows = np.unravel_index(rng.integers(shape[0] * shape[1], size=each), shape)
    return np.concatenate(
        [layout.frames(_of(observations, key)[rows]) for key, layout in layouts.items()]
    )


def _of(observations: Any, key: str | None) -> np.ndarray:
    picture: np.ndarray = observations if key is None else observations[key]
    return picture


def seen_frames(
    model: BaseAlgorithm,
    latent_env: LatentVecEnv | None,
    *,
    shape: tuple[int, int, int],
    keep: int,
    seed: int,
) -> SeenFrames:
    """Where the frames of ``model`` are to be found; ``latent_env`` if it encodes for the policy.

    ValueError for an off-policy model on latents: its replay buffer holds codes, which go stale.
    """
    if latent_env is not None:
        if not isinstance(model, OnPolicyAlgorithm):
            raise ValueError(
                f"the replay buffer of this {type(model).__name__} holds latents, which go stale "
                "when the encoder moves, and no frames; give the model pictures "
                "(policy_kwargs(..., mode='online')) instead of a LatentVecEnv"
            )
        return PassingFrames(latent_env, keep=keep, seed=seed)
    layouts = picture_layouts(model.observation_space, shape=shape)
    if isinstance(model, OnPolicyAlgorithm):
        return RolloutFrames(model, layouts, keep=keep, seed=seed)
    assert isinstance(model, OffPolicyAlgorithm)
    return ReplayFrames(model, layouts)
