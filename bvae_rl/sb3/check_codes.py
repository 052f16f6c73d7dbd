"""Does this environment, or this replay buffer, hold the codes that the agent was trained on?

SB3 asks where an agent is loaded or given an environment. It does not where one is evaluated, or a
replay buffer loaded; these functions do.

    model.learn(100_000, callback=[CheckCodes(), EvalCallback(eval_env)])
    check_codes(model, eval_env)
    evaluate_policy(model, eval_env)
    load_replay_buffer(model, "buffer.pkl")        # instead of model.load_replay_buffer
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    EvalCallback,
    EventCallback,
)
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper

from bvae_rl.sb3.codes import code_spaces, refuse_other_codes
from bvae_rl.sb3.copies import latent_env_of
from bvae_rl.sb3.latent_env import LatentVecEnv


def check_codes(model: BaseAlgorithm | BasePolicy, env: VecEnv | gym.Env[Any, Any]) -> None:
    """Raise a ValueError, with the cure, if ``env`` shows other codes than the agent's.

    Also where the encoder of ``env`` has moved since it was made. Whatever has no codes passes.
    """
    latent = unwrap_vec_wrapper(env, LatentVecEnv) if isinstance(env, VecEnv) else None
    if latent is not None:
        latent.refuse_moved()
    shown = env if latent is None else latent  # beneath a VecFrameStack, which names no codes
    refuse_other_codes(agents_codes(model), shown.observation_space)


def agents_codes(model: BaseAlgorithm | BasePolicy) -> gym.Space[Any]:
    """The observation space that names the codes of ``model``.

    It is the one of its environment where the model's own names none: one from an older zip, or
    over a stack of codes.
    """
    latent = latent_env_of(model) if isinstance(model, BaseAlgorithm) else None
    if latent is None or code_spaces(model.observation_space):
        return model.observation_space
    return latent.observation_space


def load_replay_buffer(
    model: OffPolicyAlgorithm,
    path: str | Path | io.BufferedIOBase,
    *,
    truncate_last_traj: bool = True,
) -> None:
    """``model.load_replay_buffer``, and a ValueError for codes of another encoder.

    The model keeps the buffer that it had where one is refused.

    ``path``: what ``model.save_replay_buffer`` wrote.
    ``truncate_last_traj``: as SB3 has it, for HER.
    """
    before = model.replay_buffer
    model.load_replay_buffer(path, truncate_last_traj)
    try:
        _check_replay_buffer(model)
    except ValueError:
        model.replay_buffer = before
        raise


class CheckCodes(BaseCallback):
    """Checks, before a training takes a step, all that it will see codes by.

    That is the environment, the replay buffer and the environments of every ``EvalCallback`` beside
    it. ValueError, with the cure, for codes of another encoder, choice of latents or scaling.
    """

    def _on_training_start(self) -> None:
        check_codes(self.model, self.training_env)
        if isinstance(self.model, OffPolicyAlgorithm):
            _check_replay_buffer(self.model)
        for env in evaluation_envs(self.locals.get("callback")):
            check_codes(self.model, env)

    def _on_step(self) -> bool:
        return True


def evaluation_envs(callback: BaseCallback | None) -> Iterator[VecEnv]:
    """The environments of every ``EvalCallback`` in what ``learn`` was given."""
    if isinstance(callback, CallbackList):
        for one in callback.callbacks:
            yield from evaluation_envs(one)
    if isinstance(callback, EventCallback):
        yield from evaluation_envs(callback.callback)
    if isinstance(callback, EvalCallback):
        yield callback.eval_env
        yield from evaluation_envs(callback.callback_on_new_best)


def _check_replay_buffer(model: OffPolicyAlgorithm) -> None:
    if model.replay_buffer is not None:
        refuse_other_codes(
            agents_codes(model),
            model.replay_buffer.observation_space,
            what="the replay buffer holds",
        )
