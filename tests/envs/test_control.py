"""The Control Suite's worlds: the tasks stay the suite's, and factors are what is true."""

from __future__ import annotations

from math import pi
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import bvae_rl.envs  # noqa: F401 (registers the ids)
from bvae_rl.data.factors import FactorEnv
from bvae_rl.envs.control.cartpole import CartpoleSwingup
from bvae_rl.envs.control.finger import FingerSpin
from bvae_rl.envs.control.reacher import ReacherEasy
from bvae_rl.envs.control.walker import JOINTS, WalkerWalk
from bvae_rl.envs.control.world import ControlWorld
from tests.control_cases import (
    CONTROL_WORLDS,
    actions,
    every_world,
    named,
    need_suite,
    quick,
    suites,
    with_values,
)


@pytest.fixture(autouse=True)
def suite() -> None:
    need_suite()


@every_world
def test_an_episode_is_the_suites_in_any_appearance(make: type[ControlWorld]) -> None:
    env, theirs = quick(make, domain="ood2:all", max_steps=20), suites(make, 7)
    for episode in range(2):  # the second goes on with the seed's random numbers, as theirs does
        env.reset(seed=7 if episode == 0 else None)
        theirs.reset()
        for step, action in enumerate(actions(env, episode, 20), 1):
            _, reward, terminated, truncated, info = env.step(action)
            expected = theirs.step(action)
            assert reward == expected.reward and expected.discount == 1.0
            assert not terminated and truncated == (step == 20)
            assert np.array_equal(env._sim.physics.data.qpos, theirs.physics.data.qpos)
            assert np.array_equal(info["velocities"], theirs.physics.data.qvel)
            assert np.array_equal(info["factors"], env.factors())


@every_world
def test_time_limit_actions_and_joints_are_the_suites(make: type[ControlWorld]) -> None:
    env, theirs = quick(make), suites(make, 0)
    spec = theirs.action_spec()
    space = env.action_space
    assert isinstance(space, gym.spaces.Box) and space.shape == spec.shape
    assert np.array_equal(space.low, spec.minimum) and np.array_equal(space.high, spec.maximum)
    theirs.reset()
    still, last, steps = np.zeros(spec.shape), False, 0
    while not last:
        moved = theirs.step(still)
        last, steps = moved.last(), steps + 1
    assert steps == env.max_steps and moved.discount == 1.0  # truncated, not terminated
    assert len(env.velocity_names) == theirs.physics.model.nv == len(env.velocities())
    assert gym.spec(f"bvae_rl/{make.__name__}-v0").max_episode_steps is None


@every_world
def test_the_source_is_the_suites_picture(make: type[ControlWorld]) -> None:
    """Also after another appearance was shown by the same painter."""
    env, theirs = make(max_steps=3), suites(make, 1)
    theirs.reset()
    frame, _ = env.reset(seed=1)
    assert np.array_equal(frame, theirs.physics.render(64, 64, camera_id=0))
    other = make(domain="ood2:all")
    assert not np.array_equal(other.reset(seed=1)[0], frame)
    for action in actions(env, 0, 3):
        theirs.step(action)
        frame = env.step(action)[0]
    assert np.array_equal(frame, theirs.physics.render(64, 64, camera_id=0))


@every_world
def test_what_was_set_is_read_back_at_rest_and_forgets_the_past(make: type[ControlWorld]) -> None:
    fresh, used = quick(make, domain="pretrain:all"), quick(make, domain="pretrain:all")
    fresh.reset(seed=0)
    used.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(4):
        for action in actions(used, 0, 5):
            used.step(action)
        wanted = fresh.sample_factors(rng)
        frames = [env.set_factors(wanted) for env in (fresh, used)]
        assert np.array_equal(*frames) and not used.velocities().any()
        assert np.allclose(used.factors(), wanted, rtol=0, atol=1e-9)
        for action in actions(fresh, 1, 3):
            one, other = fresh.step(action), used.step(action)
            assert one[1] == other[1]
            assert np.array_equal(one[4]["factors"], other[4]["factors"])


@every_world
def test_played_states_are_in_the_ranges_of_the_factors(make: type[ControlWorld]) -> None:
    env = quick(make)
    env.reset(seed=0)
    for action in actions(env, 0, 200):
        env._sim.step(action)  # as ``step``, without a picture
        for spec, value in zip(env.state_specs, env.factors(), strict=False):
            assert spec.contains(value), (spec.name, value)


