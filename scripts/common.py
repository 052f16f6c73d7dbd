"""What several commands share: naming an environment, what was written, what comes next."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, get_type_hints

from bvae_rl.data.environments import Backend, EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.scripts.commands import load

DEFAULT = "bvae_rl/PlanarReach-v0"
READ = ("pixels", "key", "size", "grey", "stacked")  # how pictures of an environment are read
HOMES = {"bvae_rl/": "bvae_rl.envs", "MiniGrid-": "minigrid", "BabyAI-": "minigrid"}


@dataclass(frozen=True)
class WorldArgs:
    """An environment, what is made of it, and how its pictures are read."""

    env: str | None = None
    """gymnasium id; another package's may name its module first: package.module:Id-v0. By default
    the environment of the VAE's frames, or bvae_rl/PlanarReach-v0"""
    wrappers: tuple[str, ...] = ()
    """wrappers in order, as module:Class or module:Class(name=literal), for example
    "gymnasium.wrappers:ResizeObservation(shape=(64, 64))"; the working directory is searched too"""
    env_kwargs: tuple[str, ...] = ()
    """further arguments of the environment as NAME=VALUE, for example view=partial"""
    pixels: bool = False
    """the picture that the environment draws, where its observations are none"""
    frame_skip: int = 1
    """steps for which each action acts"""
    key: str | None = None
    """the picture of a Dict observation, where there are several; other parts are left out"""
    size: tuple[int, int] | None = None
    """height and width of the frames; by default as shown up to 128 pixels, else 128 at most"""
    grey: bool = False
    """frames of one channel"""
    stacked: int | None = None
    """how many frames an observation holds already, where no wrapper tells"""
    frame_stack: int = 1
    """how many frames an agent sees at once"""
    backend: Backend = "gymnasium"
    """envpool: EnvPool runs the environments in C++, several times as fast; --env is then
    EnvPool's id, as CarRacing-v3 or Pong-v5, and --env-kwargs are its options"""

    def config(self, domain: str | None = None) -> EnvConfig:
        """The environment in a visual domain (or its own default), ready for any process."""
        env = self.env or DEFAULT
        home = next((module for prefix, module in HOMES.items() if env.startswith(prefix)), "")
        return EnvConfig(
            f"{home}:{env}" if home else env, self.wrappers, domain, self.env_kwargs, self.pixels,
            self.frame_skip, self.key, self.size, self.grey, self.stacked, self.frame_stack,
            self.backend,
        )  # fmt: skip


@dataclass(frozen=True)
class EnvArgs(WorldArgs):
    """Which environment."""

    @classmethod
    def of(cls, env_id: str, **settings: Any) -> EnvArgs:
        """The arguments behind an id that ``config`` made."""
        home, _, name = env_id.partition(":")
        env = name if home in HOMES.values() else env_id
        return cls(env=None if env == DEFAULT else env, **settings)

    @property
    def name(self) -> str:
        """The id, as a person types it."""
        return self.env or DEFAULT

    def identity(self) -> dict[str, Any]:
        """What results in it depend on; without newer settings at their default."""
        own = ("wrappers", "env_kwargs")
        found = {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) != item.default or item.name in own
        }
        return {**found, "env": self.name}

    @property
    def flags(self) -> str:
        """The options that name this environment."""
        return shlex.join(["--env", self.name, *flags(self, EnvArgs(env=self.env))])

    def has_domains(self, *names: str) -> bool:
        """Whether the environment knows these visual domains."""
        return all(can_make(self.config(name)) for name in names)


def can_make(env: EnvConfig) -> bool:
    """Whether ``env`` can be made here, in its visual domain."""
    try:
        env.make().close()
    except (ValueError, TypeError, ImportError):
        return False
    return True


def say_single(world: WorldArgs) -> None:
    """Say that --frame-stack changes nothing where frames are collected."""
    if world.frame_stack > 1:
        say("--frame-stack is for agents: a VAE is pretrained on single frames")


def results_folder(kind: str, name: str, world: EnvArgs, domain: str | None) -> Path:
    """``runs/KIND/NAME-ENV-DOMAIN``, without what is the default."""
    env = "" if world.name == DEFAULT else re.split("[/:]", world.name)[-1]
    return Path("runs") / kind / "-".join(filter(None, (name, env, domain)))


def store_folder(kind: str, name: str, store: Path) -> Path:
    """``runs/KIND/NAME-STORE``: of what was made from a store's frames."""
    return Path("runs") / kind / "-".join((name, store.resolve().name))


def free_folder(folder: Path) -> Path:
    """``folder``, or the first of FOLDER-2, FOLDER-3, ... that is not there yet."""
    names = (folder.with_name(f"{folder.name}-{n}") if n > 1 else folder for n in count(1))
    return next(name for name in names if not name.exists())


def shown_by(store: FrameStore) -> EnvArgs:
    """The environment that a store was collected in; ENV where it does not say."""
    return _shown_in(store.meta)


def seen_by(env: EnvConfig, vae: str | Path) -> EnvConfig:
    """``env`` showing the frames that ``vae`` (a folder or name) takes, or a ValueError."""
    from bvae_rl.models.hub import find_vae
    from bvae_rl.models.vae import VAEConfig, read_config

    return env.seen_by(Wanted.of(VAEConfig.from_dict(read_config(find_vae(vae))["model"])))


