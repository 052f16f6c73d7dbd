"""The pictures that EnvPool draws of what it simulates, where observations are none."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from bvae_rl.data.envpool_ids import made


def check_renderer(env_id: str) -> None:
    pass


def drawn_space(env_id: str) -> gym.spaces.Box:
    """The space of what ``env_id`` draws."""
    one = made(env_id, num_envs=1, seed=0, render_mode="rgb_array")
    one.reset()
    shape = one.render(env_ids=np.arange(1)).shape[1:]
    one.close()
    return gym.spaces.Box(0, 255, shape, np.uint8)
