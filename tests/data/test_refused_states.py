"""Where not all factors can be together, a refused state is drawn again, wherever one is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl import FactorSpec, FactorWrapper, collect
from bvae_rl.data.collecting.interventions import Interventions, intervention_pairs
from bvae_rl.data.collecting.random_starts import RandomStarts
from bvae_rl.data.factor_wrapper import uniform
from bvae_rl.data.probe_sets import fixed_factor_groups, probe_set

SPECS = [FactorSpec("a"), FactorSpec("b"), FactorSpec("tint", role="appearance")]
APART = 0.05


class Two(gym.Env[Any, np.ndarray]):
    """Two bars that may not overlap when they are set, but may when they are moved."""

    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    picture = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)

    def __init__(self, *, named: bool = False) -> None:
        self.named = named
        self.observation_space: gym.Space[Any] = self.picture
        if named:
            parts = {"picture": self.picture, "speed": gym.spaces.Box(-1, 1, (1,), np.float32)}
            self.observation_space = gym.spaces.Dict(parts)
        self.at, self.tint = np.array([0.1, 0.9]), 0.0
        self.buffer = np.zeros((32, 32, 3), np.uint8)  # written into by each picture

    def shown(self) -> Any:
        self.buffer[:] = int(100 * self.tint)
        for row, x in enumerate(self.at):
            self.buffer[4 + 12 * row : 12 + 12 * row, int(x * 28) : int(x * 28) + 4] = 255
        return (
            {"picture": self.buffer, "speed": np.zeros(1, np.float32)}
            if self.named
            else self.buffer
        )

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = self.np_random.uniform((0, 0.6), (0.4, 1.0))
        return self.shown(), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at = np.clip(self.at + 0.1 * action, 0, 1)
        return self.shown(), 0.0, False, False, {}


def read(env: gym.Env) -> list[float]:
    two: Any = env.unwrapped
    return [*two.at, two.tint]


def put(env: gym.Env, factors: np.ndarray) -> Any:
    if abs(factors[0] - factors[1]) < APART:
        raise ValueError("the two would be inside each other")
    two: Any = env.unwrapped
    two.at, two.tint = np.array(factors[:2]), float(factors[2])
    return two.shown()


def two(**settings: Any) -> FactorWrapper:
    limited = gym.wrappers.TimeLimit(Two(**settings), 30)
    return FactorWrapper(limited, SPECS, read=read, sample=uniform(SPECS), set=put)


def are_apart(factors: np.ndarray | None) -> bool:
    assert factors is not None
    return bool((np.abs(factors[:, 0] - factors[:, 1]) > APART - 1e-6).all())


@pytest.mark.parametrize("named", [False, True])
def test_sampled_states_are_possible_ones(named: bool) -> None:
    found = probe_set(two(named=named), 300, seed=0)
    assert are_apart(found.factors) and len(np.unique(found.frames, axis=0)) > 100
    groups = fixed_factor_groups(two(named=named), 4, 8, seed=0)
    assert groups is not None
    pairs = intervention_pairs(two(named=named), 60, seed=0)
    assert pairs.factors is not None and are_apart(pairs.factors[::2])
    starts = RandomStarts(two(named=named))
    assert np.asarray(
        starts.reset(seed=0)[0]["picture"] if named else starts.reset(seed=0)[0]
    ).any()


def test_states_and_pairs_in_two_views_are_possible_ones(tmp_path: Path) -> None:
    store = collect(two(), tmp_path, frames=512, policy="independent", views=2)
    factors, state = store.column("factors"), store.column("state")
    assert are_apart(factors)
    for one in np.unique(state)[:50]:
        own = factors[state == one]
        assert len(own) == 2 and (own[0, :2] == own[1, :2]).all() and own[0, 2] != own[1, 2]


def test_a_state_that_is_reached_and_cannot_be_set_is_drawn_anew() -> None:
    interventions = Interventions(two(), 1, views=2)
    block = interventions.block(seed=0, number=0, episode=0, state=0)
    assert are_apart(block.factors)
    again = interventions.block(seed=0, number=0, episode=0, state=0)
    np.testing.assert_array_equal(block.frames, again.frames)
    rows = block.frames.reshape(-1, 4, *block.frames.shape[1:])  # (u, a), (v, a), (u, b), (v, b)
    bars = rows[..., 0] == 255
    np.testing.assert_array_equal(bars[:, :2], bars[:, 2:])


def test_what_is_never_possible_is_said() -> None:
    def refuse(env: gym.Env, factors: np.ndarray) -> Any:
        raise ValueError("nothing can be set")

    env = FactorWrapper(Two(), SPECS, read=read, sample=uniform(SPECS), set=refuse)
    with pytest.raises(ValueError, match="nothing can be set"):
        probe_set(env, 10, seed=0)
