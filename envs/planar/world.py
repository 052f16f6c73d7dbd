"""What the planar worlds share: the arm's motion and spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import PlanarAppearance
from bvae_rl.envs.planar.variations import COLOURS, planar_domain
from bvae_rl.envs.world import World

MAX_STEP = 0.2
EPISODE_STEPS = 50

JOINT_SPECS = (
    FactorSpec("shoulder", low=planar.Q_LOW[0], high=planar.Q_HIGH[0], unit="rad"),
    FactorSpec("elbow", low=planar.Q_LOW[1], high=planar.Q_HIGH[1], unit="rad"),
)
COLOUR_SPECS = tuple(variation.spec for variation in COLOURS)


class PlanarWorld(World):
    """A two-link arm with joint velocities as actions, seen from above."""

    proprioception = ("shoulder", "elbow")

    def __init__(
        self, *, domain: str = "source", size: int = 64, render_mode: str | None = None
    ) -> None:
        if not isinstance(size, int) or size < 16:
            raise ValueError(f"size must be a whole number of pixels, 16 or more, got {size!r}")
        super().__init__(
            planar_domain(domain), size=size, max_steps=EPISODE_STEPS, render_mode=render_mode
        )
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._state = np.array([(spec.low + spec.high) / 2 for spec in self.state_specs])

    def _named(self, domain: str) -> Domain[PlanarAppearance]:
        return planar_domain(domain)

    def _read(self) -> np.ndarray:
        return self._state

    def _go_to(self, state: np.ndarray) -> None:
        self._state = state


def joint_move(q: np.ndarray, action: np.ndarray) -> np.ndarray:
    """Where the joint angles ``q`` (2,) are to go for ``action`` (2,), within their limits."""
    if np.shape(action) != (2,) or not np.isfinite(action).all():
        raise ValueError(f"an action is two finite joint velocities, got {action}")
    move = MAX_STEP * np.minimum(np.maximum(np.asarray(action, dtype=np.float64), -1.0), 1.0)
    return np.minimum(np.maximum(q + move, planar.Q_LOW), planar.Q_HIGH)


def uniform(
    specs: Sequence[FactorSpec], rng: np.random.Generator, given: Mapping[str, float]
) -> np.ndarray:
    """Independent uniform factors, shape (K,), but for those ``given`` by name."""
    drawn = rng.uniform([spec.low for spec in specs], [spec.high for spec in specs])
    return np.array([given.get(spec.name, v) for spec, v in zip(specs, drawn, strict=True)])
