"""Raw pictures as observations: what the method ``pixels`` hands to SB3's NatureCNN."""

from __future__ import annotations

import torch
from gymnasium.spaces import Box
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.vec_env import VecEnv, VecTransposeImage

from bvae_rl.data.frame_layout import FrameLayout


def pixels_view(venv: VecEnv) -> VecEnv:
    """``venv`` as it is. TypeError for what is no picture, ValueError for one NatureCNN refuses."""
    space = venv.observation_space
    FrameLayout.of(space)  # a clear error where the observation is no picture
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
            "raw pixels are read by SB3's NatureCNN, which takes uint8 pictures of at least 36x36 "
            f"pixels, got {venv.observation_space}; resize them with --size 64 64, or leave the "
            "method out"
        ) from error
    return venv
