"""Environments by id: how every command and worker builds the same one.

An id may name its module first (``"bvae_rl.envs:bvae_rl/PlanarReach-v0"``), as gymnasium allows, so
that it works in a fresh process. ``domain`` is handed to the environment only when it is given.
"""

from __future__ import annotations

import warnings
from ast import literal_eval
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from typing import Any

import gymnasium as gym
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv


@dataclass(frozen=True)
class EnvConfig:
    """A gymnasium id, wrappers as ``module:Class`` applied in order, and a visual domain.

    ``kwargs`` are further arguments of the environment, as NAME=VALUE (a Python literal or a word).
    ``domain`` goes to the environment, or to the first wrapper that takes an argument ``domain``.
    """

    id: str
    wrappers: tuple[str, ...] = ()
    domain: str | None = None
    kwargs: tuple[str, ...] = ()

    def make(self) -> gym.Env:
        """Build it, or raise a ValueError that lists close or known ids."""
        kwargs = dict(map(_argument, self.kwargs))
        wrappers = [_load(name) for name in self.wrappers]
        taker = next((wrapper for wrapper in wrappers if _takes_domain(wrapper)), None)
        if self.domain is not None and taker is None:
            kwargs["domain"] = self.domain
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # an older version of the id
                env = gym.make(self.id, **kwargs)
        except (gym.error.Error, ModuleNotFoundError) as error:
            raise ValueError(
                f"unknown environment {self.id!r}: {error}{_known(self.id)}"
            ) from error
        except TypeError as error:
            if "unexpected keyword" not in str(error):
                raise
            if "domain" in str(error):
                raise ValueError(
                    f"{self.id} has no visual domains: leave out --domain {self.domain}; transfer "
                    "and adapt need an environment that takes domain="
                ) from error
            raise ValueError(
                f"{self.id} does not take {', '.join(self.kwargs)}: {error}"
            ) from error
        for wrapper in wrappers:
            takes = wrapper is taker and self.domain is not None
            env = wrapper(env, domain=self.domain) if takes else wrapper(env)
        return env

    def vec(self, n_envs: int, *, seed: int) -> VecEnv:
        """``n_envs`` monitored copies in one process, seeded."""
        return make_vec(self.make, n_envs, seed=seed)

    def with_domain(self, domain: str | None) -> EnvConfig:
        """The same environment with another visual domain."""
        return replace(self, domain=domain)


EnvFactory = Callable[[], gym.Env]


def make_vec(factory: EnvFactory, n_envs: int, *, seed: int) -> VecEnv:
    """``n_envs`` monitored environments from ``factory`` in one process, seeded."""
    if n_envs < 1:
        raise ValueError(f"n_envs must be at least 1, got {n_envs}")
    venv = DummyVecEnv([lambda: Monitor(factory())] * n_envs)
    venv.seed(seed)
    return venv


def _argument(text: str) -> tuple[str, Any]:
    """NAME=VALUE as a name and a value."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"an argument of an environment is NAME=VALUE, got {text!r}")
    try:
        return name, literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _takes_domain(wrapper: Callable[..., gym.Env]) -> bool:
    return "domain" in signature(wrapper).parameters


def _load(name: str) -> Callable[..., gym.Env]:
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"unknown wrapper {name!r} ({error}); write module:Class, for example "
            "minigrid.wrappers:RGBImgObsWrapper"
        ) from error


def _known(env_id: str) -> str:
    stem = env_id.rpartition("/")[2].partition("-")[0].lower()
    hint = "" if ":" in env_id else "; name the module that registers it first, as module:Id-v0"
    close = [known for known in gym.registry if stem and stem in known.lower()]
    ours = [known for known in gym.registry if known.startswith("bvae_rl/")]
    names = (close or ours)[:8]
    return f"{hint}; known: {', '.join(names)}" if names else hint
