"""What EnvPool cannot do is said in one line, with what to write instead."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl
from bvae_rl.agents.true_state import state_view
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.envpool.environments import EnvPoolEnv, EnvPoolVecEnv
from bvae_rl.data.envpool.ids import near_ids
from bvae_rl.data.factors import require_factor_env
from bvae_rl.scripts.cli import main
from tests.envpool_cases import need_envpool, register


@pytest.fixture(autouse=True)
def registered() -> None:
    need_envpool()
    register()


def test_without_envpool_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envpool", None)
    with pytest.raises(ImportError, match=r'pip install "bvae-rl\[envpool\]"'):
        EnvConfig("Pong-v5", backend="envpool").make()


@pytest.mark.parametrize(
    ("env_id", "near"),
    [
        ("ALE/Pong-v5", "Pong-v5"), ("ale_py:ALE/Pong-v5", "Pong-v5"),
        ("PongNoFrameskip-v4", "Pong-v5"),
        ("shimmy:dm_control/cartpole-swingup-v0", "CartpoleSwingup-v1"),
        ("CarRacing-v1", "CarRacing-v3"), ("CarRacign-v3", "CarRacing-v3"),
        ("MiniGrid-Empty-5x5-v1", "MiniGrid-Empty-5x5-v0"),
    ],
)  # fmt: skip
def test_an_id_that_it_has_not_names_those_that_are_near(env_id: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"EnvPool has no .*near: .*\b{near}"):
        EnvPoolVecEnv(env_id, 1)


def test_a_world_in_python_is_told_from_an_unknown_id() -> None:
    with pytest.raises(ValueError, match=r"gymnasium draws in Python: leave out --backend envpool"):
        EnvPoolVecEnv("tests_envpool/Plain-v0", 1)
    with pytest.raises(ValueError, match=r"no 'qqqq-v0'; envpool.list_all_envs\(\)"):
        EnvPoolVecEnv("qqqq-v0", 1)
    assert near_ids("qqqq-v0", ["Pong-v5"]) == []


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"env_kwargs": {"stack": 3}}, "no option 'stack'; near or known: stack_num"),
        ({"env_kwargs": {"stack_num": "four"}}, "takes stack_num as int .*got 'four'"),
        ({"env_kwargs": {"gray_scale": 1}}, "takes gray_scale as bool"),
        ({"env_kwargs": {"num_envs": 3}}, "num_envs is set by the adapter.*with n_envs"),
        ({"env_kwargs": {"max_episode_steps": 0}}, "max_episode_steps must be at least 1, got 0"),
        ({"domain": "ood1"}, "one way: leave out --domain ood1"),
        ({"frame_skip": 0}, "frame_skip must be at least 1, got 0"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"key": "image"}, "key='image' names a picture in a Dict observation"),
        ({"size": (2, 2)}, "16"),
    ],
)
def test_what_cannot_be_asked_of_a_game(made: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EnvPoolVecEnv("Pong-v5", 1, **made)


def test_what_cannot_be_asked_of_a_world() -> None:
    for made, said in (
        (
            {"env_kwargs": {"colour": 1}},
            "with EnvPool tests_envpool/Fallen-v0 has no colour; leave it out",
        ),
        ({"env_kwargs": {"domian": "ood1"}}, "has no domian; write domain for it"),
        ({"pixels": True}, "shows pictures already; leave out pixels"),
    ):
        with pytest.raises(ValueError, match=said):
            EnvPoolVecEnv("tests_envpool/Fallen-v0", 1, **made)
    with pytest.raises(ValueError, match="n_envs must be at least 1"):
        EnvPoolVecEnv("Pong-v5", 0)
    with pytest.raises(ValueError, match=r"up to .* players"):
        EnvPoolVecEnv("Go9x9-v1", 1)


def test_arguments_that_car_racing_has_only_in_python() -> None:
    said = "has no lap_complete_percent; leave it out, or leave out --backend envpool"
    with pytest.raises(ValueError, match=said):
        EnvPoolVecEnv(
            "bvae_rl.envs:bvae_rl/CarRacing-v0", 1, env_kwargs={"lap_complete_percent": 0.5}
        )


def test_wrappers_and_other_backends_are_refused() -> None:
    with pytest.raises(ValueError, match=r"without wrappers \(a:B\).*--size"):
        EnvConfig("Pong-v5", wrappers=("a:B",), backend="envpool")
    with pytest.raises(ValueError, match="backend is gymnasium or envpool, got 'jax'"):
        EnvConfig("Pong-v5", backend="jax")
    with pytest.raises(ValueError, match="backend='envpool' makes environments"):
        bvae_rl.framed(EnvPoolVecEnv("Pong-v5", 1), backend="envpool")


def test_objects_that_are_not_there_are_named() -> None:
    venv = EnvPoolVecEnv("CartPole-v1", 2)
    assert venv.get_attr("spec", [1])[0].id == "CartPole-v1"
    for call in (
        lambda: venv.get_attr("length"),
        lambda: venv.set_attr("length", 2.0),
        lambda: venv.env_method("close_door"),
    ):
        with pytest.raises(AttributeError, match=r"in C\+\+.*(length|close_door)"):
            call()
    assert venv.has_attr("length") is False
    venv.set_options({"low": 0})
    with pytest.raises(ValueError, match="no options at a reset"):
        venv.reset()
    venv.close()
    venv.close()


def test_steps_that_cannot_be_taken() -> None:
    venv = EnvPoolVecEnv("CartPole-v1", 2)
    with pytest.raises(gym.error.ResetNeeded, match="CartPole-v1 was not reset"):
        venv.step(np.array([0, 1]))
    venv.reset()
    for actions, said in (
        (np.zeros((2, 1), int), r"have shape \(2,\), got \(2, 1\)"),
        (np.zeros(3, int), r"got \(3,\)"),
        (np.array([0, 99]), r"integers from 0 to 1, got \[0, 99\]"),
        (np.array([-1, 0]), r"integers from 0 to 1"),
        (np.array([0.0, 0.7]), r"integers from 0 to 1"),
    ):
        with pytest.raises(ValueError, match=said):
            venv.step(actions)
    assert venv.step(np.array([0, 1]))[1].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"shape \(1,\), got \(1, 2\)"):
        env = EnvPoolEnv("CartPole-v1")
        env.reset()
        env.step([0, 1])
    venv.close()
    for call in (venv.reset, lambda: venv.step(np.array([0, 1]))):
        with pytest.raises(gym.error.ClosedEnvironmentError, match="CartPole-v1 is closed"):
            call()


def test_factors_are_not_to_be_had(tmp_path: Path) -> None:
    said = "EnvPool gives no factors, and no state can be set in it"
    with pytest.raises(ValueError, match=said):
        require_factor_env(EnvPoolEnv("Pong-v5"))
    with pytest.raises(ValueError, match=said):
        state_view(EnvPoolVecEnv("Pong-v5", 1))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--env", "CartPole-v1"], "--pixels"),
        (["--env", "MiniGrid-Empty-5x5-v0"], "symbolic observations"),
        (["--env", "ALE/Pong-v5"], "near: Pong-v5"),
        (["--env", "Pong-v5", "--policy", "independent"], "EnvPool gives no factors"),
        (["--env", "Pong-v5", "--wrappers", "a:B"], "without wrappers"),
        (["--env", "CarRacing-v3", "--domain", "ood1"], "leave out --domain ood1"),
        ([], "PlanarReach-v0.*gymnasium draws in Python"),
    ],
)
def test_the_command_line_says_it_in_one_line(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["collect", "--backend", "envpool", "--out", str(tmp_path / "store"), *flags])
    error = capsys.readouterr().err
    assert code == 2 and re.search(said, error) and "Traceback" not in error
    assert error.count("bvae-rl: error:") == 1 and error.endswith("\n")