def changed(env: EnvConfig, world: EnvArgs) -> EnvConfig:
    """``env``, an agent's own, with what ``world`` gives beside an id; its wrappers come last."""
    if world.env is not None:
        return world.config()
    names = {"env_kwargs": "kwargs"}
    given = {names.get(name, name): value for name, value in _given(world).items()}
    return replace(env, **{**given, "wrappers": (*env.wrappers, *world.wrappers)})


def named_by(env: EnvConfig) -> EnvArgs:
    """The arguments that name ``env``; its visual domain is none of them."""
    return replace(_shown_in(env.described()), frame_stack=env.frame_stack)


def _given(world: EnvArgs) -> dict[str, Any]:
    """What is not the default."""
    values = {item.name: (getattr(world, item.name), item.default) for item in fields(world)}
    return {name: value for name, (value, default) in values.items() if value != default}


def _shown_in(meta: Mapping[str, Any]) -> EnvArgs:
    named = {item.name: meta[item.name] for item in fields(WorldArgs) if item.name in meta}
    lists = {"wrappers": "wrappers", "kwargs": "env_kwargs", "size": "size"}
    named |= {own: tuple(meta[name]) for name, own in lists.items() if name in meta}
    return EnvArgs.of(named.pop("env", "ENV"), **named)


def world_of(vae: str | Path, world: EnvArgs, *, stored: bool = False) -> EnvArgs:
    """``world``; where it has no id, that of the frames of ``vae`` (a folder or name).

    What else is given goes before what the frames say; of the same id, they say how its picture is
    read if nothing is said. ValueError if its frames are of no environment that has a name;
    ``stored``: those of a store would do.
    """
    from bvae_rl.models.hub import find_vae  # torch, which not every command needs
    from bvae_rl.models.vae import read_config

    store = read_config(find_vae(vae)).get("training", {}).get("store") or {}
    if world.env is not None or not store:
        if "env" not in store:
            return world
        there = _shown_in(store)
        if there.name != world.name:
            say(f"{vae} was trained on frames of {there.name}, and is taken to {world.name}")
            return world
        if {*READ} & {*_given(world)}:
            return world
        return replace(world, **{name: getattr(there, name) for name in READ})
    if "env" in store:
        return replace(_shown_in(store), **_given(world))
    if "shown" in store:
        raise ValueError(
            "this VAE was trained in an environment without an id, so say which to take: --env ID"
        )
    if {"imported", "minari"} & set(store) or store.get("source") == "array":
        raise ValueError(
            "this VAE was trained on imported frames, so say which to take: "
            + ("--store FOLDER (of the frames), or " if stored else "")
            + "an environment that shows such pictures: --env ID"
        )
    return world


def require_shown(store: FrameStore, world: EnvArgs) -> None:
    """ValueError for a store that was collected in another environment than ``world``.

    How many observations an agent sees at once is no matter of frames.
    """
    shown, alone = shown_by(store), replace(world, frame_stack=EnvArgs.frame_stack)
    if "env" in store.meta and shown.config() != alone.config():
        raise ValueError(
            f"{store.folder} shows {shown.flags}, not {alone.flags}; name the environment of the "
            "frames, or collect others"
        )


def command_line() -> str:
    """The command as it was typed, to be kept beside results."""
    return shlex.join(["bvae-rl", *sys.argv[1:]])


def flags(args: Any, default: Any) -> list[str]:
    """The flags that make ``args`` of ``default``, those of its parts without a prefix."""
    found: list[str] = []
    for field in fields(args):
        value, before = getattr(args, field.name), getattr(default, field.name)
        name = field.name.replace("_", "-")
        if is_dataclass(value):
            found += flags(value, before)
        elif value == before:
            continue
        elif isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no-{name}")
        else:
            found += [f"--{name}", *map(str, value if isinstance(value, tuple) else (value,))]
    return found


def command_for(name: str, *positional: Any, **given: Any) -> str:
    """A command as a person types it.

    ``positional`` and ``given`` make the ``Args`` of the command ``name``, so that an option that
    it does not have is a TypeError here.
    """
    cls = load(name).Args
    names = [item.name for item in fields(cls)]
    args = cls(**dict(zip(names, positional, strict=False)), **given)
    hints = get_type_hints(cls, include_extras=True)
    shown = {
        key: getattr(args, key)
        for key in names
        if "Positional" in map(str, getattr(hints[key], "__metadata__", ()))
    }
    words: list[str] = []
    for value in shown.values():
        words += [
            str(one) for one in (value if isinstance(value, tuple) else (value,)) if one is not None
        ]
    return shlex.join(["bvae-rl", name, *words, *flags(args, cls(**shown))])


def say(text: str = "") -> None:
    """A line for the person at the terminal."""
    print(text, flush=True)


def wrote(path: Path, next_command: str | None = None) -> None:
    """Say what was written and the next command worth running."""
    say(f"wrote {path}")
    if next_command:
        say(f"next: {next_command}")
