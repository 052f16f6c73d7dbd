"""What several commands share: naming an environment, what was written, what comes next."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import count
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from bvae_rl.data.environments import Backend, EnvConfig
from bvae_rl.scripts.commands import load

DEFAULT = "bvae_rl/PlanarReach-v0"
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

    typed: tyro.conf.Suppress[tuple[str, ...]] = field(default=(), compare=False)
    """options that were typed, at their default, too"""

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
            if item.compare
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


def command_line() -> str:
    """The command as it was typed, to be kept beside results."""
    return shlex.join(["bvae-rl", *sys.argv[1:]])


def flags(args: Any, default: Any) -> list[str]:
    """The flags that make ``args`` of ``default``, those of its parts without a prefix."""
    found: list[str] = []
    for item in fields(args):
        if not item.compare:
            continue
        value, before = getattr(args, item.name), getattr(default, item.name)
        name = item.name.replace("_", "-")
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


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells as a table of plain text, the first line its header."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
