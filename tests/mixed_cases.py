"""A small world for tests of collecting that covers: a bar that moves along a line."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorSpec

SIDE = 32


class Line(gym.Env[np.ndarray, Any]):
    """A bar at ``x`` in [0, 1], which begins at 0 and moves by at most ``speed``; reward is x."""

    factor_specs = (FactorSpec("x"),)
    observation_space = gym.spaces.Box(0, 255, (SIDE, SIDE, 1), np.uint8)

    def __init__(self, *, speed: float = 0.05, length: int = 20, discrete: bool = False) -> None:
        self.action_space = (
            gym.spaces.Discrete(2) if discrete else gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        )
        self.speed, self.length, self.x, self.now = speed, length, 0.0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.now = 0
        return self.set_factors(np.zeros(1)), {"factors": self.factors()}

    def step(self, action: Any):
        move = 2.0 * float(action) - 1.0 if np.ndim(action) == 0 else float(action[0])
        self.now += 1
        seen = self.set_factors(np.array([self.x + self.speed * move]))
        return seen, self.x, False, self.now >= self.length, {"factors": self.factors()}

    def factors(self) -> np.ndarray:
        return np.array([self.x])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(0, 1, 1)

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        self.x = float(np.clip(factors[0], 0, 1))
        frame = np.zeros((SIDE, SIDE, 1), np.uint8)
        frame[:, round(self.x * (SIDE - 1))] = 255
        return frame


class OnRails(Line):
    """The same where states cannot be set."""

    sample_factors = None  # type: ignore[assignment]
