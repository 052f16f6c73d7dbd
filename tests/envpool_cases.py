"""What tests of EnvPool share: whether it is there, and a world that it draws."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

SIDE = 16


def need_envpool() -> None:
    """Skip where EnvPool is not installed; in CI it has to be."""
    if find_spec("envpool") is None and not os.environ.get("CI"):
        pytest.skip('needs EnvPool: pip install "bvae-rl[envpool]"')


class Fallen:
    """CartPole as EnvPool draws it: grey frames, their first pixel the number of the episode.

    The second pixel is the angle of the pole, 128 where it stands; actions are pushes in [-1, 1].
    """

    env_id = "CartPole-v1"
    observation_space = spaces.Box(0, 255, (SIDE, SIDE, 1), np.uint8)
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, seeds: Sequence[int], domain: str) -> None:
        self.episodes, self.seeds, self.domain = np.zeros(len(seeds), dtype=int), seeds, domain
        self.called = 0

    def frames(self, raw: np.ndarray, started: np.ndarray) -> np.ndarray:
        self.called += 1
        self.episodes += started
        frames = np.full((len(raw), SIDE, SIDE, 1), 100 if self.domain == "ood1" else 50, np.uint8)
        frames[:, 0, 0, 0] = self.episodes
        frames[:, 0, 1, 0] = 128 + 400 * raw[:, 2]
        return frames

    def actions(self, actions: np.ndarray) -> np.ndarray:
        return (actions[:, 0] > 0).astype(np.int64)

    def infos(self, index: int) -> dict[str, Any]:
        return {"domain": self.domain, "drawn": int(self.episodes[index])}


class FallenEnv(gym.Env[Any, Any]):
    """Of it only what gymnasium registers is needed."""

    @classmethod
    def envpool(cls, seeds: Sequence[int], *, domain: str = "source") -> Fallen:
        return Fallen(seeds, domain)


class PlainEnv(gym.Env[Any, Any]):
    """One that EnvPool does not draw."""


def register() -> None:
    """Their ids, once."""
    for name, made in {"Fallen": FallenEnv, "Plain": PlainEnv}.items():
        if f"tests_envpool/{name}-v0" not in gym.registry:
            gym.register(f"tests_envpool/{name}-v0", made, max_episode_steps=50)
