"""A block that slides: somebody's environment, and functions that read and set its factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.factor_wrapper import FactorWrapper, uniform
from bvae_rl.data.factors import FactorSpec

SPECS = (
    FactorSpec("x"),
    FactorSpec("phase", kind="cyclic", low=-np.pi, high=np.pi, unit="rad"),
    FactorSpec("size", kind="categorical", values=(4, 8)),
    FactorSpec("tone", role="appearance"),
)


class Block(gym.Env[np.ndarray, np.ndarray]):
    """A block that slides along x with some noise and goes up and down by its phase."""

    observation_space = gym.spaces.Box(0, 255, (48, 48, 3), np.uint8)
    action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self) -> None:
        self.x, self.phase, self.size, self.tone = 0.5, 0.0, 4, 0.5

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.x, self.phase = self.np_random.uniform(), self.np_random.uniform(-np.pi, np.pi)
        self.steps = 0
        return self.draw(), {"own": 1}

    def step(self, action: np.ndarray):
        noise = 0.02 * self.np_random.normal()
        self.x = float(np.clip(self.x + 0.2 * action[0] + noise, 0.0, 1.0))
        self.phase = float((self.phase + action[1] + np.pi) % (2 * np.pi) - np.pi)
        self.steps += 1
        return self.draw(), -self.x, False, self.steps >= 20, {"own": 1}

    def draw(self) -> np.ndarray:
        frame = np.full((48, 48, 3), round(100 * self.tone), np.uint8)
        left, top = round(20 * self.x), round(10 + 10 * np.sin(self.phase))
        frame[top : top + self.size, left : left + self.size, 0] = 255
        frame[0, 0, 1] = round(100 * (self.phase + np.pi) / np.pi)
        return frame


def read(env: Any) -> dict[str, float]:
    block = env.unwrapped
    return {"x": block.x, "phase": block.phase, "size": block.size, "tone": block.tone}


def put(env: Any, factors: np.ndarray) -> np.ndarray:
    block = env.unwrapped
    block.x, block.phase, size, block.tone = factors.tolist()
    if size == 8 and block.x > 0.9:
        raise ValueError("a large block does not fit in there")  # too late: the block has moved
    block.size = int(size)
    return block.draw()


def sample(env: Any, rng: np.random.Generator) -> np.ndarray:
    factors = uniform(SPECS)(env, rng)
    factors[0] *= 0.9
    return factors


def with_factors(env: gym.Env | None = None, **changes: Any) -> Any:
    functions: dict[str, Any] = {"read": read, "sample": sample, "set": put} | changes
    return FactorWrapper(env or Block(), SPECS, **functions)


def tone(low: float, high: float, rng: np.random.Generator) -> Mapping[str, float]:
    return {"tone": rng.uniform(low, high)}
