"""The wrappers around an environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym


def wrappers_of(env: gym.Env[Any, Any]) -> Iterator[gym.Wrapper[Any, Any, Any, Any]]:
    """The wrappers of ``env``, from the outside inwards."""
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env
