"""The settings of agents: SB3's arguments by name, the table of known worlds, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.agents.config import GIVEN, SB3, TUNED, AgentConfig, StepLimit
from bvae_rl.agents.hyperparameters import TABLE, tuned
from bvae_rl.agents.identities import as_written_now
from bvae_rl.agents.models import check_model, make_model, reload_model, remarks
from bvae_rl.agents.settings import ALGORITHMS, MAIN, check, default, parse, settable
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.identity import changed

REACH, CART, SWING = "bvae_rl.envs:bvae_rl/PlanarReach-v0", "CartPole-v1", "Pendulum-v1"
WIDE: dict[str, Any] = {"net_arch": [256, 256]}


def _venv(env_id: str, n_envs: int = 1) -> DummyVecEnv:
    return DummyVecEnv([lambda: gym.make(env_id)] * n_envs)


@pytest.mark.parametrize(("algo", "env_id"), [("ppo", CART), ("sac", SWING)])
def test_an_unknown_world_is_trained_with_sb3s_own_defaults(algo: str, env_id: str) -> None:
    config = AgentConfig.of(algo, env_id)
    assert config.settings == {} and config.n_envs == 1
    ours: Any = make_model("MlpPolicy", config, _venv(env_id), seed=0)
    heads = {"pi": [256, 256], "vf": [256, 256]} if algo == "ppo" else [256, 256]
    bare: Any = {"ppo": PPO, "sac": SAC}[algo](
        "MlpPolicy", _venv(env_id), seed=0, device="cpu", policy_kwargs={"net_arch": heads}
    )
    for name in (*MAIN[algo], "n_steps"):
        if name not in ("buffer_size", "clip_range"):  # objects, or as many as there are steps
            assert getattr(ours, name) == getattr(bare, name), name
    theirs = bare.policy.state_dict()
    assert all(torch.equal(value, theirs[n]) for n, value in ours.policy.state_dict().items())
    assert type(ours.policy.activation_fn) is type(bare.policy.activation_fn)
    assert config.value("gamma") == 0.99 == default(algo, "gamma")


def test_sac_keeps_no_more_transitions_than_there_are_steps() -> None:
    config = AgentConfig.of("sac", SWING, total_timesteps=70)
    model: Any = make_model("MlpPolicy", config, _venv(SWING))
    assert model.replay_buffer.buffer_size == 70 and config.value("buffer_size") == 1_000_000


def test_a_known_world_has_the_settings_of_its_row() -> None:
    config = AgentConfig.of("ppo", REACH, clip_range="lin_0.3", policy_kwargs={"ortho_init": False})
    model: Any = make_model("MlpPolicy", config, _venv(SWING, 8))
    assert (model.n_envs, model.n_steps, model.batch_size, model.gamma) == (8, 125, 250, 0.9)
    assert isinstance(model.learning_rate, LinearSchedule) and model.learning_rate(1.0) == 0.001
    assert model.clip_range(1.0) == 0.3 and model.clip_range(0.5) == pytest.approx(0.15)
    assert model.policy.activation_fn is torch.nn.ReLU and not model.policy.ortho_init
    assert float(model.policy.log_std.detach().mean()) == pytest.approx(-0.7)
    origins = config.origins(REACH, {"clip_range"})
    assert origins["clip_range"] == GIVEN and origins["gamma"] == TUNED == origins["n_envs"]
    assert origins["gae_lambda"] == SB3


def test_every_row_of_the_table_can_be_built_and_gives_a_reason() -> None:
    for row in TABLE:
        assert AgentConfig.of(row.algo, row.env).settings.items() <= row.settings.items()
        assert row.reason and tuned(f"some.module:{row.env}", row.algo) == row
    assert tuned(CART, "ppo") is None and tuned("bvae_rl/PlanarPush-v0", "sac") is None
    assert AgentConfig.of("ppo", "bvae_rl/PlanarPush-v0").value("gamma") == 0.9  # as published


def test_every_default_of_sb3_passes_the_checks() -> None:
    for algo in ALGORITHMS:
        for name in settable(algo):
            check(algo, name, default(algo, name))
    for name, value in (("train_freq", (1, "episode")), ("ent_coef", "auto_0.1"), ("tau", 1)):
        check("sac", name, value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"algo": "dqn"}, "unknown algorithm 'dqn'; known: ppo, sac"),
        ({"total_timesteps": 0}, "total_timesteps must be at least 1, got 0"),
        ({"n_envs": 2.5}, "n_envs must be a whole number, got 2.5"),
        ({"net_arch": ()}, "net_arch needs at least one"),
        ({"net_arch": "wide"}, "net_arch needs at least one"),
        ({"gamma": 1.5}, r"gamma must be in \[0, 1\], got 1.5"),
        ({"learning_rate": 0.0}, "learning_rate must be positive, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"learning_rate": "lin_fast"}, "a linear schedule is lin_NUMBER"),
        ({"learning_rate": "lin_-1"}, "learning_rate must be positive, got lin_-1"),
        ({"ent_coef": "auto"}, "ent_coef must be a number, got 'auto'"),
        ({"n_epochs": True}, "n_epochs must be a whole number, got True"),
        ({"clip_range": None}, "clip_range must be a number or lin_NUMBER, got None"),
        ({"seed_": 1}, "PPO takes no 'seed_'; it takes: batch_size, "),
        ({"clip_rnge": 1}, "PPO takes no 'clip_rnge'; did you mean clip_range"),
        ({"tau": 0.1}, "PPO takes no 'tau'"),
        ({"verbose": 1}, "verbose cannot be set: a progress bar is shown"),
        ({"policy_kwargs": {"net_arch": [8]}}, r"cannot hold net_arch: --set net_arch=\(64,64\)"),
        ({"policy_kwargs": {"activation_fn": "Rel"}}, "name of a module of torch.nn.*got 'Rel'"),
        ({"algo": "sac", "ent_coef": "some"}, "ent_coef must be a word or a number, got 'some'"),
        ({"algo": "sac", "train_freq": (2, 3)}, "train_freq must be a whole number or a tuple"),
        ({"algo": "sac", "train_freq": (2, "episode"), "n_envs": 2}, "needs one environment"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AgentConfig.of(values.pop("algo", "ppo"), **values)


class FromOne(gym.Env[np.ndarray, Any]):
    """Its actions are 1, 2 and 3, or two such ones."""

    observation_space = Box(0, 1, (2,), np.float32)

    def __init__(self, several: bool = False) -> None:
        spaces = gym.spaces
        self.action_space = (
            spaces.MultiDiscrete([3, 2], start=[1, 0]) if several else spaces.Discrete(3, start=1)
        )


def test_what_sb3_refuses_is_refused_before_training_in_one_line() -> None:
    swing = EnvConfig(SWING)
    for given, message in (
        ({"policy_kwargs": {"foo": 3}}, "unexpected keyword argument 'foo'; given are n_envs=1"),
        ({"n_steps": 1}, "refuses these settings in Pendulum-v1: `n_steps [*] n_envs` must be"),
        ({"device": "abacus"}, "abacus"),
    ):
        with pytest.raises(ValueError, match=message):
            check_model(AgentConfig.of("ppo", **given), swing)
    with pytest.raises(ValueError, match=r"SAC needs continuous actions, got Discrete.*--algo ppo"):
        check_model(AgentConfig.of("sac"), EnvConfig(CART))
    gym.register("test/FromOne-v0", FromOne)
    try:
        with pytest.raises(ValueError, match=r"Discrete\(3\), from 1.*action \+ 1, Discrete\(3\)"):
            check_model(AgentConfig.of("ppo"), EnvConfig("test/FromOne-v0"))
        several = EnvConfig("test/FromOne-v0", kwargs=("several=True",))
        with pytest.raises(ValueError, match=r"action \+ \[1, 0\], MultiDiscrete\(\[3, 2\]\)"):
            check_model(AgentConfig.of("ppo"), several)
    finally:
        del gym.registry["test/FromOne-v0"]
    before = torch.random.get_rng_state()
    check_model(AgentConfig.of("sac"), swing)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_values_are_literals_or_words_and_a_name_is_given_once() -> None:
    given = ("n_steps=64", "clip_range=lin_0.2", "net_arch=(64, 64)", "target_kl=None")
    assert parse("ppo", given) == {
        "n_steps": 64, "clip_range": "lin_0.2", "net_arch": (64, 64), "target_kl": None,
    }  # fmt: skip
    with pytest.raises(ValueError, match="n_steps is given twice, as 64 and 8"):
        parse("ppo", ("n_steps=64", "n_steps=8"))
    with pytest.raises(ValueError, match=r"takes NAME=VALUE.*got 'n_steps'"):
        parse("ppo", ("n_steps",))


def test_a_batch_that_does_not_divide_the_rollout_is_allowed_and_said() -> None:
    assert remarks(AgentConfig.of("ppo")) == [] == remarks(AgentConfig.of("sac"))
    config = AgentConfig.of("ppo", n_steps=100, n_envs=3)
    assert remarks(config) == [
        "batch_size 64 does not divide a rollout of n_envs * n_steps = 300 steps: the last batch "
        "of each epoch has 44; --set batch_size=60 would divide it"
    ]
    make_model("MlpPolicy", config, _venv(CART, 3))  # without SB3's warning


def test_the_budget_is_stated_in_whole_rollouts() -> None:
    config = AgentConfig.of("ppo", n_envs=8, n_steps=250, total_timesteps=2001)
    assert config.rollout == 2000 and config.rounded_timesteps == 4000
    assert AgentConfig.of("sac", total_timesteps=2001).rounded_timesteps == 2001
    episodes = AgentConfig.of("sac", total_timesteps=2001, train_freq=(2, "episode"))
    assert episodes.rounded_timesteps == 2001
    assert config.lasting(None) == config and config.lasting(5000).eval_freq == 500
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        config.lasting(0)


def test_a_folder_with_a_field_for_each_setting_is_still_the_same_agent() -> None:
    earlier: dict[str, Any] = {
        "algo": "ppo", "total_timesteps": 100_000, "seed": 0, "n_envs": 8, "n_steps": 125,
        "batch_size": 250, "n_epochs": 5, "gamma": 0.9, "gae_lambda": 0.95, "ent_coef": 0.0,
        "log_std_init": -0.7, "learning_rate": 1e-3, "lr_decay": True, "net_arch": [256, 256],
        "train_freq": 1, "gradient_steps": 1, "buffer_size": 100_000, "learning_starts": 1_000,
        "eval_freq": 10_000, "n_eval_episodes": 20,
    }  # fmt: skip
    now = AgentConfig.of("ppo", REACH)
    assert changed(as_written_now(earlier), now.identity()) == []
    assert as_written_now(now.identity()) == now.identity()
    other = changed(as_written_now({**earlier, "gamma": 0.5}), now.identity())
    assert other == ["settings.gamma 0.5, not 0.9"]
    sac = {"algo": "sac", "total_timesteps": 10_000, "n_envs": 1, "batch_size": 256}
    sac |= {"learning_rate": 3e-4, "eval_freq": 1_000}
    now = AgentConfig.of("sac", REACH)
    assert changed(as_written_now({**earlier, **sac}), now.identity()) == []
    longer = replace(now, eval_limit=StepLimit(5, 9), settings={**now.settings, "tau": 0.1})
    assert changed(now.identity(), longer.identity()) == [
        "settings.tau 0.005, not 0.1", "eval_limit absent, not StepLimit(enough=5, most=9)",
    ]  # fmt: skip
    assert set(EnvConfig(CART).identity()) == {"id", "wrappers", "domain", "kwargs"}


class _Pictures(gym.Env[Any, Any]):
    """Black pictures, four grey frames of 64x64 in a stack; a reward for nothing."""

    observation_space = Box(0, 255, (4, 64, 64), np.uint8)
    action_space = Box(-1.0, 1.0, (2,), np.float32)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        return np.zeros((4, 64, 64), np.uint8), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros((4, 64, 64), np.uint8), float(action[0]), False, False, {}


def test_convolutions_lie_in_the_fast_layout_and_act_as_before(tmp_path: Path) -> None:
    config = AgentConfig.of("ppo", "pictures", total_timesteps=64, n_steps=32, batch_size=32)
    venv = DummyVecEnv([_Pictures])
    made = make_model("CnnPolicy", config, venv, seed=0)
    made.save(tmp_path / "agent.zip")
    plain = PPO.load(tmp_path / "agent.zip", device="cpu")
    loaded = reload_model(tmp_path / "agent.zip", tmp_path / "no_replay", config, venv)
    frames = np.random.default_rng(0).integers(0, 256, (8, 4, 64, 64), dtype=np.uint8)
    expected = plain.predict(frames, deterministic=True)[0]
    for model in (made, loaded):
        filters = cast(Any, model.policy).features_extractor.cnn[0].weight
        assert filters.is_contiguous(memory_format=torch.channels_last)
        assert not filters.is_contiguous()
        found = model.predict(frames, deterministic=True)[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        model.learn(64)
        assert filters.is_contiguous(memory_format=torch.channels_last)
