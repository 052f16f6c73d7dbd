"""Pairs of frames between which one actuator acted: all that it takes is actions.

What one actuator does shows how positions and joints hang together, in simulation and in a real
world, where nobody can set factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import known_specs
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.paired_frames import PairedFrames, check_pairs

TRIES = 100  # actions of one actuator before it is given up
WALK = 8  # at most so many random actions between two pairs, where states cannot be drawn


def intervention_pairs(
    env: gym.Env,
    n: int,
    *,
    seed: int,
    steps: int = 1,
    actuators: Sequence[int] | None = None,
) -> PairedFrames:
    """``n`` pairs between which one actuator acted for ``steps`` steps and the others were at zero.

    The action has at least half the size that its bound allows, and is drawn again until it changes
    the frame. ``actuators`` picks components of the action (default: all). States are drawn where
    factors can be set, else reached by random actions; what moves by itself moves here too.
    Raises TypeError for actions that are no vector, ValueError for what cannot be done with it.
    """
    check_pairs(n)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    low, high = actuator_bounds(env.action_space)
    chosen = list(range(len(low)) if actuators is None else actuators)
    if not chosen or not all(0 <= actuator < len(low) for actuator in chosen):
        raise ValueError(f"actuators are numbered 0 to {len(low) - 1}, got {chosen}")
    layout = FrameLayout.of(env.observation_space)
    rng = np.random.default_rng(seed)
    starts = _Starts(env, rng, seed=seed)
    frames, factors, actions = [], [], []
    for _ in range(n):
        actuator = int(rng.choice(chosen))
        for _ in range(TRIES):
            before, known = starts.draw()
            action = lone_action(low, high, actuator, rng)
            for _ in range(steps):
                after, _, terminated, truncated, info = env.step(action)
                starts.ended = terminated or truncated
                if starts.ended:
                    break
            both = layout.frames(np.stack([before, after]))
            if not np.array_equal(both[0], both[1]):
                break
        else:
            raise ValueError(
                f"actuator {actuator} never changed the frame in {TRIES} tries; leave it out with "
                "actuators=[...], or act for more steps"
            )
        frames.append(both)
        actions.append(action)
        factors.append((known, info.get("factors")))
    specs = known_specs(env)
    if not specs or any(value is None for pair in factors for value in pair):
        return PairedFrames(np.stack(frames), actions=np.stack(actions))
    return PairedFrames(np.stack(frames), np.array(factors, np.float64), specs, np.stack(actions))


def lone_action(
    low: np.ndarray, high: np.ndarray, actuator: int, rng: np.random.Generator
) -> np.ndarray:
    """An action (A,) of one actuator, at least half of what its bounds allow; the others rest."""
    action = np.zeros_like(low)
    sides = [side for side in (low[actuator], high[actuator]) if side != 0]
    action[actuator] = rng.uniform(0.5, 1.0) * rng.choice(sides)
    return action


class _Starts:
    """Observations to act from, with their factors if known; set ``ended`` when an episode ends."""

    def __init__(self, env: gym.Env, rng: np.random.Generator, *, seed: int) -> None:
        self.env, self.rng, self.source = env, rng, settable_env(env)
        self.ended = False
        self._now = env.reset(seed=seed)
        env.action_space.seed(int(rng.integers(2**31)))

    def draw(self) -> tuple[np.ndarray, np.ndarray | None]:
        if self.ended:
            self._now, self.ended = self.env.reset(), False
        if self.source is not None:
            factors = self.source.sample_factors(self.rng)
            return np.array(self.source.set_factors(factors)), factors
        for _ in range(self.rng.integers(1, WALK + 1)):
            observation, _, terminated, truncated, info = self.env.step(
                self.env.action_space.sample()
            )
            self._now = self.env.reset() if terminated or truncated else (observation, info)
        observation, info = self._now
        return np.array(observation), info.get("factors")


def actuator_bounds(space: gym.Space[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of an action vector, each (A,); zero must be among the actions."""
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 1:
        raise TypeError(
            f"acting moves one actuator at a time and needs actions Box(low, high, (A,)), got "
            f"{space}; make pairs by setting factors (bvae_rl.data.factor_wrapper)"
        )
    low, high = space.low, space.high
    bounded = np.isfinite(low).all() and np.isfinite(high).all()
    if not bounded or not ((low <= 0) & (high >= 0) & (low < high)).all():
        raise ValueError(
            "acting moves one actuator while the others rest at zero, so the bounds of each must "
            f"be finite and hold zero, got {space}; rescale the actions"
        )
    return low, high
