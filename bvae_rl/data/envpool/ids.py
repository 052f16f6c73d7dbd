"""What EnvPool has: its ids, how they differ from gymnasium's, and the options of each.

EnvPool answers a mistyped id or option with a list of all or with a crash in C++; here it is one
line that names what is near.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator

from bvae_rl.data.envpool.gl import why_not_to_draw
from bvae_rl.data.envpool.world import DrawnByEnvPool
from bvae_rl.data.known_packages import import_home
from bvae_rl.runtime.optional import require

BACKEND = "--backend envpool"
OURS = {  # options that the adapter sets, and the argument that does it
    "num_envs": "n_envs", "batch_size": "n_envs", "num_threads": "threads", "seed": "seed",
    "env_seed": "seed", "render_mode": "pixels", "from_pixels": "pixels",
    "gym_reset_return_info": None, "max_num_players": None, "base_path": None,
}  # fmt: skip


def envpool() -> ModuleType:
    """The package, or an ImportError that names our extra."""
    why_not_to_draw()  # loads what has to be loaded before
    return require("envpool", extra="envpool")


def made(env_id: str, **options: Any) -> Any:
    """``envpool.make`` in the form that gymnasium has, and quietly.

    EnvPool gives bounds of float64 to spaces of float32, on which gymnasium has a word to say.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pool = envpool().make(env_id, env_type="gymnasium", **options)
        _ = pool.observation_space, pool.action_space  # made when they are first asked for
    return pool


def drawn_by(env_id: str) -> tuple[str, DrawnByEnvPool | None, dict[str, Any]]:
    """EnvPool's id, or the class of a world that EnvPool draws, with the arguments it registered.

    ``env_id`` may name its module first. ValueError for what EnvPool has not, with ids that are
    near.
    """
    known = envpool().list_all_envs()
    name = env_id.rpartition(":")[2]
    if name in known:
        return name, None, {}
    found = _registered(env_id)
    if found is not None:
        made, arguments = found
        if isinstance(made, DrawnByEnvPool):
            return name, made, arguments
    near = near_ids(name, known)
    same = f"; near: {', '.join(near)}" if near else ""
    if found is not None:
        raise ValueError(
            f"EnvPool has no {name!r}, which gymnasium draws in Python: leave out {BACKEND} "
            f"(backend='envpool'){same}"
        )
    raise ValueError(
        f"EnvPool has no {name!r}{same or '; envpool.list_all_envs() names those it has'}"
    )


def near_ids(name: str, known: list[str]) -> list[str]:
    """Of EnvPool's ids those that mean nearly the same: ALE/Pong-v5 is its Pong-v5, to begin with.

    dm_control's cartpole-swingup is its CartpoleSwingup.
    """
    stem = re.sub(r"(NoFrameskip)?(-v\d+)?$", "", name.rpartition("/")[2])
    plain = re.sub(r"[-_]", "", stem).lower()
    by_plain: dict[str, list[str]] = {}
    for one in known:
        bare = re.sub(r"-v\d+$", "", one.rpartition("/")[2])
        by_plain.setdefault(re.sub(r"[-_]", "", bare).lower(), []).append(one)
    found = by_plain.get(plain, [])
    for close in get_close_matches(plain, by_plain, 5, 0.75):
        found = [*found, *by_plain[close]]
    return list(dict.fromkeys(found))[:6]


def checked_options(env_id: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` of ``envpool.make(env_id, ...)``; ValueError for an unknown one or a wrong type.

    Frames come one by one unless ``stack_num`` says otherwise, since whoever wants a stack says so
    with ``frame_stack`` or ``VecFrameStack``.
    """
    try:
        spec = envpool().make_spec(env_id)
    except (ImportError, RuntimeError) as error:  # Qt for Procgen, among others
        raise ValueError(f"EnvPool cannot make {env_id} here: {error}") from error
    known = dict(zip(spec._config_keys, spec._config_values, strict=True))
    if known["max_num_players"] > 1:
        raise ValueError(
            f"{env_id} has up to {known['max_num_players']} players, and an agent is one; choose "
            "an environment of one player"
        )
    for name, value in options.items():
        if name in OURS:
            said = f", which is said with {OURS[name]}" if OURS[name] else ""
            raise ValueError(f"{name} is set by the adapter{said}; leave it out")
        if name not in known:
            near = get_close_matches(name, known, 3, 0.5) or sorted(set(known) - set(OURS))
            raise ValueError(
                f"EnvPool's {env_id} has no option {name!r}; near or known: {', '.join(near)}"
            )
        if not _same_kind(value, known[name]):
            raise ValueError(
                f"EnvPool's {env_id} takes {name} as {type(known[name]).__name__} "
                f"({known[name]!r} by default), got {value!r}"
            )
    if (limit := options.get("max_episode_steps", 1)) < 1:
        raise ValueError(f"max_episode_steps must be at least 1, got {limit}")
    single = {"stack_num": 1} if "stack_num" in known else {}
    return {**single, **options}


def check_arguments(env_id: str, drawn: DrawnByEnvPool, options: Mapping[str, Any]) -> None:
    """ValueError for ``options`` that a world which EnvPool draws does not take."""
    _, *takes = signature(drawn.envpool).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in takes):
        return
    known = ["max_episode_steps", *(one.name for one in takes)]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, 3, 0.7)
            meant = f"write {' or '.join(near)} for it" if near else "leave it out"
            raise ValueError(
                f"with EnvPool {env_id} has no {name}; {meant}, or leave out {BACKEND} "
                "(backend='envpool')"
            )


def _same_kind(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, type(default))


def _registered(env_id: str) -> tuple[Any, dict[str, Any]] | None:
    """What gymnasium makes of ``env_id``, and the arguments of its registration; None: unknown."""
    import_home(env_id)
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            import_module(module)
        spec = gym.spec(name)
    except (gym.error.Error, ImportError):
        return None
    entry: Any = spec.entry_point
    if isinstance(entry, str):
        try:
            entry = load_env_creator(entry)
        except (ImportError, AttributeError, gym.error.Error):  # its package is not there
            entry = None
    limit = {} if spec.max_episode_steps is None else {"max_episode_steps": spec.max_episode_steps}
    return entry, {**limit, **spec.kwargs}
