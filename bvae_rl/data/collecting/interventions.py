"""Interventions: two frames between which one actuator acted while the others rested at zero.

All that they take is actions: what one actuator does shows how positions and joints depend on each
other, in simulation and in a real world, where nobody can set factors. In a frame store they stand
as blocks among the others, spread evenly. Which block is which depends only on the numbers asked
for and on the blocks before it, and a block only on (seed, block number), so a killed collection
ends with the same store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import (
    FactorEnv,
    copied,
    draw_appearance,
    known_specs,
    possible_state,
    require_factor_env,
    role_mask,
)
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.frame_layout import FrameLayout

TRIES = 100  # actions of one actuator before it is given up
WALK = 8  # at most so many random actions between two pairs, where states cannot be sampled
STEPS = (2, 4, 8, 12, 16, 24)  # for how long an actuator acts, an equal share of each block
PER_STEPS = 16
BLOCK_PAIRS = PER_STEPS * len(STEPS)


def intervention_pairs(
    env: gym.Env,
    n: int,
    *,
    seed: int,
    steps: int | Sequence[int] | np.ndarray = 1,
    actuators: Sequence[int] | None = None,
) -> Frames:
    """``n`` pairs as 2n rows of a store: row 2i, its action for ``steps`` steps, and row 2i + 1.

    ``steps`` is one number or one of each pair, (n,). The action of one actuator has at least half
    the size that its bound allows, and is drawn again until it changes the frame; the second row's
    is zero. ``actuators`` picks components of the action (default: all). A pair is an episode of
    its own. States are sampled where factors can be set, else reached by random actions; what moves
    by itself moves here too. Raises TypeError for actions that are no vector, ValueError for what
    the environment cannot do.
    """
    return _rows(env, list(_pairs(env, n, seed=seed, steps=steps, actuators=actuators)))


@dataclass(frozen=True)
class _Pair:
    """Two frames (2, H, W, C), their actions (2, A) and, if they are known, factors (2, K)."""

    frames: np.ndarray
    actions: np.ndarray
    factors: np.ndarray | None


def _pairs(
    env: gym.Env,
    n: int,
    *,
    seed: int,
    steps: int | Sequence[int] | np.ndarray,
    actuators: Sequence[int] | None = None,
) -> Iterator[_Pair]:
    """The pairs of ``intervention_pairs``; ``env`` is at the second state of each."""
    durations = np.broadcast_to(steps, n)
    if n < 1 or durations.min() < 1:
        raise ValueError(f"n and steps must be at least 1, got n={n}, steps={steps}")
    drawing = _Drawing(env, seed=seed, actuators=actuators)
    return (drawing.pair(int(duration)) for duration in durations)


class _Drawing:
    """Pairs of ``env``, one after the other; it is at the second state of the last one."""

    def __init__(self, env: gym.Env, *, seed: int, actuators: Sequence[int] | None = None) -> None:
        self.low, self.high = _bounds(env.action_space)
        self.chosen = list(range(len(self.low)) if actuators is None else actuators)
        if not self.chosen or not all(0 <= one < len(self.low) for one in self.chosen):
            raise ValueError(f"actuators are numbered 0 to {len(self.low) - 1}, got {self.chosen}")
        self.layout = FrameLayout.of(env.observation_space)
        self.env, self.rng = env, np.random.default_rng(seed)
        self.starts = _Starts(env, self.rng, seed=seed)

    def pair(self, duration: int) -> _Pair:
        """Two states between which one actuator acted for ``duration`` steps."""
        actuator = int(self.rng.choice(self.chosen))
        for _ in range(TRIES):
            before, known = self.starts.draw()
            action = _lone_action(self.low, self.high, actuator, self.rng)
            for _ in range(duration):
                after, _, terminated, truncated, info = self.env.step(action)
                self.starts.ended = terminated or truncated
                if self.starts.ended:
                    break
            both = self.layout.of_each([before, after])
            if not np.array_equal(both[0], both[1]):
                break
        else:
            raise ValueError(
                f"actuator {actuator} never changed the frame in {TRIES} tries; leave it out with "
                "actuators=[...], or act for more steps"
            )
        reached = info_factors(info)
        factors = None if known is None or reached is None else np.stack([known, reached])
        return _Pair(both, np.stack([action, np.zeros_like(action)]), factors)


def _rows(env: gym.Env, pairs: Sequence[_Pair], *, views: int = 1) -> Frames:
    """``pairs`` as rows, ``views`` that follow each other being of the same two states."""
    episode = np.arange(len(pairs)).repeat(2)
    factors = [pair.factors for pair in pairs if pair.factors is not None]
    named = bool(known_specs(env)) and len(factors) == len(pairs)
    return Frames(
        np.concatenate([pair.frames for pair in pairs]),
        episode,
        2 * (episode // views) + np.tile([0, 1], len(pairs)),
        np.concatenate(factors).astype(np.float64) if named else None,
        np.concatenate([pair.actions for pair in pairs]).astype(np.float32),
    )


@dataclass(frozen=True)
class Interventions:
    """At least ``n`` pairs, made in ``env``: one that nobody else uses.

    With ``views`` = 2 each pair is shown once more in another appearance: rows (u, a), (v, a),
    (u, b), (v, b) of states u, v and appearances a, b. That takes factors that can be set.
    """

    env: gym.Env
    n: int
    views: int = 1

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"interventions must be at least 1, got {self.n}")

    def check(self, *, seed: int, factors: bool) -> None:
        """Move each actuator once; a ValueError says what the environment offers if it cannot.

        ``factors`` says whether the frames of the other blocks have some.
        """
        try:
            for actuator in range(self.width):
                pair = intervention_pairs(self.env, 1, seed=seed, actuators=[actuator])
        except (TypeError, ValueError) as error:
            raise ValueError(f"no interventions: {error}; {self._offers()}") from error
        if (pair.factors is not None) != factors:
            raise ValueError(
                f"the frames of the other blocks have {'factors' if factors else 'none'}, and "
                f"interventions have {'none' if factors else 'factors'}: the environment must put "
                "them into info['factors'] at reset and step, and describe them; "
                f"{self._offers()}"
            )

    @property
    def width(self) -> int:
        """How many actuators there are, A."""
        return int(np.prod(self.env.action_space.shape or ()))

    def block(self, *, seed: int, number: int, episode: int, state: int) -> Frames:
        """Block ``number`` of a collection: ``BLOCK_PAIRS`` pairs as rows of a store."""
        rng = np.random.default_rng([seed, number])
        drawing = _Drawing(self.env, seed=int(rng.integers(2**31)))
        pairs: list[_Pair] = []
        for duration in np.repeat(STEPS, PER_STEPS):
            pairs += self._seen_in_all(drawing, int(duration), rng)
        rows = _rows(self.env, pairs, views=self.views)
        factors = None if rows.factors is None else rows.factors.astype(np.float32)
        return replace(
            rows, episode=rows.episode + episode, state=rows.state + state, factors=factors
        )

    def _seen_in_all(
        self, drawing: _Drawing, duration: int, rng: np.random.Generator
    ) -> list[_Pair]:
        """One pair in each view. A state that was reached and is refused is drawn anew."""
        if self.views == 1:
            return [drawing.pair(duration)]
        source = require_factor_env(self.env)
        for _ in range(TRIES):
            pair = drawing.pair(duration)
            try:
                return _in_two_appearances(source, drawing.layout, pair, rng)
            except ValueError as error:
                refusal = error
        raise refusal

    def at_rest(self, block: Frames) -> Frames:
        """``block`` with actions as wide as those of the pairs: zeros where it has none."""
        if block.actions is not None:
            return block
        return replace(block, actions=np.zeros((len(block), self.width), dtype=np.float32))

    def _offers(self) -> str:
        """What can be collected in the environment all the same."""
        offers = ["on-policy frames"]
        if settable_env(self.env) is not None:
            offers.append("independently sampled states (--policy independent)")
            if role_mask(known_specs(self.env), "appearance").any():
                offers.append("each state in two appearances (--policy independent --views 2)")
        return f"without --interventions there are: {', '.join(offers)}"


class _Starts:
    """Observations to act from, with their factors if known; set ``ended`` when an episode ends."""

    def __init__(self, env: gym.Env, rng: np.random.Generator, *, seed: int) -> None:
        self.env, self.rng, self.source = env, rng, settable_env(env)
        self.ended = False
        self._now = env.reset(seed=seed)
        env.action_space.seed(int(rng.integers(2**31)))

    def draw(self) -> tuple[Any, np.ndarray | None]:
        if self.ended or self.source is not None:  # a pair is an episode of its own
            self._now, self.ended = self.env.reset(), False
        if self.source is not None:
            return possible_state(self.source, self.rng)
        for _ in range(self.rng.integers(1, WALK + 1)):
            observation, _, terminated, truncated, info = self.env.step(
                self.env.action_space.sample()
            )
            self._now = self.env.reset() if terminated or truncated else (observation, info)
        observation, info = self._now
        return copied(observation), info_factors(info)


def _bounds(space: gym.Space[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of an action vector, each (A,); zero must be among the actions."""
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 1:
        raise TypeError(
            f"one actuator moves at a time, which needs actions Box(low, high, (A,)), got {space}"
        )
    low, high = space.low, space.high
    bounded = np.isfinite(low).all() and np.isfinite(high).all()
    if not bounded or not ((low <= 0) & (high >= 0) & (low < high)).all():
        raise ValueError(
            "one actuator moves while the others rest at zero, so the bounds of each must be "
            f"finite and hold zero, got {space}; rescale the actions"
        )
    return low, high


