"""The manipulation task of gymnasium-robotics that works with MuJoCo 4: Adroit's Relocate.

A hand of 30 joints carries a ball to a target in the air. (Those of the Fetch and Shadow robots and
the Franka kitchen of gymnasium-robotics 1.4.2 fail an assertion when they are made: they compare
joint types in a way that MuJoCo 4 no longer allows.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.mujoco.paint import Mark, Scene, show
from bvae_rl.envs.mujoco.tasks import Task

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
NEAR = 0.1  # metres from ball to target at which the task is done


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


class Relocate(Task):
    """gymnasium-robotics' ``AdroitHandRelocate-v1``.

    Factors: the displacement of the forearm in metres and its turns, the ``grip`` (mean bend of the
    four fingers, 0 open to 1 fist), and where ball (``object``) and target are. They do not tell
    all that can be seen: wrist, thumb and single fingers are no factors and are put straight when
    factors are set.
    """

    entry = "gymnasium_robotics.envs.adroit_hand:AdroitHandRelocateEnv"
    steps = 200
    bodies = {"forearm": "hand", "Object": "ball", "table": "table", "world": "ground"}
    limits = {
        "hand_x": (-0.2, 0.2),
        "hand_y": (0.0, 0.4),
        "hand_z": (0.0, 0.15),
        "hand_pitch": (-0.25, 0.4),
        "hand_roll": (-0.7, 0.7),
        "hand_yaw": (-0.5, 0.5),
        "grip": (0.0, 1.0),
        "object_x": (-0.15, 0.15),
        "object_y": (-0.15, 0.3),
        "object_z": (0.035, 0.3),
        "target_x": (-0.2, 0.2),
        "target_y": (-0.2, 0.2),
        "target_z": (0.15, 0.35),
    }
    specs = (
        FactorSpec("hand_x", low=-0.5, high=0.5, unit="m"),
        FactorSpec("hand_y", low=-0.5, high=0.7, unit="m"),
        FactorSpec("hand_z", low=-0.25, high=0.4, unit="m"),
        FactorSpec("hand_pitch", low=-1.4, high=1.4, unit="rad"),
        FactorSpec("hand_roll", low=-1.4, high=1.4, unit="rad"),
        FactorSpec("hand_yaw", low=-1.2, high=1.2, unit="rad"),
        FactorSpec("grip", low=-0.1, high=1.1),
        FactorSpec("object_x", low=-0.5, high=0.5, unit="m"),
        FactorSpec("object_y", low=-0.5, high=0.5, unit="m"),
        FactorSpec("object_z", low=0.02, high=0.6, unit="m"),
        FactorSpec("target_x", low=-0.2, high=0.2, unit="m"),
        FactorSpec("target_y", low=-0.2, high=0.2, unit="m"),
        FactorSpec("target_z", low=0.15, high=0.35, unit="m"),
    )
    proprioception = (*HAND, "grip")
    whole = False
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

    def read(self, sim: Any) -> np.ndarray:
        qpos, model = sim.data.qpos, sim.model
        hand = SIGNS * qpos[_joints(model, [joint for joint, _ in HAND.values()])]
        grip = qpos[_joints(model, FLEXION)].mean() / BEND
        ball = model.body("Object").pos + qpos[_joints(model, BALL)]
        return np.array([*hand, grip, *ball, *model.site("target").pos])

    def qpos(self, sim: Any, values: np.ndarray) -> np.ndarray:
        model, qpos = sim.model, np.zeros(sim.model.nq)
        qpos[_joints(model, [joint for joint, _ in HAND.values()])] = SIGNS * values[:GRIP]
        qpos[_joints(model, FLEXION)] = values[GRIP] * BEND
        qpos[_joints(model, BALL)] = values[BALL_AT] - model.body("Object").pos
        return qpos

    def place(self, sim: Any, values: np.ndarray) -> None:
        sim.model.site("target").pos[:] = values[TARGET_AT]

    def success(self, values: np.ndarray) -> bool:
        return float(np.linalg.norm(values[BALL_AT] - values[TARGET_AT])) < NEAR


def _joints(model: Any, names: Any) -> list[int]:
    """Where the joints of these names are in qpos."""
    return [int(model.joint(name).qposadr[0]) for name in names]
