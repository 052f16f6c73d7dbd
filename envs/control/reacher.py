"""``bvae_rl/ReacherEasy-v0``: the suite's reacher, easy."""

from __future__ import annotations

from math import pi

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.control.world import ControlWorld, wrapped
from bvae_rl.envs.mujoco.contacts import out_of_reach
from bvae_rl.envs.mujoco.world import Limits, wider

FARTHEST = 0.2  # metres from the centre at which the task puts its target; the nearest are 0.05
WRIST = np.deg2rad(160.0)
TARGET: Limits = {"target_x": (-FARTHEST, FARTHEST), "target_y": (-FARTHEST, FARTHEST)}


class ReacherEasy(ControlWorld):
    """A two-link arm in the plane reaches for a large target: ``suite.load("reacher", "easy")``.

    Factors of the state: two joint angles, x and y of the target. The sections of ``ControlWorld``
    hold.
    """

    task = ("reacher", "easy")
    parts = ("body", "target", "decoration", "floor")
    pivot = 0.75
    limits = {"shoulder": (-pi, pi), "wrist": (-WRIST, WRIST), **TARGET}
    state_specs = (
        FactorSpec("shoulder", "cyclic", low=-pi, high=pi, unit="rad"),
        *wider({"wrist": (-WRIST, WRIST)}, 0.3, "rad"),
        *wider(TARGET, 0.0, "m"),
    )
    proprioception = ("shoulder", "wrist")
    velocity_names = ("shoulder", "wrist")

    def _read(self) -> np.ndarray:
        shoulder, wrist = self._physics.data.qpos
        target = self._model.geom("target").pos
        return np.array([wrapped(shoulder), wrist, *target[:2]])

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        return state[:2]

    def _place(self, state: np.ndarray) -> None:
        self._model.geom("target").pos[:2] = state[2:]

    def _obstacle(self, state: np.ndarray) -> str | None:
        return out_of_reach(state[2], state[3], FARTHEST) or super()._obstacle(state)
