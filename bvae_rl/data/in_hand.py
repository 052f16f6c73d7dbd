"""What an environment in hand tells of how it was made, so that two are not taken for each other.

Of each wrapper that are the arguments that it keeps (gymnasium's do), or what it says in
``decided_by``. Functions and objects count by what they are made of.
"""

from __future__ import annotations

from contextlib import suppress
from inspect import signature
from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv

from bvae_rl.data.wrappers import wrappers_of
from bvae_rl.runtime.content import digest

PLAIN = str | int | float | bool | None
SILENT = (OrderEnforcing, PassiveEnvChecker, Monitor)  # which change nothing that is seen


def described(env: gym.Env[Any, Any] | VecEnv) -> dict[str, Any]:
    """Its name, its arguments and those of its wrappers, and its spaces, as JSON values."""
    spec, one, text = _asked(env)
    wrapped: dict[str, Any] = {}
    for layer in _wrappers(one):
        if given := _given(layer):
            name = type(layer).__name__
            repeats = sum(other.partition("-")[0] == name for other in wrapped)
            wrapped[f"{name}-{repeats + 1}" if repeats else name] = _values(given)
    return {
        "of": text,
        "made": {} if spec is None else _values(spec.kwargs),
        **({"wrapped": wrapped} if wrapped else {}),
        "spaces": (str(env.observation_space), str(env.action_space)),
    }


def nameless(env: gym.Env[Any, Any] | VecEnv) -> bool:
    """Whether it does not tell all: it is not registered, or a wrapper keeps its arguments back."""
    spec, one, _ = _asked(env)
    return spec is None or any(_given(layer) is None for layer in _wrappers(one))


def _asked(env: gym.Env[Any, Any] | VecEnv) -> tuple[Any, gym.Env[Any, Any] | None, str]:
    """Its gymnasium spec, the first environment, and its name, as far as they can be had."""
    if isinstance(env, gym.Env):
        return env.spec, env, str(env)
    if envs := getattr(env.unwrapped, "envs", None):
        return envs[0].spec, envs[0], str(envs[0])
    with suppress(NotImplementedError, AttributeError):  # of simulators that run many at once
        text = env.env_method("__str__", indices=[0])[0]
        # a function among a wrapper's arguments cannot leave its process
        elsewhere = isinstance(env.unwrapped, SubprocVecEnv)
        return None if elsewhere else env.get_attr("spec", [0])[0], None, text
    return None, None, type(env.unwrapped).__name__


def _wrappers(env: gym.Env[Any, Any] | None) -> list[gym.Wrapper[Any, Any, Any, Any]]:
    return [] if env is None else [one for one in wrappers_of(env) if not isinstance(one, SILENT)]


def _given(layer: gym.Wrapper[Any, Any, Any, Any]) -> dict[str, Any] | None:
    """What decides about what ``layer`` shows; None where it does not say."""
    if (known := vars(layer).get("decided_by")) is not None:
        return dict(known)
    if isinstance(layer, RecordConstructorArgs):
        return {name: value for name, value in layer._saved_kwargs.items() if name != "env"}
    ours = type(layer).__module__.startswith("bvae_rl.data.")  # the store tells of these itself
    return {} if ours or len(signature(type(layer)).parameters) < 2 else None


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """As JSON; what is not plain by what it is made of."""
    return {
        name: value if isinstance(value, PLAIN) else digest(value)[:16]
        for name, value in sorted(given.items())
    }
