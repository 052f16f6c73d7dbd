"""Random actions that are held: uniform noise at each step hardly moves a car or an arm at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.collecting.rollout import Policy
from bvae_rl.data.collecting.shares import HOLD


def sticky_policy(
    space: gym.Space[Any], rng: np.random.Generator, n_envs: int, *, hold: float = HOLD
) -> Policy:
    """Random actions of ``space``, each kept for one more step with the probability ``hold``.

    See ``drawing`` for what they are.
    """
    draw = drawing(space, rng)
    held: list[Any] = []

    def act(observations: np.ndarray) -> np.ndarray:
        if not held:
            held.extend(draw() for _ in range(n_envs))
        else:
            for env in np.flatnonzero(rng.random(n_envs) >= hold):
                held[env] = draw()
        return np.stack(held)

    return act


def beside(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """``values`` as distances from the bound where there is one of ``low`` and ``high`` alone."""
    above, below = np.isfinite(low) & ~np.isfinite(high), np.isfinite(high) & ~np.isfinite(low)
    with np.errstate(invalid="ignore"):
        values = np.where(above, low + np.abs(values), values)
        return np.where(below, high - np.abs(values), values)


def drawing(space: gym.Space[Any], rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """One action at a time: of discrete spaces uniform.

    A component of a Box is normal around the middle of its bounds, with a standard deviation of
    half their distance, clipped to them: about a third of the draws is at a bound. Where it is not
    bounded it is standard normal, and on its side of a single bound. Other spaces draw as they do.
    """
    if isinstance(space, gym.spaces.Discrete):
        return lambda: np.asarray(space.start + rng.integers(space.n))
    if isinstance(space, gym.spaces.MultiDiscrete):
        return lambda: np.asarray(space.start + rng.integers(space.nvec))
    if not isinstance(space, gym.spaces.Box):
        space.seed(int(rng.integers(2**31)))
        return lambda: np.asarray(space.sample())
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    bounded = np.isfinite(low) & np.isfinite(high)
    with np.errstate(over="ignore", invalid="ignore"):
        middle = np.where(bounded, (low + high) / 2, 0.0)
        spread = np.where(bounded, (high - low) / 2, 1.0)

    def draw() -> np.ndarray:
        action = np.clip(beside(rng.normal(middle, spread), low, high), low, high)
        if np.issubdtype(space.dtype, np.integer):
            action = np.rint(action)
        return action.astype(space.dtype)

    return draw
