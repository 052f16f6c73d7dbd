"""``bvae_rl/WalkerWalk-v0``: the suite's walker, walk."""

from __future__ import annotations

from math import pi

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.control.world import ControlWorld, wrapped
from bvae_rl.envs.mujoco.world import Limits, wider

STANDING = 1.3  # metres of the torso's centre above the floor where the joint of its height is 0
SQUARES = 2.0  # metres after which the floor looks the same
_LEG: Limits = {
    "hip": (float(np.deg2rad(-20.0)), float(np.deg2rad(100.0))),
    "knee": (float(np.deg2rad(-150.0)), 0.0),
    "ankle": (float(np.deg2rad(-45.0)), float(np.deg2rad(45.0))),
}
JOINTS: Limits = {
    f"{side}_{name}": ends for side in ("right", "left") for name, ends in _LEG.items()
}


class WalkerWalk(ControlWorld):
    """A planar body on two legs walks forwards: ``suite.load("walker", "walk")``.

    Factors of the state: ``height`` of the torso's centre, ``ground`` (how far it has gone, modulo
    the 2 m after which the floor looks the same: the camera goes with the body), ``pitch`` of the
    torso, six joint angles. The same factors give frames that differ a little in the shading of the
    floor if the walker has gone another distance. The sections of ``ControlWorld`` hold.
    """

    task = ("walker", "walk")
    parts = ("body", "floor", "sky")
    pivot = 2.0
    bodies = {"torso": "walker", "world": "floor"}
    limits = {"height": (0.1, 1.4), "ground": (0.0, SQUARES), "pitch": (-pi, pi), **JOINTS}
    state_specs = (
        FactorSpec("height", low=0.0, high=2.0, unit="m"),
        FactorSpec("ground", "cyclic", low=0.0, high=SQUARES, unit="m"),
        FactorSpec("pitch", "cyclic", low=-pi, high=pi, unit="rad"),
        *wider(JOINTS, 0.8, "rad"),
    )
    proprioception = tuple(JOINTS)
    velocity_names = ("height", "ground", "pitch", *JOINTS)

    def _read(self) -> np.ndarray:
        up, forward, pitch, *joints = self._physics.data.qpos
        return np.array([STANDING + up, forward % SQUARES, wrapped(pitch), *joints])

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        return np.array([state[0] - STANDING, *state[1:]])