def test_factors_are_where_mujoco_says_things_are() -> None:
    worlds = {name: quick(make) for name, make in CONTROL_WORLDS.items()}
    for env in worlds.values():
        env.reset(seed=0)

    def at(name: str, thing: str, **values: float) -> Any:
        env = worlds[name]
        env.set_factors(with_values(env, **values))
        return env._sim.physics.named.data.geom_xpos[thing]

    # The middle of a pole of one metre, on a cart one metre above the floor.
    assert at("cartpole", "pole_1", cart=0.5, pole=0.0) == pytest.approx([0.5, 0.0, 1.5])
    assert at("cartpole", "pole_1", cart=0.5, pole=pi / 2) == pytest.approx([1.0, 0.0, 1.0])
    assert at("reacher", "finger", shoulder=pi / 2, wrist=0.0)[:2] == pytest.approx([0.0, 0.24])
    assert at("reacher", "target", target_x=0.1, target_y=-0.05)[:2] == pytest.approx([0.1, -0.05])
    standing = {**dict.fromkeys(JOINTS, 0.0), "pitch": 0.0, "height": 1.32, "ground": 0.5}
    assert at("walker", "torso", **standing) == pytest.approx([0.5, 0, 1.32])
    assert at("walker", "left_leg", **{**standing, "left_knee": -pi / 2})[0] < 0.3  # bent backwards
    hanging = {"proximal": -pi / 2, "distal": 0.0, "spinner": 0.0}
    tip = at("finger", "fingertip", **hanging)
    assert tip == pytest.approx([-0.2, 0.0, 0.4 - 0.18 - 0.1455])


def test_what_looks_the_same_has_one_value() -> None:
    for make, joint, period, name, most in (
        (FingerSpin, 2, pi, "spinner", 0.05),
        (WalkerWalk, 1, 2.0, "ground", 3.0),  # its floor is shaded a little otherwise elsewhere
    ):
        env = quick(make)
        _, info = env.reset(seed=0)
        first = env.set_factors(info["factors"]).astype(int)
        physics, values, frames = env._sim.physics, [], []
        qpos = physics.data.qpos.copy()
        for moved in (period, period / 2):
            with physics.reset_context():
                physics.data.qpos[:] = qpos
                physics.data.qpos[joint] += moved
            values.append(named(env)[name])
            frames.append(env._frame().astype(int))
        before = info["factors"][[spec.name for spec in env.factor_specs].index(name)]
        assert values[0] == pytest.approx(before) and abs(values[1] - before) > period / 3
        apart = [np.abs(frame - first).mean() for frame in frames]
        assert apart[0] < most and apart[0] < apart[1] / 3


@pytest.mark.parametrize(
    ("make", "values", "reason"),
    [
        (ReacherEasy, {"target_x": 0.15, "target_y": 0.15}, "0.212 m from the centre, and 0.2"),
        (WalkerWalk, {"height": 0.0}, "(?=.*walker)(?=.*floor).* inside each other"),
        (
            FingerSpin,
            {"proximal": 0.0, "distal": 0.0, "spinner": pi / 2},
            "(?=.*finger)(?=.*spinner).* inside each other",
        ),
    ],
)
def test_impossible_factors_are_refused_and_change_nothing(
    make: type[ControlWorld], values: dict[str, float], reason: str
) -> None:
    env = quick(make, render_mode="rgb_array")
    env.reset(seed=0)
    for action in actions(env, 0, 3):
        env.step(action)
    before = (env.factors(), env.velocities(), env.render())
    with pytest.raises(ValueError, match=f"impossible factors: .*{reason}"):
        env.set_factors(with_values(env, **values))
    with pytest.raises(ValueError, match=r"= 9 is outside its range"):
        env.set_factors(np.full(len(env.factor_specs), 9.0))
    after = (env.factors(), env.velocities(), env.render())
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version:UserWarning")
def test_the_checker_passes_and_ids_are_registered() -> None:
    for make in CONTROL_WORLDS.values():
        env = gym.make(f"bvae_rl/{make.__name__}-v0", size=16, shadows=False, domain="ood1")
        assert isinstance(env.unwrapped, make) and isinstance(env.unwrapped, FactorEnv)
        assert env.unwrapped.domain == "ood1"
    check_env(quick(CartpoleSwingup), skip_render_check=True)


def test_reset_takes_factors_and_an_appearance() -> None:
    env = quick(ReacherEasy, domain="ood1")
    _, info = env.reset(seed=0, options={"factors": {"target_x": 0.1, "body_colour": 0.5}})
    assert named(env)["target_x"] == 0.1 and env.appearance.body == 0.5
    assert "is_success" not in info and info["domain"] == "ood1"
    shown = env.appearance
    env.reset(seed=1, options={"appearance": shown})
    assert env.appearance == shown


def test_arguments_that_cannot_be_are_refused() -> None:
    with pytest.raises(
        ValueError, match="size must be a whole number of pixels, 16 or more, got 8"
    ):
        ReacherEasy(size=8)
    with pytest.raises(ValueError, match="unknown render_mode 'human'; known: rgb_array"):
        ReacherEasy(render_mode="human")
