"""SB3's PPO and SAC made of an ``AgentConfig``: with the same heads, whatever the agent sees."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.settings import ALGORITHMS, sb3_value
from bvae_rl.data.environments import EnvConfig

FAILS = (
    AssertionError, ValueError, TypeError, RuntimeError, MemoryError, OverflowError,
)  # fmt: skip


def make_model(
    policy: str,
    config: AgentConfig,
    venv: VecEnv,
    *,
    seed: int | None = None,
    buffer: Mapping[str, Any] | None = None,
) -> BaseAlgorithm:
    """A fresh agent on ``venv``. ValueError for SAC where actions are not continuous.

    ``buffer``: SB3's arguments of a replay buffer other than its own.
    """
    if config.algo == "sac":
        require_continuous(venv.action_space)
    settings = {name: sb3_value(name, value) for name, value in config.settings.items()}
    hidden = list(config.net_arch)
    heads = {"pi": hidden, "vf": hidden} if config.algo == "ppo" else hidden
    settings["policy_kwargs"] = {"net_arch": heads, **(settings.get("policy_kwargs") or {})}
    settings.setdefault("device", "cpu")
    if config.algo == "sac":  # no more room than there are steps
        settings["buffer_size"] = min(config.value("buffer_size"), config.rounded_timesteps)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You have specified a mini-batch size")  # see remarks
        model = ALGORITHMS[config.algo](
            policy, venv, seed=seed, verbose=0, **settings, **(buffer or {})
        )
    return in_channels_last(model)


def reload_model(path: Path, replay: Path, config: AgentConfig, venv: VecEnv) -> BaseAlgorithm:
    """An agent that goes on from a checkpoint, in fresh episodes; SAC with its replay buffer."""
    device = config.settings.get("device", "cpu")
    model = in_channels_last(ALGORITHMS[config.algo].load(path, env=venv, device=device))
    if isinstance(model, SAC):
        model.load_replay_buffer(replay)
    model.set_random_seed((config.seed + model.num_timesteps) % 2**32)  # other episodes than first
    return model


def in_channels_last(model: BaseAlgorithm) -> BaseAlgorithm:
    """``model`` with its convolutions in the layout that is fast on CPUs, as the VAE trains."""
    if model.device.type in ("cpu", "cuda"):
        model.policy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def scaled_rewards(venv: VecEnv, config: AgentConfig, saved: Path) -> VecEnv:
    """``venv`` with rewards as ``config`` wants them; their scale goes on from ``saved``, if any.

    Where rewards are normalised it is a ``VecNormalize``, whose ``save`` writes that file.
    """
    if not config.normalize_reward:
        return venv
    if saved.exists():
        return VecNormalize.load(str(saved), venv)
    return VecNormalize(venv, norm_obs=False, gamma=config.value("gamma"))


def zipped(model: BaseAlgorithm) -> bytes:
    """What SB3 saves, as bytes."""
    buffer = io.BytesIO()
    model.save(buffer)
    return buffer.getvalue()


def require_continuous(actions: gym.Space[Any]) -> None:
    """ValueError for actions that SAC cannot take."""
    if not isinstance(actions, Box):
        raise ValueError(f"SAC needs continuous actions, got {actions}; use PPO: --algo ppo")


def check_model(config: AgentConfig, env: EnvConfig) -> None:
    """ValueError for settings, or actions of ``env``, that SB3 refuses: before any training.

    Builds the agent once on small vectors instead of pictures and throws it away.
    """
    made = env.make()
    actions = made.action_space
    made.close()
    if isinstance(actions, Discrete | MultiDiscrete) and np.any(actions.start):
        kind, size = type(actions).__name__, getattr(actions, "nvec", getattr(actions, "n", None))
        size, start = np.asarray(size).tolist(), np.asarray(actions.start).tolist()
        raise ValueError(
            f"{env.id} numbers its actions, {kind}({size}), from {start}, and SB3's agents from "
            "0: give it a wrapper that adds the difference, TransformAction(env, lambda action: "
            f"action + {start}, {kind}({size})) of gymnasium"
        )
    if config.algo == "sac":
        require_continuous(actions)
    venv = DummyVecEnv([lambda: _Vectors(actions)] * config.n_envs)
    try:
        with torch.random.fork_rng(devices=[]):
            make_model("MlpPolicy", config, venv)
    except FAILS as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"SB3's {config.algo.upper()} refuses these settings in {env.id}: {why}; given are "
            f"n_envs={config.n_envs}, {_listed(config.settings)}"
        ) from error


def remarks(config: AgentConfig) -> list[str]:
    """What is allowed and worth knowing: SB3 trains on a smaller last batch, and only warns."""
    if config.algo != "ppo":
        return []
    rollout, batch = config.n_envs * config.value("n_steps"), config.value("batch_size")
    if rollout % batch == 0:
        return []
    near = max(n for n in range(1, min(batch, rollout) + 1) if rollout % n == 0)
    last = rollout % batch
    return [
        f"batch_size {batch} does not divide a rollout of n_envs * n_steps = {rollout:,} steps: "
        f"the last batch of each epoch has {last}; --set batch_size={near} would divide it"
    ]


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


class _Vectors(gym.Env[np.ndarray, Any]):
    """Shows nothing, takes the actions that it is given: a model can be built on it."""

    observation_space = Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, actions: gym.Space[Any]) -> None:
        self.action_space = actions
