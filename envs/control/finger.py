"""``bvae_rl/FingerSpin-v0``: the suite's finger, spin."""

from __future__ import annotations

from math import pi

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.control.world import ControlWorld, wrapped
from bvae_rl.envs.mujoco.world import Limits, wider

BEND = float(np.deg2rad(110.0))
JOINTS: Limits = {"proximal": (-BEND, BEND), "distal": (-BEND, BEND)}


class FingerSpin(ControlWorld):
    """A finger of two joints keeps a body spinning: ``suite.load("finger", "spin")``.

    Factors of the state: the finger's joint angles, and the angle of the ``spinner`` modulo half a
    turn, after which it looks the same. The sections of ``ControlWorld`` hold.
    """

    task = ("finger", "spin")
    parts = ("body", "decoration", "floor", "sky")
    pivot = 1.12
    bodies = {"proximal": "finger", "spinner": "spinner", "world": "floor"}
    limits = {**JOINTS, "spinner": (-pi / 2, pi / 2)}
    state_specs = (
        *wider(JOINTS, 0.6, "rad"),
        FactorSpec("spinner", "cyclic", low=-pi / 2, high=pi / 2, unit="rad"),
    )
    proprioception = tuple(JOINTS)
    velocity_names = (*JOINTS, "spinner")

    def _read(self) -> np.ndarray:
        proximal, distal, spinner = self._physics.data.qpos
        return np.array([proximal, distal, wrapped(spinner, pi)])
