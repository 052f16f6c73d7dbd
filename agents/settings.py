"""Settings of an algorithm: the arguments of SB3's constructors, read off their signatures.

A setting is a plain value: a number, a word, a tuple or a dict, or the text "lin_0.001" for a value
that falls linearly from 0.001 to 0 over the training (as in rl_zoo3). Activations in
``policy_kwargs`` are names of ``torch.nn``.
"""

from __future__ import annotations

import inspect
import math
from ast import literal_eval
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import LinearSchedule

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO, "sac": SAC}
# What people ask about first: it stands in what is printed and in every agent's identity.
MAIN = {
    "ppo": (
        "learning_rate", "n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range",
        "ent_coef", "vf_coef", "max_grad_norm",
    ),
    "sac": (
        "learning_rate", "buffer_size", "learning_starts", "batch_size", "tau", "gamma",
        "train_freq", "gradient_steps", "ent_coef",
    ),
}  # fmt: skip
OURS = ("n_envs", "net_arch", "normalize_reward")  # settable like SB3's own
ELSEWHERE = {
    "policy": "--method says what an agent sees",
    "env": "it has its own option, --env",
    "seed": "it has its own option, --seed",
    "total_timesteps": "it has its own option, --total-timesteps",
    "eval_freq": "it has its own option, --eval-freq",
    "n_eval_episodes": "it has its own option, --n-eval-episodes",
    "verbose": "a progress bar is shown instead",
    "tensorboard_log": "the learning curve is in rows.json",
    "_init_setup_model": "an agent is always set up",
    "action_noise": "it takes an object: train in Python",
    "replay_buffer_class": "it takes a class: train in Python",
    "rollout_buffer_class": "it takes a class: train in Python",
}
SCHEDULE = "lin_"
_POLICY_OURS = {"net_arch", "features_extractor_class", "features_extractor_kwargs"}


def known_algorithm(algo: str) -> str:
    """``algo``, or a ValueError that lists the known ones."""
    if algo not in ALGORITHMS:
        raise ValueError(f"unknown algorithm {algo!r}; known: {', '.join(ALGORITHMS)}")
    return algo


@cache
def _parameters(algo: str) -> Mapping[str, inspect.Parameter]:
    signature = inspect.signature(ALGORITHMS[known_algorithm(algo)].__init__, eval_str=True)
    skipped = {"self", *ELSEWHERE}
    return {name: p for name, p in signature.parameters.items() if name not in skipped}


def settable(algo: str) -> tuple[str, ...]:
    """The names of SB3's arguments that can be set for ``algo``."""
    return tuple(_parameters(algo))


def default(algo: str, name: str) -> Any:
    """SB3's own default of an argument of ``algo``."""
    return _parameters(algo)[name].default


def parse(algo: str, texts: Iterable[str]) -> dict[str, Any]:
    """``NAME=VALUE`` each, values as Python literals or words; names are checked here.

    ValueError for a name that ``algo`` does not take, with near ones, and for one given twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--set takes NAME=VALUE, for example --set gamma=0.95; got {text!r}")
        if name in found:
            raise ValueError(f"--set {name} is given twice, as {found[name]!r} and {value}")
        require_name(algo, name)
        try:
            found[name] = literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found[name] = value
    return found


def require_name(algo: str, name: str) -> None:
    """ValueError for a name that is no setting of ``algo``: near ones, and all that it takes."""
    names = (*settable(algo), *OURS)
    if name in names:
        return
    if name in ELSEWHERE:
        raise ValueError(f"{name} cannot be set: {ELSEWHERE[name]}")
    near = get_close_matches(name, names, 3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(
        f"{algo.upper()} takes no {name!r}; {hint}it takes: {', '.join(sorted(names))}"
    )


def check(algo: str, name: str, value: Any) -> None:
    """ValueError for a value that SB3's argument ``name`` of ``algo`` cannot have."""
    require_name(algo, name)
    takes = _parameters(algo)[name].annotation
    number: Any = value
    if isinstance(value, str) and value.startswith(SCHEDULE) and _takes_schedule(takes):
        try:
            number = float(value.removeprefix(SCHEDULE))
        except ValueError:
            raise ValueError(
                f"{name}={value}: a linear schedule is {SCHEDULE}NUMBER, such as lin_0.001"
            ) from None
    elif not _fits(value, takes) or (isinstance(value, str) and not _known_word(name, value)):
        raise ValueError(f"{name} must be {_words(takes)}, got {value!r}")
    if name == "policy_kwargs":
        _check_policy(value or {})
    if name in _RANGES and isinstance(number, int | float) and not isinstance(number, bool):
        words, right = _RANGES[name]
        if not math.isfinite(number) or not right(number):
            raise ValueError(f"{name} must be {words}, got {value}")


