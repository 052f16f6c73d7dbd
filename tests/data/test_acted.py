"""Actions of policies: what is refused before it reaches an environment, and one-sided bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space

from bvae_rl.data.collecting.acted import checked_actions
from bvae_rl.data.collecting.learner import Learner
from bvae_rl.data.collecting.sticky import drawing

ARM = Box(-1, 1, (2,))


@pytest.mark.parametrize(
    ("space", "actions"),
    [
        (ARM, np.zeros((3, 2))),
        (ARM, np.full((3, 2), 7.0)),  # environments clip
        (Discrete(4), [0, 3, 1]),
        (Discrete(2, start=5), np.array([5, 6, 5])),
        (MultiDiscrete([2, 3]), np.array([[1, 2]] * 3)),
        (MultiBinary(2), np.ones((3, 2), np.int8)),
    ],
)
def test_one_action_for_each_environment(space: Space[Any], actions: Any) -> None:
    np.testing.assert_array_equal(checked_actions(actions, space, 3), actions)


@pytest.mark.parametrize(
    ("space", "actions", "message"),
    [
        (ARM, (np.zeros((3, 2)), None), r"tuple of two.*\(3, 2\).*model.predict\(frames\)\[0\]"),
        (ARM, np.zeros(2), r"shape \(2,\), and 3 environments take \(3, 2\)"),
        (ARM, np.zeros((2, 2)), r"shape \(2, 2\), and 3 environments take \(3, 2\)"),
        (Discrete(4), [0, 99, 1], r"the action \[0, 99, 1\], which Discrete\(4\) has not"),
        (Discrete(2, start=5), [0, 5, 5], "has not"),
        (MultiDiscrete([2, 3]), [[1, 2], [1, 3], [0, 0]], "has not"),
        (MultiBinary(1), [[0], [2], [1]], "has not"),
        (Dict({"arm": ARM}), np.zeros(3), "takes Dict.*TransformAction"),
    ],
)
def test_other_actions_are_refused(space: Space[Any], actions: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_actions(actions, space, 3)


@pytest.mark.parametrize(("low", "high"), [(5.0, np.inf), (-np.inf, -2.0)])
def test_a_single_bound_leaves_room_on_its_side(low: float, high: float) -> None:
    space = Box(low, high, (2,))
    draw = drawing(space, np.random.default_rng(0))
    drawn = np.stack([draw() for _ in range(200)])
    assert all(space.contains(action) for action in drawn) and (drawn.std(axis=0) > 0.4).all()
    agent = Learner(lambda frames: frames, 2, space, 1, seed=0)
    scaled = agent._scaled(np.array([[-1.5, 0.5]], np.float32))
    bound = low if np.isfinite(low) else high
    np.testing.assert_allclose(abs(scaled - bound), [[1.5, 0.5]])


def test_what_no_agent_learns_from_is_refused() -> None:
    agent = Learner(lambda frames: frames, 2, Discrete(3), 1, seed=0)
    with pytest.raises(ValueError, match=r"rewards \[nan\] at step 1.*--shares sticky=1"):
        agent.see(np.zeros((1, 8)), np.array([np.nan]), np.array([False]), {})
    with pytest.raises(ValueError, match="actions that PPO takes"):
        Learner(lambda frames: frames, 2, MultiBinary([2, 2]), 1, seed=0)
