"""A world that says how EnvPool draws it: its pictures and actions, in every visual domain."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.agents.eval_plan import longest_episode
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.envpool.environments import EnvPoolEnv, EnvPoolVecEnv
from tests.envpool_cases import Fallen, need_envpool, register

FALLEN = "tests_envpool/Fallen-v0"


@pytest.fixture(autouse=True)
def registered() -> None:
    need_envpool()
    register()


def test_its_frames_know_whose_episode_began() -> None:
    venv = EnvPoolVecEnv(FALLEN, 3, seed=2, domain="ood1")
    plain = EnvPoolVecEnv("CartPole-v1", 3, seed=2)
    seen, angles = venv.reset(), plain.reset()
    episodes, ends = np.ones(3, dtype=int), 0
    assert venv.observation_space is Fallen.observation_space and (seen[:, 5, 5, 0] == 100).all()
    for _ in range(25):
        np.testing.assert_array_equal(seen[:, 0, 0, 0], episodes)
        np.testing.assert_array_equal(seen[:, 0, 1, 0], (128 + 400 * angles[:, 2]).astype(np.uint8))
        seen, rewards, dones, infos = venv.step(np.full((3, 1), 0.5, dtype=np.float32))
        angles, theirs, their_dones, their_infos = plain.step(np.ones(3, dtype=int))
        np.testing.assert_array_equal(dones, their_dones)
        np.testing.assert_array_equal(rewards, theirs)
        for i in np.flatnonzero(dones):
            last = infos[i]["terminal_observation"]
            angle = their_infos[i]["terminal_observation"][2]
            assert last[0, 0, 0] == episodes[i] == infos[i]["drawn"]
            assert last[0, 1, 0] == np.uint8(128 + 400 * angle)
            episodes[i] += 1
            ends += 1
            assert venv.reset_infos[i]["drawn"] == episodes[i]
        assert all(info["domain"] == "ood1" for info in infos)
    assert ends >= 6


def test_frames_in_between_are_not_drawn() -> None:
    venv = EnvPoolVecEnv(FALLEN, 2, seed=0, frame_skip=3)
    venv.reset()
    venv.step(np.ones((2, 1), dtype=np.float32))
    assert venv.pool.world.called == 2


def test_it_is_an_environment_by_id_with_domains_and_views() -> None:
    env = EnvConfig(FALLEN, domain="ood1", backend="envpool", size=(20, 24))
    one, many = env.make(), env.vec(2, seed=5)
    assert one.observation_space == many.observation_space and many.reset().shape == (2, 20, 24, 1)
    many.seed(5)
    np.testing.assert_array_equal(one.reset(seed=5)[0], many.reset()[0])
    source = EnvPoolEnv(FALLEN)
    assert source.spec is not None and source.spec.max_episode_steps == 50  # as registered
    assert source.reset(seed=0)[0][5, 5, 0] == 50 and source.step([1.0])[4]["domain"] == "source"
    short = EnvPoolVecEnv(FALLEN, 1, env_kwargs={"max_episode_steps": 3})
    short.reset()
    assert [bool(short.step(np.ones((1, 1)))[2][0]) for _ in range(3)] == [False, False, True]


def test_a_new_seed_makes_a_new_world() -> None:
    venv = EnvPoolVecEnv(FALLEN, 2, seed=1)
    first = venv.reset()
    venv.seed(6)
    again = venv.reset()
    assert venv.pool.world.seeds == [6, 7] and (again[:, 0, 0, 0] == 1).all()
    venv.seed(1)
    np.testing.assert_array_equal(venv.reset(), first)


def test_steps_that_are_skipped_count_in_the_length_of_an_episode() -> None:
    need_envpool()
    skipping = EnvConfig("CarRacing-v3", backend="envpool", frame_skip=4)
    assert longest_episode(skipping) == 250
