"""Encode once: a vectorised environment whose observations are latents.

For a frozen encoder this is what SB3's maintainers advise (SB3 issue 409): one pass per environment
step instead of one per gradient step, and a replay buffer of latents instead of pictures.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.plug.frames_in import FrameLayout

STD_FLOOR = 0.1


@runtime_checkable
class Encoder(Protocol):
    """What turns frames into codes: a BetaVAE, trained or not, PCA, or anything else like it."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the frames."""

    @property
    def latents(self) -> int:
        """D, the width of a code."""

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 frames (N, H, W, C) -> codes (N, D) float32."""

    def slice_of(self, group: str) -> slice:
        """The columns of "all" or of a named group; ValueError for an unknown one."""

    def statistics(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and standard deviation of each latent in pretraining, each (D,), where known."""


class LatentVecEnv(VecEnvWrapper):
    """``venv`` seen through ``vae``: observations are codes, Box(-inf, inf, (stack * D,), float32).

    ``latents`` chooses the columns, "all" or a group; a stack of n frames gives n codes, the oldest
    first. All environments are encoded in one batch, and the ``terminal_observation`` of those that
    ended with it. Float pictures are rounded to 256 levels first.

    With ``standardise`` a code becomes (mu - mean) / max(std, 0.1 * max(std)), with the statistics
    of pretraining; the floor keeps the noise of inactive latents from being blown up.

    Raises TypeError or ValueError for observations other than the pictures that ``vae`` was trained
    on, and for ``standardise`` without usable statistics.
    """

    def __init__(
        self, venv: VecEnv, vae: Encoder, *, latents: str = "all", standardise: bool = False
    ) -> None:
        if not isinstance(venv, VecEnv):
            raise TypeError(
                f"LatentVecEnv wraps a VecEnv, got {type(venv).__name__}; make one with "
                "stable_baselines3.common.env_util.make_vec_env"
            )
        if not isinstance(vae, Encoder):
            raise TypeError(
                f"vae must be an encoder such as BetaVAE.load(folder), got {type(vae).__name__}"
            )
        self.vae = vae
        self.layout = FrameLayout.of(venv.observation_space, shape=vae.shape)
        self._columns = vae.slice_of(latents)
        self._scaling = _scaling(vae) if standardise else None
        width = self.layout.stack * (self._columns.stop - self._columns.start)
        super().__init__(venv, gym.spaces.Box(-np.inf, np.inf, (width,), np.float32))

    def reset(self) -> np.ndarray:
        """Codes (n_envs, stack * D)."""
        codes = self.encode(_pictures(self.venv.reset()))
        self.reset_infos = self.venv.unwrapped.reset_infos
        return codes

    def step_wait(self) -> VecEnvStepReturn:
        """Codes, rewards, dones, infos; one encoder pass, terminal observations included."""
        observations, rewards, dones, infos = self.venv.step_wait()
        batch = _pictures(observations)
        ended = [i for i in np.flatnonzero(dones) if "terminal_observation" in infos[i]]
        if ended:
            last = np.stack([infos[i]["terminal_observation"] for i in ended])
            batch = np.concatenate([batch, last])
        codes = self.encode(batch)
        for i, code in zip(ended, codes[self.num_envs :], strict=True):
            infos[i]["terminal_observation"] = code
        # the environments below replace theirs at every reset; wrappers keep an empty one
        self.reset_infos = self.venv.unwrapped.reset_infos
        return codes[: self.num_envs], rewards, dones, infos

    def encode(self, observations: np.ndarray) -> np.ndarray:
        """Observations of ``venv`` (B, *shape) -> codes (B, stack * D) float32, in one pass."""
        with torch.inference_mode():
            codes = self.vae.encode_frames(self.layout.all_frames(observations))
        if self._scaling is not None:
            mean, scale = self._scaling
            codes = (codes - mean) / scale
        chosen = codes[:, self._columns].reshape(len(observations), -1)
        return np.ascontiguousarray(chosen, dtype=np.float32)


def _pictures(observations: object) -> np.ndarray:
    assert isinstance(observations, np.ndarray)  # FrameLayout refused all other spaces
    return observations


def _scaling(vae: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """What to subtract and to divide by, each (D,) float32."""
    statistics = vae.statistics()
    if statistics is None:
        raise ValueError(
            "standardise=True needs the mean and std of the latents, and this encoder has none; "
            "pretrain() stores them in the VAE's config.json, or leave standardise=False"
        )
    mean, std = (np.asarray(values, dtype=np.float32) for values in statistics)
    expected = (vae.latents,)
    if mean.shape != expected or std.shape != expected:
        raise ValueError(
            f"the encoder has {vae.latents} latents and statistics of shape {mean.shape} and "
            f"{std.shape}; pretrain it again"
        )
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and std.max() > 0):
        raise ValueError(
            f"the latents cannot be standardised by mean {mean} and std {std}: the encoder has no "
            "active latent; lower beta and pretrain again"
        )
    return mean, np.maximum(std, STD_FLOOR * std.max())
