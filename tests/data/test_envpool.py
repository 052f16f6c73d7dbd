"""EnvPool's environments keep the protocol of a VecEnv, whatever EnvPool does of its own."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

import bvae_rl
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.envpool.environments import EnvPoolEnv, EnvPoolVecEnv
from bvae_rl.data.envpool.gl import why_not_to_draw
from bvae_rl.data.pictures.resize import convert_bytes
from tests.envpool_cases import need_envpool


@pytest.fixture(autouse=True)
def installed() -> None:
    need_envpool()


def played(venv: Any, steps: int, *, seed: int = 0) -> list[tuple[Any, ...]]:
    """What a VecEnv answers to equal random actions."""
    venv.action_space.seed(seed)
    found = [(venv.reset(),)]
    for _ in range(steps):
        actions = np.stack([venv.action_space.sample() for _ in range(venv.num_envs)])
        observations, rewards, dones, infos = venv.step(actions)
        ended = [info.get("terminal_observation") for info in infos]
        found.append((observations, rewards, dones, ended))
    return found


def assert_equal(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> None:
    for a, b in zip(one, other, strict=True):
        for left, right in zip(a, b, strict=True):
            np.testing.assert_equal(left, right)


def test_a_finished_environment_shows_its_next_episode_at_once() -> None:
    own = EnvPoolVecEnv("CartPole-v1", 3, seed=4)
    own.reset()
    lengths, ends = np.zeros(3, dtype=int), 0
    for _ in range(60):
        observations, rewards, dones, infos = own.step(np.ones(3, dtype=int))
        lengths += 1
        assert (rewards == 1.0).all() and rewards.dtype == np.float32
        for i in range(3):
            assert infos[i]["elapsed_step"] == lengths[i], "no action is lost to a reset"
            assert ("episode" in infos[i]) == ("terminal_observation" in infos[i]) == dones[i]
            if dones[i]:
                assert abs(infos[i]["terminal_observation"][2]) > 0.2  # the pole has fallen
                assert abs(observations[i][2]) <= 0.05  # and stands
                assert own.reset_infos[i]["elapsed_step"] == 0
                assert infos[i]["TimeLimit.truncated"] is False
                assert infos[i]["episode"]["r"] == infos[i]["episode"]["l"] == lengths[i]
                assert infos[i]["episode"]["t"] >= 0
                lengths[i], ends = 0, ends + 1
    assert ends >= 15


def test_returns_and_lengths_are_those_of_sb3s_monitor() -> None:
    names = {
        "CartPole-v1": {},
        "MountainCarContinuous-v0": {"env_kwargs": {"max_episode_steps": 9}},
    }
    for name, made in names.items():
        own = EnvPoolVecEnv(name, 2, seed=1, **made)
        ours: list[Any] = []
        step_wait = own.step_wait

        def watched(step_wait: Any = step_wait, ours: Any = ours) -> Any:
            answer = step_wait()
            ours += [dict(info["episode"]) for info in answer[3] if "episode" in info]
            return answer

        own.step_wait = watched
        with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
            venv = VecMonitor(own)
        venv.action_space.seed(0)
        venv.reset()
        theirs = []
        for _ in range(40):
            infos = venv.step(np.stack([venv.action_space.sample() for _ in range(2)]))[3]
            theirs += [info["episode"] for info in infos if "episode" in info]
        assert theirs and [e["l"] for e in ours] == [e["l"] for e in theirs]
        np.testing.assert_allclose([e["r"] for e in ours], [e["r"] for e in theirs], atol=1e-5)


def test_a_time_limit_is_a_truncation() -> None:
    venv = EnvPoolVecEnv("MountainCar-v0", 2, seed=0, env_kwargs={"max_episode_steps": 5})
    venv.reset()
    for step in range(1, 11):
        _, _, dones, infos = venv.step(np.ones(2, dtype=int))
        cut = step % 5 == 0
        assert (dones == cut).all()
        assert [info["TimeLimit.truncated"] for info in infos] == [cut, cut]
    env = EnvPoolEnv("MountainCar-v0", env_kwargs={"max_episode_steps": 5})
    env.reset(seed=0)
    assert [env.step(1)[2:4] for _ in range(5)][3:] == [(False, False), (False, True)]
    assert env.spec is not None and env.spec.max_episode_steps == 5


def test_equal_seeds_give_equal_episodes_with_any_number_of_threads() -> None:
    made: dict[str, Any] = {"size": (32, 32), "frame_skip": 3}
    first = EnvPoolVecEnv("CarRacing-v3", 2, seed=7, **made)
    run = played(first, 12)
    assert_equal(run, played(EnvPoolVecEnv("CarRacing-v3", 2, seed=7, threads=2, **made), 12))
    other = played(EnvPoolVecEnv("CarRacing-v3", 2, seed=8, **made), 12)
    assert not np.array_equal(run[0][0], other[0][0])
    np.testing.assert_array_equal(run[0][0][1], other[0][0][0], "number i has seed + i")
    assert not np.array_equal(first.reset(), run[0][0]), "without a seed it is the next episode"
    first.seed(7)
    assert_equal(run, played(first, 12))
    alone = EnvPoolEnv("CarRacing-v3", **made)
    np.testing.assert_array_equal(alone.reset(seed=8)[0], run[0][0][1])


def test_a_skipped_frame_is_a_step_that_ends_with_the_episode() -> None:
    """Of steps of three, against single steps with each action three times."""
    skipping = EnvPoolVecEnv("CartPole-v1", 4, seed=3, frame_skip=3)
    singles = [EnvPoolEnv("CartPole-v1") for _ in range(4)]
    seen = skipping.reset()
    np.testing.assert_array_equal(seen, [one.reset(seed=3 + i)[0] for i, one in enumerate(singles)])
    rng, ends = np.random.default_rng(0), set()
    for _ in range(30):
        actions = rng.integers(2, size=4)
        seen, rewards, dones, infos = skipping.step(actions)
        for i, one in enumerate(singles):
            total = 0.0
            for number in range(1, 4):
                last, reward, terminated, truncated, _ = one.step(int(actions[i]))
                total += reward
                if terminated or truncated:
                    ends.add(number)
                    np.testing.assert_array_equal(infos[i]["terminal_observation"], last)
                    last, _ = one.reset()
                    break
            assert dones[i] == (terminated or truncated) and rewards[i] == total
            np.testing.assert_array_equal(seen[i], last)
    assert ends == {1, 2, 3}


def test_atari_comes_frame_by_frame_or_as_a_stack_and_at_any_size() -> None:
    made: dict[str, Any] = {"seed": 0, "env_kwargs": {"noop_max": 1}}
    plain = EnvPoolVecEnv("Pong-v5", 1, **made)
    stack = EnvPoolVecEnv("Pong-v5", 1, seed=0, env_kwargs={"noop_max": 1, "stack_num": 4})
    small = EnvPoolVecEnv("Pong-v5", 1, size=(32, 40), **made)
    single = EnvPoolEnv("Pong-v5", size=(32, 40), **made)
    assert plain.observation_space.shape == (1, 84, 84)
    assert stack.observation_space.shape == (4, 84, 84, 1)
    assert small.observation_space.shape == (32, 40, 1)
    many = [played(venv, 8) for venv in (plain, stack, small)]
    frames = [step[0][0, 0] for step in many[0]]
    np.testing.assert_array_equal(many[1][8][0][0, :, :, :, 0], frames[5:9])
    resized = convert_bytes(np.stack(frames)[..., None], (1, 32, 40))
    np.testing.assert_array_equal([step[0][0] for step in many[2]], resized)
    np.testing.assert_array_equal(single.reset(seed=0)[0], resized[0])
    assert single.observation_space == small.observation_space


def test_what_it_draws_is_seen_with_its_last_picture() -> None:
    venv = EnvPoolVecEnv("CartPole-v1", 2, seed=0, pixels=True, size=(20, 30))
    assert venv.observation_space.shape == (20, 30, 3) and venv.render_mode == "rgb_array"
    assert [image.shape for image in venv.get_images()] == [(400, 600, 3)] * 2
    before = venv.reset()
    for _ in range(12):
        seen, _, dones, infos = venv.step(np.ones(2, dtype=int))
        for i in np.flatnonzero(dones):
            assert np.abs(seen[i].astype(int) - before[i]).max() < 200  # it stands
            moved = np.abs(infos[i]["terminal_observation"].astype(int) - seen[i]) > 60
            assert moved.sum() > 10
    assert "TimeLimit.truncated" in infos[0]


def test_mujoco_draws_with_the_systems_opengl_or_says_that_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: dict[str, Any] = {
        "pixels": True, "env_kwargs": {"render_width": 48, "render_height": 40}
    }  # fmt: skip
    try:
        venv = EnvPoolVecEnv("HalfCheetah-v5", 1, **made)
    except ValueError as error:
        if os.environ.get("CI") and "imported before" not in str(error):
            raise
        pytest.skip(str(error))
    assert venv.reset().shape == (1, 40, 48, 3) and venv.reset().std() > 5
    why_not_to_draw.cache_clear()
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ValueError, match=r"imported before .*LD_PRELOAD=libEGL.so.1"):
        EnvPoolVecEnv("CheetahRun-v1", 1, pixels=True)
    why_not_to_draw.cache_clear()
    monkeypatch.setenv("LD_PRELOAD", "libEGL.so.1")  # loaded it is
    assert why_not_to_draw() == ""


def test_dict_observations_stay_or_are_picked() -> None:
    venv = EnvPoolVecEnv("MiniGrid-Empty-5x5-v0", 2, seed=0)
    assert venv.observation_space.shape == (7, 7, 3) == venv.reset().shape[1:]
    drawn = EnvPoolVecEnv(
        "MiniGrid-Empty-5x5-v0", 2, seed=0, pixels=True, env_kwargs={"max_episode_steps": 2}
    )
    drawn.reset()
    infos = [drawn.step(np.zeros(2, dtype=int))[3] for _ in range(2)][1]
    assert infos[0]["terminal_observation"].shape == drawn.observation_space.shape


def test_sb3_trains_in_it_and_evaluates_without_a_warning() -> None:
    torch.manual_seed(0)
    venv = EnvPoolVecEnv("Pong-v5", 2, seed=0, frame_skip=2)
    model = PPO("CnnPolicy", venv, n_steps=8, batch_size=8, n_epochs=1).learn(16)
    assert model.num_timesteps == 16 and venv.env_is_wrapped(Monitor) == [True, True]
    short = EnvPoolVecEnv("Pong-v5", 2, env_kwargs={"max_episode_steps": 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert evaluate_policy(model, short, n_eval_episodes=2)[0] == 0.0


def test_frames_are_collected_of_it_by_id_and_in_hand(tmp_path: Path) -> None:
    by_id = bvae_rl.collect(
        "CarRacing-v3", tmp_path / "id", frames=20, max_episode_steps=10, backend="envpool",
        size=(32, 32),
    )  # fmt: skip
    assert by_id.meta["backend"] == "envpool" and by_id.meta["native"] == [3, 96, 96]
    venv = EnvPoolVecEnv("CarRacing-v3", 2, size=(32, 32))
    held = bvae_rl.collect(venv, tmp_path / "held", frames=20, max_episode_steps=10)
    np.testing.assert_array_equal(held.array("frames"), by_id.array("frames"))
    assert held.meta["native"] == [3, 96, 96]
    other = EnvPoolVecEnv("CarRacing-v2", 2, size=(32, 32))
    with pytest.raises(ValueError, match="CarRacing-v2"):
        bvae_rl.collect(other, tmp_path / "held", frames=40, max_episode_steps=10)


def test_the_backend_is_part_of_an_identity_only_where_it_is_not_the_default() -> None:
    plain, fast = EnvConfig("CarRacing-v3"), EnvConfig("CarRacing-v3", backend="envpool")
    assert "backend" not in {**plain.identity(), **plain.described()}
    assert fast.identity()["backend"] == fast.described()["backend"] == "envpool"
    assert pickle.loads(pickle.dumps(fast)) == fast
    assert fast.vec(2, seed=0).observation_space == fast.make().observation_space
