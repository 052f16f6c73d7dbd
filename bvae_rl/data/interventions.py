"""Interventions (``acted_pairs.py``) as blocks of a frame store, spread evenly among the others.

Which block is which is a plan that depends only on the numbers asked for, and a block of pairs only
on (seed, block number), so that a killed collection, called again, ends with the same store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import gymnasium as gym
import numpy as np

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import known_specs, require_factor_env, role_mask
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.intervention_pairs import intervention_pairs
from bvae_rl.data.paired_frames import PairedFrames

STEPS = (2, 4, 8, 12, 16, 24)  # for how long an actuator acts, an equal share of each block
PER_STEPS = 16
BLOCK_PAIRS = PER_STEPS * len(STEPS)


@dataclass(frozen=True)
class Interventions:
    """At least ``n`` pairs, acted out in ``env``: one that nobody else uses.

    With ``views`` = 2 each pair is shown once more in another appearance: rows (u, a), (v, a), (u, b),
    (v, b), which takes an environment whose factors can be set.
    """

    env: gym.Env
    n: int
    views: int = 1

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"interventions must be at least 1, got {self.n}")

    def check(self, *, seed: int, factors: bool) -> None:
        """Move each actuator once; a ValueError says what the environment gives if it cannot.

        ``factors`` says whether the frames of the other blocks have some.
        """
        try:
            first = intervention_pairs(self.env, 1, seed=seed)
            for actuator in range(1, self.width):
                intervention_pairs(self.env, 1, seed=seed, actuators=[actuator])
        except (TypeError, ValueError) as error:
            raise ValueError(f"no interventions: {error}; {self._given()}") from error
        if (first.factors is not None) != factors:
            raise ValueError(
                "no interventions: the frames of the other blocks have "
                f"{'factors' if factors else 'none'}, and what is acted out has "
                f"{'none' if factors else 'factors'}: the environment must put them into "
                f"info['factors'] at reset and step, and describe them; {self._given()}"
            )

    @property
    def width(self) -> int:
        """How many actuators there are, A."""
        return int(np.prod(self.env.action_space.shape or ()))

    def block(self, *, seed: int, number: int, episode: int, state: int) -> Frames:
        """Block ``number`` of a collection: ``BLOCK_PAIRS`` pairs as rows of a store."""
        rng = np.random.default_rng([seed, number])
        parts = [
            intervention_pairs(self.env, PER_STEPS, seed=int(rng.integers(2**31)), steps=steps)
            for steps in STEPS
        ]
        acted = _joined(parts)
        rows = (
            _in_two_appearances(self.env, acted, rng, episode=episode, state=state)
            if self.views == 2
            else acted.rows(episode=episode, state=state)
        )
        return replace(
            rows,
            factors=None if rows.factors is None else rows.factors.astype(np.float32),
            actions=np.asarray(rows.actions, dtype=np.float32),
        )

    def at_rest(self, block: Frames) -> Frames:
        """``block`` with actions as wide as those of the pairs: of drawn frames, zeros."""
        if block.actions is not None:
            return block
        return replace(block, actions=np.zeros((len(block), self.width), dtype=np.float32))

    def _given(self) -> str:
        """What can be collected in the environment all the same."""
        given = ["frames that a policy visits"]
        if settable_env(self.env) is not None:
            given.append("frames drawn one by one (--policy independent)")
            if role_mask(known_specs(self.env), "appearance").any():
                given.append("one state in two appearances (--policy independent --views 2)")
        return f"without --interventions it gives: {', '.join(given)}"


def plan(frames: int, pairs: int, *, block: int) -> Iterator[bool]:
    """For each block in order whether it is one of interventions, until there are enough of both.

    ``block`` is the number of frames in one of the other blocks, which come first; then always the
    kind that is behind.
    """
    collected, acted = 0, 0
    while collected < frames or acted < pairs:
        interventions = (
            collected * pairs > acted * frames
        )  # compares the shares of what is asked for
        yield interventions
        if interventions:
            acted += BLOCK_PAIRS
        else:
            collected += block


def _joined(parts: list[PairedFrames]) -> PairedFrames:
    factors = [part.factors for part in parts if part.factors is not None]
    return PairedFrames(
        np.concatenate([part.frames for part in parts]),
        np.concatenate(factors) if factors else None,
        parts[0].specs,
        np.concatenate([part.actions for part in parts if part.actions is not None]),
    )


def _in_two_appearances(
    env: gym.Env, pairs: PairedFrames, rng: np.random.Generator, *, episode: int, state: int
) -> Frames:
    """N pairs as 4N rows: each pair, and behind it the same two states in another appearance."""
    source, layout = require_factor_env(env), FrameLayout.of(env.observation_space)
    assert pairs.factors is not None and pairs.actions is not None  # they can be set
    is_appearance = role_mask(source.factor_specs, "appearance")
    domain = np.stack([source.sample_factors(rng) for _ in range(len(pairs))])[:, None]  # (N, 1, K)
    factors = np.where(is_appearance, domain, pairs.factors)  # (N, 2, K)
    observations = [
        np.array(source.set_factors(row)) for row in factors.reshape(-1, len(is_appearance))
    ]
    again = layout.frames(np.stack(observations)).reshape(pairs.frames.shape)
    grids = np.arange(len(pairs))[:, None]  # (N, 1)
    moved = np.stack([pairs.actions, np.zeros_like(pairs.actions)] * 2, axis=1)  # (N, 4, A)
    return Frames(
        np.concatenate([pairs.frames, again], axis=1).reshape(-1, *pairs.frames.shape[2:]),
        episode + (2 * grids + [0, 0, 1, 1]).ravel(),
        state + (2 * grids + [0, 1, 0, 1]).ravel(),
        np.concatenate([pairs.factors, factors], axis=1).reshape(-1, len(is_appearance)),
        moved.reshape(-1, moved.shape[-1]),
    )
