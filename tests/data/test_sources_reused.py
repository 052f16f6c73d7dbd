"""Frames that are there already: whose they are, and what is said where nobody can tell."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from bvae_rl import collect


class Room(gym.Env[np.ndarray, Any]):
    """Walls of one brightness, and the last action above them."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, wall: int) -> None:
        self.wall = wall

    def _seen(self, action: int) -> np.ndarray:
        picture = np.full((32, 32, 3), self.wall, np.uint8)
        picture[:4] = 100 * action
        return picture

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(0), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, Any]:
        self.steps += 1
        return self._seen(int(action)), 0.0, False, self.steps >= 10, {}


def test_frames_of_an_unregistered_environment_are_taken_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        collect(Room(10), tmp_path, frames=40)
        assert "taken for its own" not in caplog.text
        collect(Room(250), tmp_path, frames=40)
    assert "taken for its own: what is not registered, or a wrapper" in caplog.text


def test_a_registered_one_is_told_by_its_arguments(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = EnvSpec("test/Room-v0", entry_point=Room)
    monkeypatch.setitem(gym.registry, spec.id, spec)  # it is gone afterwards
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            collect(gym.make("test/Room-v0", wall=10), tmp_path, frames=40)
        assert "taken for its own" not in caplog.text
    with pytest.raises(ValueError, match=r"other settings \(shown.made.wall 10, not 250\)"):
        collect(gym.make("test/Room-v0", wall=250), tmp_path, frames=40)


def test_another_function_is_another_policy(tmp_path: Path) -> None:
    def always(action: int) -> Any:
        return lambda obs: np.full(len(obs), action)

    for _ in range(2):
        collect(Room(10), tmp_path, frames=40, policy=always(0))
    with pytest.raises(ValueError, match=r"other settings \(.*acts"):
        collect(Room(10), tmp_path, frames=40, policy=always(2))
