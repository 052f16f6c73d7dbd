"""``bvae_rl/CartpoleSwingup-v0``: the suite's cartpole, swingup."""

from __future__ import annotations

from math import pi

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.control.world import ControlWorld, wrapped


class CartpoleSwingup(ControlWorld):
    """A cart on a rail swings its pole up and holds it: ``suite.load("cartpole", "swingup")``.

    Factors of the state: position of the ``cart`` and angle of the ``pole``, 0 where it stands
    upright. The sections of ``ControlWorld`` hold.
    """

    task = ("cartpole", "swingup")
    parts = ("body", "decoration", "floor", "sky")
    pivot = 4.0
    limits = {"cart": (-1.6, 1.6), "pole": (-pi, pi)}  # the rail goes on to 1.8, out of the picture
    state_specs = (
        FactorSpec("cart", low=-2.2, high=2.2, unit="m"),  # the ends of the rail are soft
        FactorSpec("pole", "cyclic", low=-pi, high=pi, unit="rad"),
    )
    proprioception = ("cart",)
    velocity_names = ("cart", "pole")

    def _read(self) -> np.ndarray:
        cart, pole = self._physics.data.qpos
        return np.array([cart, wrapped(pole)])
