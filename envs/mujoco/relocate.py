"""``bvae_rl/MujocoRelocate-v0``: Adroit's Relocate, which works with MuJoCo 4.

(Those of the Fetch and Shadow robots and
the Franka kitchen of gymnasium-robotics 1.4.2 fail an assertion when they are made: they compare
joint types in a way that MuJoCo 4 no longer allows.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.mujoco.paint import Mark, Scene, show
from bvae_rl.envs.mujoco.world import MujocoWorld

TABLE_Z = 0.002
FLEXION = tuple(
    f"{finger}{joint}" for finger in ("FF", "MF", "RF", "LF") for joint in ("J2", "J1", "J0")
)
BEND = 1.571  # radians by which each of these bends at most
HAND = {  # factor: joint and sign, in the directions of the world
    "hand_x": ("ARTx", -1.0),
    "hand_y": ("ARTz", 1.0),
    "hand_z": ("ARTy", 1.0),
    "hand_pitch": ("ARRx", 1.0),
    "hand_roll": ("ARRz", 1.0),
    "hand_yaw": ("ARRy", 1.0),
}
SIGNS = np.array([sign for _, sign in HAND.values()])
BALL = ("OBJTx", "OBJTy", "OBJTz")
GRIP, BALL_AT, TARGET_AT = 6, slice(7, 10), slice(10, 13)
NEAR = 0.1
FACTORS = {  # where it is drawn, its range, its unit
    "hand_x": ((-0.2, 0.2), (-0.5, 0.5), "m"),
    "hand_y": ((0.0, 0.4), (-0.5, 0.7), "m"),
    "hand_z": ((0.0, 0.15), (-0.25, 0.4), "m"),
    "hand_pitch": ((-0.25, 0.4), (-1.4, 1.4), "rad"),
    "hand_roll": ((-0.7, 0.7), (-1.4, 1.4), "rad"),
    "hand_yaw": ((-0.5, 0.5), (-1.2, 1.2), "rad"),
    "grip": ((0.0, 1.0), (-0.1, 1.1), ""),
    "object_x": ((-0.15, 0.15), (-0.5, 0.5), "m"),
    "object_y": ((-0.15, 0.3), (-0.5, 0.5), "m"),
    "object_z": ((0.035, 0.3), (0.02, 0.6), "m"),
    "target_x": ((-0.2, 0.2), (-0.2, 0.2), "m"),
    "target_y": ((-0.2, 0.2), (-0.2, 0.2), "m"),
    "target_z": ((0.15, 0.35), (0.15, 0.35), "m"),
}


def _dress(spec: Any) -> None:
    for geom in spec.geoms:
        if geom.name.startswith("C_"):  # what collides: simpler than what the hand is drawn with
            show(geom, "arm")
        elif geom.name == "sphere":
            show(geom, "object", size=0.045)
        elif geom.parent.name == "table" and geom.pos[2] > -0.1:
            show(geom, "floor")
        elif geom.name == "ground":
            show(geom, "frame")
    show(spec.site("target"), "target")


class MujocoRelocate(MujocoWorld):
    """A hand of 30 joints carries a ball to a target in the air: ``AdroitHandRelocate-v1``.

    Factors of the state: the displacement of the forearm in metres and its turns, the ``grip``
    (mean bend of the four fingers, 0 open to 1 fist), and where ball (``object``) and target are.
    They are not all that can be seen: wrist, thumb and single fingers are no factors and are put
    straight when factors are set. Success: ball within 0.1 m of the target. The dense reward is
    that of gymnasium-robotics 1.4.2, which *adds* a tenth of the distance from palm to ball (its
    authors announce another in v2); ``reward_type="sparse"`` has none of this. The sections of
    ``MujocoWorld`` hold.
    """

    entry = "gymnasium_robotics.envs.adroit_hand:AdroitHandRelocateEnv"
    steps = 200
    scene = Scene(
        _dress,
        (0.0, -0.04, 0.12),
        1.1,
        -90.0,
        -48.0,
        tiles=6.0,
        see_through=0.5,
        marks=(
            Mark("palm", TABLE_Z, 0.05),
            Mark("Object", TABLE_Z, 0.04),
            Mark("target", TABLE_Z, 0.05, "target"),
        ),
    )
    bodies = {"forearm": "hand", "Object": "ball", "table": "table", "world": "ground"}
    limits = {name: drawn for name, (drawn, _, _) in FACTORS.items()}
    state_specs = tuple(
        FactorSpec(name, low=low, high=high, unit=unit)
        for name, (_, (low, high), unit) in FACTORS.items()
    )
    proprioception = (*HAND, "grip")
    whole = False

    def _read(self) -> np.ndarray:
        qpos, model = self._sim.data.qpos, self._sim.model
        hand = SIGNS * qpos[_joints(model, [joint for joint, _ in HAND.values()])]
        grip = qpos[_joints(model, FLEXION)].mean() / BEND
        ball = model.body("Object").pos + qpos[_joints(model, BALL)]
        return np.array([*hand, grip, *ball, *model.site("target").pos])

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        model, qpos = self._sim.model, np.zeros(self._sim.model.nq)
        qpos[_joints(model, [joint for joint, _ in HAND.values()])] = SIGNS * state[:GRIP]
        qpos[_joints(model, FLEXION)] = state[GRIP] * BEND
        qpos[_joints(model, BALL)] = state[BALL_AT] - model.body("Object").pos
        return qpos

    def _place(self, state: np.ndarray) -> None:
        self._sim.model.site("target").pos[:] = state[TARGET_AT]

    def _is_success(self, state: np.ndarray) -> bool:
        return float(np.linalg.norm(state[BALL_AT] - state[TARGET_AT])) < NEAR


def _joints(model: Any, names: Any) -> list[int]:
    """Where the joints of these names are in qpos."""
    return [int(model.joint(name).qposadr[0]) for name in names]
