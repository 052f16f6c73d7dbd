"""Raw pictures as observations: what the method ``pixels`` hands to SB3's NatureCNN."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecTransposeImage
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.pictures.frame_layout import FrameLayout

SMALLEST = 36  # pixels, that NatureCNN takes


class StackAsChannels(VecEnvWrapper):
    """Frames (n, H, W, C) of ``venv``, which NatureCNN does not take, as (H, W, n * C)."""

    def __init__(self, venv: VecEnv) -> None:
        n, height, width, channels = venv.observation_space.shape or ()
        super().__init__(venv, Box(0, 255, (height, width, n * channels), np.uint8))

    def reset(self) -> np.ndarray:
        """(n_envs, H, W, n * C)."""
        return self._merged(self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """The same, terminal observations too."""
        frames, rewards, dones, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                last = np.asarray(info["terminal_observation"])[None]
                info["terminal_observation"] = self._merged(last)[0]
        return self._merged(frames), rewards, dones, infos

    @staticmethod
    def _merged(frames: Any) -> np.ndarray:
        return np.concatenate(list(np.moveaxis(np.asarray(frames), 1, 0)), axis=-1)


def pixels_view(venv: VecEnv) -> VecEnv:
    """``venv``, stacks as channels.

    TypeError for what is no picture, ValueError for one that NatureCNN refuses.
    """
    space = venv.observation_space
    FrameLayout.of(space)  # a clear error where the observation is no picture
    if len(space.shape or ()) == 4:
        venv = StackAsChannels(venv)
        space = venv.observation_space
    if (
        isinstance(space, Box)
        and is_image_space(space)
        and not is_image_space_channels_first(space)
    ):
        space = VecTransposeImage.transpose_space(space)
    try:
        with torch.random.fork_rng(devices=[]):
            NatureCNN(space)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise ValueError(
            "raw pixels are read by SB3's NatureCNN, which takes uint8 pictures of at least "
            f"{SMALLEST}x{SMALLEST} pixels, got {venv.observation_space}; resize them with --size "
            "64 64 (a VAE is then pretrained with it too), or leave the method out"
        ) from error
    return venv
