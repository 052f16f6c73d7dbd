"""The pictures that EnvPool draws of what it simulates, where observations are none."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.envpool_ids import envpool, made

#: What says how large MuJoCo's pictures are, and from which camera.
OPTIONS = ("render_width", "render_height", "render_camera_id")
LIBRARIES = ("libEGL.so.1", "libGL.so.1")


def check_renderer(env_id: str) -> None:
    """ValueError where MuJoCo could not draw, which would end the process.

    On Linux EnvPool 1.2.5 brings an EGL of its own under a name that its MuJoCo does not find; it
    is content with the system's, once that is loaded.
    """
    home = envpool().registration.registry.specs[env_id][0]
    if not home.startswith("envpool.mujoco") or sys.platform != "linux":
        return
    try:
        for name in LIBRARIES:
            ctypes.CDLL(name)
    except OSError as error:
        raise ValueError(
            f"EnvPool cannot draw {env_id} here: MuJoCo needs the system's OpenGL ({error}); "
            "install it, for example: apt install libegl1 libgl1; or leave out pixels (--pixels)"
        ) from error


def drawn_space(env_id: str, options: Mapping[str, Any]) -> gym.spaces.Box:
    """The space of what ``env_id`` draws."""
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