def _lone_action(
    low: np.ndarray, high: np.ndarray, actuator: int, rng: np.random.Generator
) -> np.ndarray:
    """An action (A,) of one actuator, at least half of what its bounds allow; the others rest."""
    action = np.zeros_like(low)
    sides = [side for side in (low[actuator], high[actuator]) if side != 0]
    action[actuator] = rng.uniform(0.5, 1.0) * rng.choice(sides)
    return action


def _in_two_appearances(
    source: FactorEnv, layout: FrameLayout, pair: _Pair, rng: np.random.Generator
) -> list[_Pair]:
    """The same two states in their own and in another appearance.

    The second one is set in both, so that what no factor tells (fingers, what moves by itself) is
    alike, too. ValueError for a state that the environment reaches and does not let be set.
    """
    assert pair.factors is not None  # factors can be set
    is_appearance = role_mask(source.factor_specs, "appearance")
    own = layout.of_each([copied(source.set_factors(pair.factors[1]))])  # before a draw leaves more
    appearance = draw_appearance(source, rng, unlike=pair.factors[0])
    factors = np.where(is_appearance, appearance, pair.factors)
    other = layout.of_each([copied(source.set_factors(row)) for row in factors])
    return [
        replace(pair, frames=np.concatenate([pair.frames[:1], own])),
        replace(pair, frames=other, factors=factors),
    ]