def sb3_value(name: str, value: Any) -> Any:
    """``value`` as SB3's constructor takes it: schedules and activations as objects."""
    if isinstance(value, str) and value.startswith(SCHEDULE):
        return LinearSchedule(float(value.removeprefix(SCHEDULE)), 0.0, 1.0)
    if name == "policy_kwargs" and value:
        activation = value.get("activation_fn")
        named = {"activation_fn": getattr(torch.nn, activation)} if activation else {}
        return {**value, **named}
    return value


def _check_policy(given: Mapping[str, Any]) -> None:
    if ours := sorted(_POLICY_OURS & set(given)):
        cure = "--set net_arch=(64,64)" if "net_arch" in ours else "--method chooses what is seen"
        raise ValueError(f"policy_kwargs cannot hold {', '.join(ours)}: {cure}")
    activation = given.get("activation_fn", "ReLU")
    known = getattr(torch.nn, activation, None) if isinstance(activation, str) else None
    if not (isinstance(known, type) and issubclass(known, torch.nn.Module)):
        raise ValueError(
            f"activation_fn must be the name of a module of torch.nn, such as 'ReLU' or 'Tanh', "
            f"got {activation!r}"
        )


# Words and rule of a number, where SB3 itself accepts values that only fail, or ruin, later.
_Rule = tuple[str, Callable[[float], bool]]
_POSITIVE: _Rule = ("positive", lambda v: v > 0)
_COUNT: _Rule = ("at least 1", lambda v: v >= 1)
_NOT_NEGATIVE: _Rule = ("0 or more", lambda v: v >= 0)
_FRACTION: _Rule = ("in [0, 1]", lambda v: 0 <= v <= 1)
_RANGES: dict[str, _Rule] = {
    **dict.fromkeys(("learning_rate", "clip_range", "clip_range_vf", "max_grad_norm"), _POSITIVE),
    **dict.fromkeys(("target_kl",), _POSITIVE),
    **dict.fromkeys(("n_steps", "batch_size", "n_epochs", "buffer_size", "train_freq"), _COUNT),
    **dict.fromkeys(("target_update_interval", "stats_window_size"), _COUNT),
    **dict.fromkeys(("ent_coef", "vf_coef", "learning_starts"), _NOT_NEGATIVE),
    **dict.fromkeys(("gamma", "gae_lambda", "tau"), _FRACTION),
    "gradient_steps": ("at least 1, or -1 for one a step", lambda v: v >= 1 or v == -1),
}  # fmt: skip


def _known_word(name: str, value: str) -> bool:
    if name == "ent_coef":  # SAC's: auto, or auto_ and where it starts
        start = value.removeprefix("auto_")
        return value == "auto" or (start != value and _positive(start))
    return value == "auto" if name == "target_entropy" else True


def _positive(text: str) -> bool:
    try:
        return float(text) > 0 and math.isfinite(float(text))
    except ValueError:
        return False


def _members(takes: Any) -> tuple[Any, ...]:
    return get_args(takes) if get_origin(takes) in (Union, UnionType) else (takes,)


def _takes_schedule(takes: Any) -> bool:
    return any(get_origin(member) is Callable for member in _members(takes))


def _fits(value: Any, takes: Any) -> bool:
    """Whether a plain value is of an annotated type; a whole number is a float too."""
    for member in _members(takes):
        kind = get_origin(member) or member
        if member in (None, NoneType):
            fits = value is None
        elif kind is tuple:
            inner = get_args(member)
            fits = isinstance(value, tuple | list) and len(value) == len(inner)
            fits = fits and all(map(_fits, value, inner))
        elif kind is float:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        elif kind is int:
            fits = isinstance(value, int) and not isinstance(value, bool)
        else:
            fits = isinstance(kind, type) and isinstance(value, kind)
        if fits:
            return True
    return False


def _words(takes: Any) -> str:
    """What an annotation takes, in words."""
    names = {float: "a number", int: "a whole number", bool: "True or False", str: "a word",
             NoneType: "None", dict: "a dict", tuple: "a tuple", torch.device: ""}  # fmt: skip
    found = [names.get(get_origin(member) or member, "") for member in _members(takes)]
    schedule = [f"{SCHEDULE}NUMBER"] if _takes_schedule(takes) else []
    return " or ".join([*filter(None, dict.fromkeys(found)), *schedule])
