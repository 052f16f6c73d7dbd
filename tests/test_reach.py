"""The reaching world and its looks."""

from __future__ import annotations

import time

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import bvae_rl.envs  # noqa: F401  registers the environment
from bvae_rl.data.factors import FactorEnv, factor_env
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.envs.domains import DOMAINS
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import SOURCE, Appearance, in_set, sample_appearance
from bvae_rl.envs.planar.palettes import MIN_CONTRAST, PALETTES, PARTS
from bvae_rl.envs.planar.reach import SPECS, TOLERANCE, PlanarReach
from bvae_rl.envs.planar.world import EPISODE_STEPS, MAX_STEP

ENV_ID = "bvae_rl/PlanarReach-v0"


@pytest.mark.parametrize("domain", DOMAINS)
def test_both_checkers_pass(domain: str) -> None:
    env = gym.make(ENV_ID, domain=domain, render_mode="rgb_array")
    check_env(env.unwrapped)
    sb3_check_env(env.unwrapped)


def test_an_episode_is_truncated_after_fifty_steps_and_never_terminates() -> None:
    env = gym.make(ENV_ID)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(EPISODE_STEPS)]
    assert ends == [(False, False)] * (EPISODE_STEPS - 1) + [(False, True)]


def test_same_seed_same_frames_other_seed_other_frames() -> None:
    def rollout(seed: int) -> np.ndarray:
        env = gym.make(ENV_ID, domain="ood1")
        frames = [env.reset(seed=seed)[0]]
        frames += [env.step(np.array([0.3, -0.7]))[0] for _ in range(5)]
        return np.stack(frames)

    assert np.array_equal(rollout(3), rollout(3))
    assert not np.array_equal(rollout(3), rollout(4))


def test_the_reward_is_minus_distance_plus_one_within_tolerance() -> None:
    env = PlanarReach()
    q = np.array([1.2, 0.7])
    _, tip = planar.joints(q)
    target = np.clip(tip, planar.TARGET_LOW, planar.TARGET_HIGH)
    far = np.array([planar.TARGET_HIGH[0], planar.TARGET_LOW[1]])
    for place in (target, far):
        env.reset(options={"factors": np.concatenate([q, place, SOURCE.u])})
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


def test_ramps_of_a_palette_keep_their_distance() -> None:
    u = np.linspace(0.0, 1.0, 201)[:, None]
    for ramps in PALETTES.values():
        points = {part: (1 - u) * np.array(a) + u * np.array(b) for part, (a, b) in ramps.items()}
        for first, second in (PARTS[:2], PARTS[1:], (PARTS[0], PARTS[2])):
            gaps = np.linalg.norm(points[first][:, None] - points[second][None], axis=-1)
            assert gaps.min() > MIN_CONTRAST


@pytest.mark.parametrize("seed", range(5))
def test_look_sets_are_disjoint_and_pretraining_sees_no_ood2(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = {
        "source": {"source", "pretrain"},
        "ood1": {"ood1", "pretrain"},
        "ood2": {"ood2"},
    }
    for name, expected in members.items():
        for _ in range(500):
            appearance = sample_appearance(name, rng)
            assert {other for other in DOMAINS if in_set(appearance, other)} == expected
    for _ in range(500):
        assert not in_set(sample_appearance("pretrain", rng), "ood2")


def test_ood2_holds_unseen_ramp_ends_and_a_second_palette() -> None:
    rng = np.random.default_rng(0)
    palettes = [sample_appearance("ood2", rng).palette for _ in range(200)]
    assert 70 < palettes.count("second") < 130


def test_a_look_changes_neither_dynamics_nor_reward() -> None:
    state = {"shoulder": 1.0, "elbow": 0.3, "target_x": 0.2, "target_y": 0.1}
    outcomes, frames = [], []
    for appearance in (
        SOURCE,
        Appearance(0.7, 0.7, 0.7),
        Appearance(0.5, 0.5, 0.5, palette="second"),
    ):
        env = PlanarReach()
        env.reset(options={"factors": state, "appearance": appearance})
        steps = [env.step(np.array([0.4, -0.2])) for _ in range(5)]
        outcomes.append([(reward, *info["factors"][:4]) for _, reward, _, _, info in steps])
        frames.append(steps[-1][0])
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert not np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[1], frames[2])


def test_factors_override_the_look_and_a_conflict_is_refused() -> None:
    env = PlanarReach(domain="source")
    _, info = env.reset(options={"factors": {"arm_colour": 0.6}})
    assert dict(zip([s.name for s in SPECS], info["factors"], strict=True))["arm_colour"] == 0.6
    with pytest.raises(ValueError, match="asks for"):
        env.reset(options={"factors": {"arm_colour": 0.6}, "appearance": SOURCE})
    env.reset(options={"factors": {"arm_colour": SOURCE.arm}, "appearance": SOURCE})  # they agree


def test_bad_factors_and_looks_say_what_is_known() -> None:
    env = PlanarReach()
    with pytest.raises(ValueError, match="unknown factor 'hue'; known: shoulder"):
        env.reset(options={"factors": {"hue": 0.1}})
    with pytest.raises(ValueError, match=r"'elbow' = 9 is outside its range \[-2.6, 2.6\] rad"):
        env.reset(options={"factors": {"elbow": 9.0}})
    with pytest.raises(ValueError, match="expected 7 factors"):
        env.set_factors(np.zeros(6))
    with pytest.raises(TypeError, match="must be an Appearance"):
        env.reset(options={"appearance": "source"})
    with pytest.raises(ValueError, match="known: source, ood1, ood2, pretrain"):
        PlanarReach(domain="dark")
    with pytest.raises(ValueError, match="unknown palette"):
        Appearance(palette="third")
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        Appearance(arm=1.5)


def test_the_environment_is_a_factor_env_and_probes_are_independent() -> None:
    env = gym.make(ENV_ID, domain="pretrain")
    assert isinstance(factor_env(env), FactorEnv)
    probe = probe_set(env, 1500, seed=0)
    assert probe.factors is not None
    off_diagonal = np.corrcoef(probe.factors.T) - np.eye(len(SPECS))
    assert np.abs(off_diagonal).max() < 0.1
    again = probe_set(env, 3, seed=0)
    assert np.array_equal(again.frames, probe.frames[:3])


def test_setting_factors_then_reading_them_returns_them() -> None:
    env = PlanarReach(domain="pretrain")
    rng = np.random.default_rng(0)
    for _ in range(20):
        wanted = env.sample_factors(rng)
        frame = env.set_factors(wanted)
        assert np.array_equal(env.factors(), wanted)
        assert np.array_equal(env.set_factors(wanted), frame)


def test_probes_of_ood2_show_only_ood2() -> None:
    env = PlanarReach(domain="ood2")
    rng = np.random.default_rng(0)
    for _ in range(100):
        env.set_factors(env.sample_factors(rng))
        assert in_set(env.appearance, "ood2")


@pytest.mark.parametrize("factor", range(len(SPECS)))
def test_each_factor_changes_the_frame(factor: int) -> None:
    env = PlanarReach()
    middle = np.array([1.2, 0.6, -0.3, 0.2, 0.3, 0.3, 0.3])
    moved = middle.copy()
    moved[factor] += 0.1 * (SPECS[factor].high - SPECS[factor].low)
    assert not np.array_equal(env.set_factors(middle), env.set_factors(moved))


def test_drawing_is_fast() -> None:
    env = PlanarReach()
    env.reset(seed=0)
    began, steps = time.process_time(), 2000
    for _ in range(steps):
        env.step(np.zeros(2))
    assert steps / (time.process_time() - began) > 3000
