"""An environment in every kind of observation, for ``test_everywhere.py``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor


class World(gym.Env[Any, Any]):
    """Noise of a new brightness at each step of episodes of 5; the action is rewarded by it."""

    def __init__(self, pictures: str, order: str, *, discrete: bool) -> None:
        self.order = order
        picture = gym.spaces.Box(0, 255, (32, 32, 3) if order == "last" else (3, 32, 32), np.uint8)
        joints = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
        parts: dict[str, dict[str, gym.Space[Any]]] = {
            "vector": {"camera": picture, "arm": joints},
            "two": {"left": picture, "arm": joints, "right": picture},
            "discrete": {"tool": gym.spaces.Discrete(3), "camera": picture},
        }
        self.observation_space = gym.spaces.Dict(parts[pictures]) if pictures in parts else picture
        box = gym.spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(3) if discrete else box

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps = 0
        return self.appearance(self.observation_space), {}

    def step(self, action: Any):
        self.steps += 1
        reward = self.brightness / 255 * float(np.mean(action))
        return self.appearance(self.observation_space), reward, False, self.steps >= 5, {}

    def appearance(self, space: gym.Space[Any]) -> Any:
        if isinstance(space, gym.spaces.Dict):
            return {key: self.appearance(part) for key, part in space.spaces.items()}
        if isinstance(space, gym.spaces.Discrete):
            return self.np_random.integers(space.n)
        if space.dtype != np.uint8:
            return self.np_random.normal(5, 2, space.shape).astype(np.float32)
        self.brightness = self.np_random.integers(1, 256)
        return self.np_random.integers(0, self.brightness, space.shape, np.uint8, endpoint=True)

    def action_masks(self) -> np.ndarray:
        return np.array([True, True, self.steps % 2 == 0])


def make_world(pictures: str, order: str, *, discrete: bool) -> gym.Env[Any, Any]:
    return Monitor(World(pictures, order, discrete=discrete))
