"""``bvae_rl/MujocoPusher-v0``: gymnasium's ``Pusher-v5``."""

from __future__ import annotations

from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.mujoco.paint import Scene, show
from bvae_rl.envs.mujoco.world import Limits, MujocoWorld, wider

GOAL = np.array([0.45, -0.05])  # also where the object's joints are 0
NEAR = 0.05
JOINTS: Limits = {
    "shoulder_pan": (-2.2854, 1.714602),
    "shoulder_lift": (-0.5236, 1.3963),
    "upper_arm_roll": (-1.5, 1.7),
    "elbow_flex": (-2.3213, 0.0),
    "forearm_roll": (-1.5, 1.5),
    "wrist_flex": (-1.094, 0.0),
    "wrist_roll": (-1.5, 1.5),
}


def _dress(spec: Any) -> None:
    for geom in spec.geoms:
        body = geom.parent.name
        if geom.name == "table":
            show(geom, "floor")
            geom.size = [10.0, 10.0, 0.1]
        elif geom.name.startswith("e"):
            continue  # the head
        elif body in ("object", "goal"):
            show(geom, "target" if body == "goal" else "object")
        else:
            show(geom, "arm")


class MujocoPusher(MujocoWorld):
    """A seven-joint arm pushes a disc on a table to a fixed goal: gymnasium's ``Pusher-v5``.

    Factors of the state: seven joint angles, x and y of the object. Success: object within 0.05 m
    of the goal. The sections of ``MujocoWorld`` hold.
    """

    entry = "gymnasium.envs.mujoco.pusher_v5:PusherEnv"
    steps = 100
    scene = Scene(_dress, (0.36, -0.28, -0.18), 1.4, -90.0, -50.0, tiles=4.0)
    bodies = {"r_shoulder_pan_link": "arm", "object": "object", "world": "table"}
    limits = {
        **JOINTS,
        "shoulder_pan": (-0.6, 1.5),  # where the camera sees the arm
        "object_x": (0.25, 0.65),
        "object_y": (-0.35, -0.05),
    }
    state_specs = (
        *wider(JOINTS, 0.15, "rad"),
        FactorSpec("object_x", low=-0.1, high=1.0, unit="m"),
        FactorSpec("object_y", low=-0.6, high=0.3, unit="m"),
    )
    proprioception = tuple(JOINTS)

    def _read(self) -> np.ndarray:
        qpos = self._sim.data.qpos  # 7 joints, object y and x, goal y and x
        return np.concatenate([qpos[:7], GOAL + qpos[[8, 7]]])

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        x, y = state[7:] - GOAL
        return np.array([*state[:7], y, x, 0.0, 0.0])

    def _is_success(self, state: np.ndarray) -> bool:
        return float(np.linalg.norm(state[7:] - GOAL)) < NEAR
