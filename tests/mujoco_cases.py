"""Where MuJoCo can draw, and where its tests are skipped; continuous integration must draw."""

from __future__ import annotations

import os
from functools import cache

import pytest

from bvae_rl.envs.mujoco.pusher import MujocoPusher
from bvae_rl.envs.mujoco.reacher import MujocoReacher
from bvae_rl.envs.mujoco.relocate import MujocoRelocate

MUJOCO_WORLDS = {"reacher": MujocoReacher, "pusher": MujocoPusher, "relocate": MujocoRelocate}


@cache
def reason_not_to_draw() -> str:
    """Why MuJoCo cannot draw here; empty where it can."""
    try:
        MujocoReacher().reset(seed=0)
    except ImportError as error:
        return str(error)
    return ""


def need_drawing() -> None:
    """Skip the calling test where MuJoCo cannot draw; with the variable CI set, fail it."""
    if reason := reason_not_to_draw():
        if os.environ.get("CI"):
            pytest.fail(f"CI has to draw MuJoCo pictures: {reason}")
        pytest.skip(reason)
