"""``bvae_rl/MujocoReacher-v0``: gymnasium's ``Reacher-v5``, seen from above."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.mujoco.contacts import out_of_reach
from bvae_rl.envs.mujoco.paint import Scene, show
from bvae_rl.envs.mujoco.world import MujocoWorld

TARGET_RADIUS = 0.2  # of the disc in which the task puts its target
LINKS = (0.1, 0.11)  # metres from joint to joint, and from there to the fingertip
NEAR = 0.02


def _dress(spec: Any) -> None:
    for geom in spec.geoms:
        if geom.name == "ground":
            show(geom, "floor")
        elif geom.name.startswith(("side", "root")):
            show(geom, "frame", size=0.02)
        elif geom.name == "target":
            show(geom, "target", size=0.025)
        elif geom.name == "fingertip":
            show(geom, "arm", size=0.022)
        elif geom.name.startswith("link"):
            show(geom, "arm", size=0.015)


class MujocoReacher(MujocoWorld):
    """A two-link arm in the plane reaches for a target: gymnasium's ``Reacher-v5``.

    Factors of the state: two joint angles, x and y of the target. Success: fingertip within 0.02 m
    of the target. The sections of ``MujocoWorld`` hold.
    """

    entry = "gymnasium.envs.mujoco.reacher_v5:ReacherEnv"
    steps = 50
    parts = ("arm", "target", "floor")
    scene = Scene(_dress, (0.0, 0.0, 0.0), 0.72, 90.0, -90.0, tiles=8.0)
    bodies = {"body0": "arm", "target": "target"}
    limits = {
        "joint0": (-pi, pi),
        "joint1": (-3.0, 3.0),
        "target_x": (-TARGET_RADIUS, TARGET_RADIUS),
        "target_y": (-TARGET_RADIUS, TARGET_RADIUS),
    }
    state_specs = (
        FactorSpec("joint0", "cyclic", low=-pi, high=pi, unit="rad"),
        FactorSpec("joint1", low=-3.5, high=3.5, unit="rad"),
        FactorSpec("target_x", low=-TARGET_RADIUS, high=TARGET_RADIUS, unit="m"),
        FactorSpec("target_y", low=-TARGET_RADIUS, high=TARGET_RADIUS, unit="m"),
    )
    proprioception = ("joint0", "joint1")

    def _read(self) -> np.ndarray:
        values = np.array(self._sim.data.qpos)
        values[0] -= 2 * pi * np.round(values[0] / (2 * pi))
        return values

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        return state

    def _obstacle(self, state: np.ndarray) -> str | None:
        return out_of_reach(state[2], state[3], TARGET_RADIUS) or super()._obstacle(state)

    def _is_success(self, state: np.ndarray) -> bool:
        first, second = state[0], state[0] + state[1]
        tip = LINKS[0] * np.array([np.cos(first), np.sin(first)])
        tip += LINKS[1] * np.array([np.cos(second), np.sin(second)])
        return float(np.linalg.norm(tip - state[2:])) < NEAR
