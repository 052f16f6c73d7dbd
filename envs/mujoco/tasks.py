"""What the MuJoCo worlds wrap: tasks of gymnasium and gymnasium-robotics, and their factors."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Any, ClassVar

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.mujoco.gl import EXTRA, load_mujoco
from bvae_rl.envs.mujoco.paint import Scene, show
from bvae_rl.runtime.optional import require

Limits = dict[str, tuple[float, float]]


class Task:
    """One simulated task: how its state is read and written as factors (K,).

    Factors are drawn within ``limits``. The ranges of ``specs`` are wider where acting leads out of
    these: MuJoCo's joint limits and contacts are soft. ``touch`` is how deep a contact may be in
    metres; ``bodies`` names the roots of body trees, for messages about what is inside what.
    """

    entry: ClassVar[str]  # module:Class of the simulation
    steps: ClassVar[int]  # of an episode
    parts: ClassVar[tuple[str, ...]] = ("arm", "object", "target", "floor")
    bodies: ClassVar[Mapping[str, str]]
    touch: ClassVar[float] = 0.015
    specs: ClassVar[tuple[FactorSpec, ...]]
    limits: ClassVar[Limits]
    proprioception: ClassVar[tuple[str, ...]]  # what the arm feels without looking
    whole: ClassVar[bool] = True  # whether the factors tell all that can be seen
    scene: ClassVar[Scene]

    def make(self, **kwargs: Any) -> Any:
        """The simulation: a MujocoEnv."""
        load_mujoco()
        module, _, name = self.entry.partition(":")
        return getattr(require(module, extra=EXTRA), name)(**kwargs)

    def read(self, sim: Any) -> np.ndarray:
        """The current factors (K,)."""
        raise NotImplementedError

    def qpos(self, sim: Any, values: np.ndarray) -> np.ndarray:
        """The joint positions (nq,) for factors (K,)."""
        raise NotImplementedError

    def place(self, sim: Any, values: np.ndarray) -> None:
        """Put what has no joints where the factors (K,) say."""

    def shown(self, sim: Any) -> np.ndarray:
        """The joint positions (nq,) that are drawn; by way of the factors where these are all, so
        that the same factors give the same picture to the last bit.
        """
        return self.qpos(sim, self.read(sim)) if self.whole else sim.data.qpos

    def impossible(self, values: np.ndarray) -> str | None:
        """Why factors (K,) cannot be, or None; contacts are checked elsewhere."""
        return None

    def success(self, values: np.ndarray) -> bool:
        """Whether the task is done at factors (K,)."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Independent uniform factors (K,), not all of which need be possible."""
        low, high = zip(*self.limits.values(), strict=True)
        return rng.uniform(low, high)


def wider(limits: Limits, by: float, unit: str) -> tuple[FactorSpec, ...]:
    """Continuous factors that may leave ``limits`` by so much."""
    return tuple(
        FactorSpec(name, low=low - by, high=high + by, unit=unit)
        for name, (low, high) in limits.items()
    )


TARGET_RADIUS = 0.2  # of the disc in which Reacher puts its target
LINKS = (0.1, 0.11)  # metres from joint to joint, and from there to the fingertip


def _dress_reacher(spec: Any) -> None:
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


class Reacher(Task):
    """gymnasium's ``Reacher-v5``: a two-link arm in the plane, seen from above."""

    entry = "gymnasium.envs.mujoco.reacher_v5:ReacherEnv"
    steps = 50
    parts = ("arm", "target", "floor")
    bodies = {"body0": "arm", "target": "target"}
    limits = {
        "joint0": (-pi, pi),
        "joint1": (-3.0, 3.0),
        "target_x": (-TARGET_RADIUS, TARGET_RADIUS),
        "target_y": (-TARGET_RADIUS, TARGET_RADIUS),
    }
    specs = (
        FactorSpec("joint0", "cyclic", low=-pi, high=pi, unit="rad"),
        FactorSpec("joint1", low=-3.5, high=3.5, unit="rad"),
        FactorSpec("target_x", low=-TARGET_RADIUS, high=TARGET_RADIUS, unit="m"),
        FactorSpec("target_y", low=-TARGET_RADIUS, high=TARGET_RADIUS, unit="m"),
    )
    proprioception = ("joint0", "joint1")
    scene = Scene(_dress_reacher, (0.0, 0.0, 0.0), 0.72, 90.0, -90.0, tiles=8.0)

    def read(self, sim: Any) -> np.ndarray:
        values = np.array(sim.data.qpos)
        values[0] -= 2 * pi * np.round(values[0] / (2 * pi))
        return values

    def qpos(self, sim: Any, values: np.ndarray) -> np.ndarray:
        return values

    def impossible(self, values: np.ndarray) -> str | None:
        away = float(np.hypot(*values[2:]))
        if away <= TARGET_RADIUS:
            return None
        return (
            f"the target at ({values[2]:.3g}, {values[3]:.3g}) is {away:.3g} m from the centre, "
            f"and {TARGET_RADIUS:g} is the most"
        )

    def success(self, values: np.ndarray) -> bool:
        first, second = values[0], values[0] + values[1]
        tip = LINKS[0] * np.array([np.cos(first), np.sin(first)])
        tip += LINKS[1] * np.array([np.cos(second), np.sin(second)])
        return float(np.linalg.norm(tip - values[2:])) < 0.02


GOAL = np.array([0.45, -0.05])  # also where the object's joints are 0
PUSHER_JOINTS: Limits = {
    "shoulder_pan": (-2.2854, 1.714602),
    "shoulder_lift": (-0.5236, 1.3963),
    "upper_arm_roll": (-1.5, 1.7),
    "elbow_flex": (-2.3213, 0.0),
    "forearm_roll": (-1.5, 1.5),
    "wrist_flex": (-1.094, 0.0),
    "wrist_roll": (-1.5, 1.5),
}


def _dress_pusher(spec: Any) -> None:
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


class Pusher(Task):
    """gymnasium's ``Pusher-v5``: a seven-joint arm pushes a disc on a table to a fixed goal."""

    entry = "gymnasium.envs.mujoco.pusher_v5:PusherEnv"
    steps = 100
    bodies = {"r_shoulder_pan_link": "arm", "object": "object", "world": "table"}
    limits = {
        **PUSHER_JOINTS,
        "shoulder_pan": (-0.6, 1.5),  # where the camera sees the arm
        "object_x": (0.25, 0.65),
        "object_y": (-0.35, -0.05),
    }
    specs = (
        *wider(PUSHER_JOINTS, 0.15, "rad"),
        FactorSpec("object_x", low=-0.1, high=1.0, unit="m"),
        FactorSpec("object_y", low=-0.6, high=0.3, unit="m"),
    )
    proprioception = tuple(PUSHER_JOINTS)
    scene = Scene(_dress_pusher, (0.36, -0.28, -0.18), 1.4, -90.0, -50.0, tiles=4.0)

    def read(self, sim: Any) -> np.ndarray:
        qpos = sim.data.qpos  # 7 joints, object y and x, goal y and x
        return np.concatenate([qpos[:7], GOAL + qpos[[8, 7]]])

    def qpos(self, sim: Any, values: np.ndarray) -> np.ndarray:
        x, y = values[7:] - GOAL
        return np.array([*values[:7], y, x, 0.0, 0.0])

    def success(self, values: np.ndarray) -> bool:
        return float(np.linalg.norm(values[7:] - GOAL)) < 0.05
