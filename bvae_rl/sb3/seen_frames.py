"""Where online fine-tuning finds the frames that the agent saw.

On-policy algorithms keep them in the rollout buffer until the next rollout, off-policy ones in the
replay buffer; under ``LatentVecEnv`` the buffers hold codes, so frames are kept as they pass by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.sb3.extractor import BetaVAEExtractor
from bvae_rl.sb3.latent_env import LatentVecEnv

Layouts = Mapping[Any, FrameLayout]  # of each picture by its key; None: it is the observation


class SeenFrames:
    """Frames of the agent's own experience."""

    def on_step(self) -> None:
        """Called after each step of the environments."""

    def on_rollout_end(self) -> None:
        """Called before the policy is updated."""

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Up to about ``n`` uint8 frames (N, H, W, C); none if there are no new ones."""
        raise NotImplementedError


class Reservoir:
    """A uniform sample of ``keep`` of all frames that came (Vitter 1985, algorithm R)."""

    def __init__(self, keep: int, *, seed: int) -> None:
        self._keep, self._rng = keep, np.random.default_rng(seed)
        self._kept: np.ndarray | None = None  # uint8 (keep, H, W, C)
        self._seen = 0

    def add(self, pictures: np.ndarray, shape: tuple[int, ...], layout: FrameLayout) -> None:
        """Offer the frames of ``pictures`` (*shape, *observation); only the chosen are read."""
        order = self._seen + np.arange(np.prod(shape))
        self._seen += len(order)
        places = np.where(order < self._keep, order, self._rng.integers(order + 1))
        chosen = np.flatnonzero(places < self._keep)
        last = dict(zip(places[chosen], chosen, strict=True))  # who takes a place last has it
        if not last:
            return
        frames = layout.frames(pictures[np.unravel_index([*last.values()], shape)])
        if self._kept is None:
            self._kept = np.empty((self._keep, *frames.shape[1:]), np.uint8)
        self._kept[[*last]] = frames

    def take(self) -> np.ndarray:
        """The sample (N, H, W, C); a new one begins."""
        frames = np.empty(0) if self._kept is None else self._kept[: self._seen]
        self._kept, self._seen = None, 0
        return frames


class SampledFrames(SeenFrames):
    """A sample of ``keep`` of the frames that were offered since the last ``take``."""

    def __init__(self, layouts: Layouts, *, keep: int, seed: int) -> None:
        self._layouts, self._sample = layouts, Reservoir(keep, seed=seed)

    def offer(self, observations: Any, shape: tuple[int, ...]) -> None:
        """Add the pictures of ``observations`` (*shape, *observation)."""
        for key, layout in self._layouts.items():
            self._sample.add(_picture(observations, key), shape, layout)

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The whole sample; a new one begins."""
        return self._sample.take()


class RolloutFrames(SampledFrames):
    """A sample of the rollouts since the last ``take``, each read at its end.

    That is before SB3 flattens the buffer, and overwrites it.
    """

    def __init__(self, model: OnPolicyAlgorithm, layouts: Layouts, *, keep: int, seed: int) -> None:
        super().__init__(layouts, keep=keep, seed=seed)
        self._model = model

    def on_rollout_end(self) -> None:
        """Sample the rollout."""
        buffer: Any = self._model.rollout_buffer
        self.offer(buffer.observations, (buffer.buffer_size, buffer.n_envs))


class PassingFrames(SampledFrames):
    """A sample of the frames that ``LatentVecEnv`` encoded since the last ``take``."""

    def __init__(self, latent_env: LatentVecEnv, *, keep: int, seed: int) -> None:
        super().__init__(latent_env.layouts, keep=keep, seed=seed)
        self._env = latent_env

    def on_step(self) -> None:
        """Sample the newest observations."""
        self.offer(self._env.raw, (self._env.num_envs,))


class ReplayFrames(SeenFrames):
    """Frames of the whole replay buffer. ValueError for one that keeps no plain observations."""

    def __init__(self, model: OffPolicyAlgorithm, layouts: Layouts) -> None:
        buffer = model.replay_buffer
        if model.optimize_memory_usage or getattr(buffer, "optimize_memory_usage", False):
            raise ValueError(
                "online fine-tuning reads observations from the replay buffer, and with "
                "optimize_memory_usage=True some of them are overwritten; turn it off"
            )
        if not hasattr(buffer, "observations"):
            raise ValueError(
                f"{type(buffer).__name__} has no observations to fine-tune on; use a replay buffer "
                "of stable-baselines3"
            )
        self._model, self._layouts = model, layouts

    def take(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """A fresh draw of about ``n`` frames, as many of each picture."""
        buffer: Any = self._model.replay_buffer
        shape = (buffer.size(), buffer.n_envs)
        if not shape[0]:
            return np.empty(0)
        each = max(1, n // len(self._layouts))
        rows = np.unravel_index(rng.integers(shape[0] * shape[1], size=each), shape)
        return np.concatenate(
            [
                layout.frames(_picture(buffer.observations, key)[rows])
                for key, layout in self._layouts.items()
            ]
        )


def _picture(observations: Any, key: str | None) -> np.ndarray:
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
    """Where the frames of ``model`` are to be found.

    ``latent_env``: what encodes for the policy, if something does.
    ``shape``: (C, H, W) of a frame.
    ``keep``, ``seed``: size and seed of the sample, where one is kept.

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
    layouts = next(
        module.layouts for module in model.policy.modules() if isinstance(module, BetaVAEExtractor)
    )
    if isinstance(model, OnPolicyAlgorithm):
        return RolloutFrames(model, layouts, keep=keep, seed=seed)
    assert isinstance(model, OffPolicyAlgorithm)
    return ReplayFrames(model, layouts)
