"""The pictures that EnvPool draws of what it simulates, where observations are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.envpool.gl import why_not_to_draw
from bvae_rl.data.envpool.ids import envpool, made

#: What says how large MuJoCo's pictures are, and from which camera.
OPTIONS = ("render_width", "render_height", "render_camera_id")


def check_renderer(env_id: str) -> None:
    """ValueError where MuJoCo could not draw ``env_id``."""
    home = envpool().registration.registry.specs[env_id][0]
    if home.startswith("envpool.mujoco") and (why := why_not_to_draw()):
        raise ValueError(
            f"EnvPool cannot draw {env_id} here: {why}; or leave out pixels (--pixels)"
        )


def drawn_space(env_id: str, options: Mapping[str, Any]) -> gym.spaces.Box:
    """The space of what ``env_id`` draws; ValueError where it draws nothing."""
    one = made(env_id, num_envs=1, seed=0, render_mode="rgb_array", **options)
    one.reset()
    try:
        shape = one.render(env_ids=np.arange(1)).shape[1:]
    except RuntimeError as error:
        raise ValueError(
            f"EnvPool cannot draw {env_id} ({error}); leave out pixels (--pixels)"
        ) from error
    finally:
        one.close()
    return gym.spaces.Box(0, 255, shape, np.uint8)
