"""The agent that learns while frames are collected: its actions, and episodes that are cut."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from bvae_rl.data.collecting.learner import GAMMA, STACK, Learner
from bvae_rl.data.collecting.random_starts import RandomStarts
from bvae_rl.data.factors import TRIES
from tests.data.test_probe_sets import Apart


def learner(space: gym.Space[Any]) -> Learner:
    return Learner(lambda frames: np.zeros((len(frames), 2), np.float32), 2, space, 2, seed=0)


def test_whole_actions_are_rounded() -> None:
    found = learner(gym.spaces.Box(0, 3, (5,), np.uint8))
    scaled = found._scaled(np.array([[-2.0, -0.7, -0.6, 0.3, 1.0]]))  # 0, .45, .6, 1.95 and 3
    assert scaled.dtype == np.uint8 and scaled.tolist() == [[0, 0, 1, 2, 3]]
    found = learner(gym.spaces.Box(-128, 127, (2,), np.int8))
    assert found._scaled(np.array([[-1.0, 1.0]])).tolist() == [[-128, 127]]


def test_an_episode_that_is_cut_has_not_ended() -> None:
    found = learner(gym.spaces.Discrete(2))
    codes = np.random.default_rng(0).normal(size=(2, 2 * STACK)).astype(np.float32)
    found.act(codes)
    found.see(codes + 1, np.zeros(2), np.array([False, True]), {})
    found.restart()
    with torch.no_grad():
        goes_on = found.model.policy.predict_values(torch.as_tensor(codes + 1))[0].item()
    assert abs(goes_on) > 1e-3
    (row,) = found._rows
    assert row["reward"] == pytest.approx([GAMMA * goes_on, 0])
    found.act(codes)
    assert found._pending is not None and found._pending["episode_start"].all()


def test_a_state_that_is_refused_is_drawn_again() -> None:
    env = RandomStarts(Apart(gap=0.5))
    for seed in range(20):
        env.reset(seed=seed)
        assert abs(env.source.factors()[0] - env.source.factors()[2]) >= 0.5  # type: ignore[union-attr]
    world, tried = Apart(gap=2), []
    env = RandomStarts(world)
    drawn = world.sample_factors
    world.sample_factors = lambda rng: tried.append(1) or drawn(rng)  # type: ignore[method-assign,func-returns-value]
    with pytest.raises(ValueError, match="too close"):
        env.reset(seed=0)
    assert len(tried) == TRIES
