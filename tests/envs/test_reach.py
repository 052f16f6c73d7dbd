"""The reaching world, and what both planar worlds do alike."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl.envs  # noqa: F401  registers the environments
from bvae_rl.data.factors import FactorEnv, factor_env
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.envs.domains import DOMAINS
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.push import PlanarPush
from bvae_rl.envs.planar.reach import SPECS, TOLERANCE, PlanarReach
from bvae_rl.envs.planar.world import EPISODE_STEPS, MAX_STEP

IDS = ("bvae_rl/PlanarReach-v0", "bvae_rl/PlanarPush-v0")


@pytest.mark.parametrize("env_id", IDS)
def test_an_episode_is_truncated_after_fifty_steps_and_never_terminates(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(EPISODE_STEPS)]
    assert ends == [(False, False)] * (EPISODE_STEPS - 1) + [(False, True)]


@pytest.mark.parametrize("env_id", IDS)
def test_stepping_is_fast(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (1500, 2))
    began = time.process_time()
    for action in actions:
        env.step(action)
    assert len(actions) / (time.process_time() - began) > 3000


@pytest.mark.parametrize("make", [PlanarReach, PlanarPush])
def test_arguments_that_cannot_be_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="unknown render_mode 'human'; known: rgb_array"):
        make(render_mode="human")
    with pytest.raises(ValueError, match="a whole number of pixels, 16 or more, got 8"):
        make(size=8)


def test_the_reward_is_minus_distance_plus_one_within_tolerance() -> None:
    env = PlanarReach()
    q = np.array([1.2, 0.7])
    _, tip = planar.joints(q)
    target = np.clip(tip, planar.TARGET_LOW, planar.TARGET_HIGH)
    far = np.array([planar.TARGET_HIGH[0], planar.TARGET_LOW[1]])
    for place in (target, far):
        env.reset(options={"factors": [*q, *place, *[0.15] * 3]})
        _, reward, _, _, info = env.step(np.zeros(2))
        distance = float(np.linalg.norm(tip - place))
        assert reward == pytest.approx(-distance + (distance < TOLERANCE))
        assert info["is_success"] == (distance < TOLERANCE)


def test_an_action_moves_the_joints_within_their_limits() -> None:
    env = PlanarReach()
    env.reset(options={"factors": {"shoulder": 1.0, "elbow": 2.55}})
    env.step(np.array([0.5, 1.0]))
    assert env.factors()[:2] == pytest.approx([1.0 + 0.5 * MAX_STEP, planar.Q_HIGH[1]])


def test_every_target_can_be_reached() -> None:
    q1 = np.linspace(planar.Q_LOW[0], planar.Q_HIGH[0], 200)
    q2 = np.linspace(planar.Q_LOW[1], planar.Q_HIGH[1], 400)
    tips = np.stack([planar.joints(np.array([a, b]))[1] for a in q1 for b in q2])
    for x in np.linspace(planar.TARGET_LOW[0], planar.TARGET_HIGH[0], 12):
        for y in np.linspace(planar.TARGET_LOW[1], planar.TARGET_HIGH[1], 8):
            assert np.linalg.norm(tips - [x, y], axis=1).min() < TOLERANCE / 10


def test_the_environment_is_a_factor_env_and_probes_are_independent() -> None:
    env = gym.make(IDS[0], domain="pretrain")
    assert isinstance(factor_env(env), FactorEnv)
    probe = probe_set(env, 1500, seed=0)
    assert probe.factors is not None
    off_diagonal = np.corrcoef(probe.factors.T) - np.eye(len(SPECS))
    assert np.abs(off_diagonal).max() < 0.1
    again = probe_set(env, 3, seed=0)
    assert np.array_equal(again.frames, probe.frames[:3])


def test_frames_rewards_and_draws_are_those_of_the_first_release() -> None:
    """Frames, rewards, factors and random draws of PlanarReach at its first release."""
    digest = hashlib.sha256()

    def note(frame: np.ndarray, *values: Any) -> None:
        digest.update(frame.tobytes())
        digest.update(np.round(np.hstack(values), 9).tobytes())

    for domain in DOMAINS:
        env = PlanarReach(domain=domain)
        for seed in range(20):
            frame, info = env.reset(seed=seed)
            note(frame, info["factors"])
            rng = np.random.default_rng(seed)
            for _ in range(10):
                frame, reward, *_, info = env.step(rng.uniform(-1, 1, 2))
                note(frame, reward, info["factors"])
            wanted = env.sample_factors(rng)
            note(env.set_factors(wanted), wanted)
            frame, info = env.reset(options={"factors": {"elbow": 0.5, "arm_colour": 0.3}})
            note(frame, info["factors"])
    assert digest.hexdigest() == "2fc12a0c4ef72e098e30dc6c0b9c0d70539bc89275742a980135666ff06f6402"
