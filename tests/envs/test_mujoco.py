"""The MuJoCo worlds: the wrapped tasks stay what they are, and factors are what is true."""

from __future__ import annotations

import os
import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.envs.mujoco.gl import choose_backend
from bvae_rl.envs.mujoco.pusher import MujocoPusher
from bvae_rl.envs.mujoco.reacher import MujocoReacher
from bvae_rl.envs.mujoco.relocate import MujocoRelocate
from bvae_rl.envs.mujoco.world import MujocoWorld
from tests.mujoco_cases import MUJOCO_WORLDS, need_drawing

every_world = pytest.mark.parametrize("make", MUJOCO_WORLDS.values(), ids=MUJOCO_WORLDS.keys())


@pytest.fixture(autouse=True)
def drawing() -> None:
    need_drawing()


def named(env: MujocoWorld) -> dict[str, float]:
    names = [spec.name for spec in env.factor_specs]
    return dict(zip(names, env.factors().tolist(), strict=True))


def with_values(env: MujocoWorld, **values: float) -> np.ndarray:
    """The current factors with some replaced."""
    changed = {**named(env), **values}
    assert len(changed) == len(env.factor_specs)
    return np.array(list(changed.values()))


def bang(env: Any, seed: int, steps: int) -> list[np.ndarray]:
    """Full-force actions held for some steps each."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (steps // 6 + 1, *env.action_space.shape))
    return list((env.action_space.high * np.repeat(signs, 6, axis=0))[:steps].astype(np.float32))


@every_world
def test_an_episode_is_that_of_the_wrapped_task(make: type[MujocoWorld]) -> None:
    env = make(domain="ood2:all", max_steps=30)
    bare = env.simulation()
    for seed in range(3):
        env.reset(seed=seed)
        bare.reset(seed=seed)
        for step, action in enumerate(bang(env, seed, 30), 1):
            _, reward, terminated, truncated, info = env.step(action)
            _, expected, ended, _, expected_info = bare.step(action)
            assert reward == expected and terminated == ended and truncated == (step == 30)
            assert expected_info.items() <= info.items()
            assert np.array_equal(env._sim.data.qpos, bare.data.qpos)


@every_world
def test_episodes_last_as_long_as_those_of_the_task(make: type[MujocoWorld]) -> None:
    env = make()
    registered = {"ReacherEnv": "Reacher-v5", "PusherEnv": "Pusher-v5"}
    known = registered.get(env.entry.partition(":")[2], "AdroitHandRelocate-v1")
    assert gym.spec(known).max_episode_steps == env.max_steps == env.steps


def test_factors_are_where_mujoco_says_things_are() -> None:
    """After ``set_factors`` positions of bodies are up to date (after a step they lag behind)."""
    reacher = MujocoReacher()
    reacher.reset(seed=0)
    reacher.set_factors(np.array([np.pi / 2, -np.pi / 2, -0.1, 0.05]).tolist() + [0.15] * 3)
    where = reacher._sim.data
    assert where.body("fingertip").xpos[:2] == pytest.approx([0.11, 0.1])
    assert where.body("target").xpos[:2] == pytest.approx([-0.1, 0.05])
    for make in (MujocoPusher, MujocoRelocate):
        env, rng = make(), np.random.default_rng(0)
        env.reset(seed=0)
        for _ in range(5):
            env.set_factors(env.sample_factors(rng))
            values, data = named(env), env._sim.data
            name, axes = ("object", "xy") if make is MujocoPusher else ("Object", "xyz")
            said = [values[f"object_{axis}"] for axis in axes]
            assert data.body(name).xpos[: len(axes)] == pytest.approx(said)
            if make is MujocoRelocate:
                target = [values[f"target_{axis}"] for axis in "xyz"]
                assert data.site("target").xpos == pytest.approx(target)


def test_the_hand_moves_in_the_directions_of_its_factors() -> None:
    env = MujocoRelocate()
    env.reset(seed=0)
    still = {f"hand_{name}": 0.0 for name in ("x", "y", "z", "pitch", "roll", "yaw")}
    away = {"object_x": -0.15, "object_y": 0.3, "object_z": 0.05}
    env.set_factors(with_values(env, **still, **away))
    palm = env._sim.data.body("palm").xpos.copy()
    for axis, name in enumerate("xyz"):
        env.set_factors(with_values(env, **{**still, f"hand_{name}": 0.1}))
        moved = env._sim.data.body("palm").xpos - palm
        assert moved == pytest.approx(0.1 * np.eye(3)[axis], abs=1e-3)
    tip = env._sim.data.site("S_fftip").xpos.copy()
    env.set_factors(with_values(env, grip=1.0))
    assert np.linalg.norm(env._sim.data.site("S_fftip").xpos - tip) > 0.05


@every_world
def test_played_states_are_in_the_ranges_of_the_factors(make: type[MujocoWorld]) -> None:
    env = make(size=32)
    free = [k for k, s in enumerate(env.factor_specs) if not s.name.startswith("object")]
    for seed in range(3):
        env.reset(seed=seed)
        for action in bang(env, seed, 60):
            factors = env.step(action)[4]["factors"]
            assert all(env.factor_specs[k].contains(factors[k]) for k in free)


@every_world
def test_a_state_that_was_set_is_at_rest_and_forgets_the_past(make: type[MujocoWorld]) -> None:
    first, second = make(), make()
    first.reset(seed=0)
    second.reset(seed=1)
    for action in bang(second, 0, 20):
        second.step(action)
    factors = first.sample_factors(np.random.default_rng(0))
    frames = [env.set_factors(factors) for env in (first, second)]
    assert np.array_equal(*frames)
    assert not first._sim.data.qvel.any() and not second._sim.data.qvel.any()
    for action in bang(first, 1, 10):
        one, other = first.step(action), second.step(action)
        assert one[1] == pytest.approx(other[1]) and np.allclose(
            one[4]["factors"], other[4]["factors"]
        )


@pytest.mark.parametrize(
    ("make", "values", "reason"),
    [
        (MujocoReacher, {"target_x": 0.15, "target_y": 0.15}, "0.212 m from the centre, and 0.2"),
        (MujocoPusher, {"shoulder_lift": 1.0}, "table and arm would be"),
        (MujocoRelocate, {"object_z": 0.02 - 1e-9}, "(?=.*ball)(?=.*table).* inside each other"),
        (MujocoRelocate, {"hand_pitch": 0.7}, "(?=.*hand)(?=.*table).* inside each other"),
    ],
)
def test_impossible_factors_are_refused_and_change_nothing(
    make: type[MujocoWorld], values: dict[str, float], reason: str
) -> None:
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    for action in bang(env, 0, 3):
        env.step(action)
    data = env._sim.data
    before = (data.qpos.copy(), data.qvel.copy(), env.factors(), env.render())
    with pytest.raises(ValueError, match=f"impossible factors: .*{reason}"):
        env.set_factors(with_values(env, **values))
    after = (data.qpos, data.qvel, env.factors(), env.render())
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(("make", "tip"), [(MujocoPusher, "tips_arm"), (MujocoRelocate, "palm")])
def test_a_thing_inside_the_arm_is_refused(make: type[MujocoWorld], tip: str) -> None:
    env = make()
    env.reset(seed=0)
    rng, axes = np.random.default_rng(0), "xy" if make is MujocoPusher else "xyz"
    refused = 0
    for _ in range(200):
        env.set_factors(env.sample_factors(rng))
        at = env._sim.data.body(tip).xpos
        if make is MujocoPusher and at[2] > -0.24:
            continue  # above the object
        there = {f"object_{axis}": at[k] + 0.01 for k, axis in enumerate(axes)}
        if not all(env.factor_specs[k].contains(v) for k, v in _numbered(env, there)):
            continue
        with pytest.raises(ValueError, match="inside each other"):
            env.set_factors(with_values(env, **there))
        refused += 1
    assert refused >= 3


def _numbered(env: MujocoWorld, values: dict[str, float]) -> list[tuple[int, float]]:
    names = [spec.name for spec in env.factor_specs]
    return [(names.index(name), value) for name, value in values.items()]


@every_world
def test_reset_takes_factors_by_name_or_all(make: type[MujocoWorld]) -> None:
    env = make(domain="ood1")
    wanted = {"target_x": 0.1} if make is not MujocoPusher else {"object_x": 0.5}
    frame, info = env.reset(seed=0, options={"factors": {**wanted, "arm_colour": 0.5}})
    assert wanted.items() <= named(env).items() and env.appearance.arm == 0.5
    again, _ = env.reset(seed=1, options={"factors": info["factors"]})
    assert np.array_equal(frame, again) or not env.whole


@pytest.mark.parametrize(
    ("make", "done", "moved"),
    [
        (MujocoReacher, {"joint0": 0, "joint1": 1.5708, "target_x": 0.1, "target_y": 0.11}, -0.03),
        (MujocoPusher, {"object_y": -0.05, "object_x": 0.45}, 0.06),
        (MujocoRelocate, {"object_x": 0.1, "target_x": 0.1, "target_y": 0.2, "target_z": 0.2}, 0.1),
    ],
)
def test_success_is_in_info(make: type[MujocoWorld], done: dict[str, float], moved: float) -> None:
    env = make()
    if make is MujocoRelocate:
        done = {**done, "object_y": 0.2, "object_z": 0.2}
    last = list(done)[-1]
    for values, success in ((done, True), ({**done, last: done[last] + moved}, False)):
        _, info = env.reset(seed=0, options={"factors": values})
        assert info["is_success"] is success


def test_arguments_that_cannot_be_are_refused() -> None:
    for size in (16, 40, 0):
        with pytest.raises(ValueError, match=f"multiple of 16 from 32, got {size}"):
            MujocoReacher(size=size)
    with pytest.raises(ValueError, match="unknown render_mode 'human'; known: rgb_array"):
        MujocoReacher(render_mode="human")
    assert MujocoReacher(size=96).reset()[0].shape == (96, 96, 3)
    assert MujocoReacher().render() is None


def test_frames_come_many_times_as_fast_as_gymnasiums_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", choose_backend(os.environ))
    ours = MujocoPusher(render_mode="rgb_array")
    theirs = gym.make("Pusher-v5", render_mode="rgb_array", width=64, height=64)

    def seconds(env: gym.Env, frames: int) -> float:
        env.reset(seed=0)
        env.render()
        start = time.process_time()
        for _ in range(frames):
            env.render()
        return (time.process_time() - start) / frames

    ratio = seconds(theirs, 3) / seconds(ours, 30)
    theirs.close()
    assert ratio > 5  # 25 to 40 on Mesa's llvmpipe
