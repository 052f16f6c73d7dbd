"""What several commands share: naming an environment, what was written, what comes next."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, fields, is_dataclass
from itertools import count
from pathlib import Path
from typing import Any, get_type_hints

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.scripts.commands import load

HOMES = {"bvae_rl/": "bvae_rl.envs", "MiniGrid-": "minigrid", "BabyAI-": "minigrid"}


@dataclass(frozen=True)
class EnvArgs:
    """Which environment."""

    env: str = "bvae_rl/PlanarReach-v0"
    """gymnasium id; another package's may name its module first: package.module:Id-v0"""
    wrappers: tuple[str, ...] = ()
    """wrappers in order, as module:Class, for example minigrid.wrappers:RGBImgObsWrapper"""
    env_kwargs: tuple[str, ...] = ()
    """further arguments of the environment as NAME=VALUE, for example view=partial"""

    @classmethod
    def of(
        cls, env_id: str, wrappers: tuple[str, ...], env_kwargs: tuple[str, ...] = ()
    ) -> EnvArgs:
        """The arguments behind an id that ``config`` made."""
        home, _, name = env_id.partition(":")
        return cls(name if home in HOMES.values() else env_id, wrappers, env_kwargs)

    @property
    def flags(self) -> str:
        """The options that name this environment."""
        return shlex.join(["--env", self.env, *flags(self, EnvArgs(self.env))])

    def config(self, domain: str | None = None) -> EnvConfig:
        """The environment with a visual domain (or its own default), ready for any process."""
        home = next((module for prefix, module in HOMES.items() if self.env.startswith(prefix)), "")
        env_id = f"{home}:{self.env}" if home else self.env
        return EnvConfig(env_id, self.wrappers, domain, self.env_kwargs)

    def has_domains(self, *names: str) -> bool:
        """Whether the environment knows these visual domains."""
        try:
            for name in names:
                self.config(name).make().close()
        except (ValueError, TypeError, ImportError):
            return False
        return True


def results_folder(kind: str, name: str, world: EnvArgs, domain: str | None) -> Path:
    """``runs/KIND/NAME-ENV-DOMAIN``, without what is the default."""
    env = "" if world.env == EnvArgs.env else re.split("[/:]", world.env)[-1]
    return Path("runs") / kind / "-".join(filter(None, (name, env, domain)))


def free_folder(folder: Path) -> Path:
    """``folder``, or the first of FOLDER-2, FOLDER-3, ... that is not there yet."""
    names = (folder.with_name(f"{folder.name}-{n}") if n > 1 else folder for n in count(1))
    return next(name for name in names if not name.exists())


def shown_by(store: FrameStore) -> EnvArgs:
    """The environment that a store was collected in; ENV where it does not say."""
    meta = store.meta
    return EnvArgs.of(
        meta.get("env", "ENV"), tuple(meta.get("wrappers", ())), tuple(meta.get("kwargs", ()))
    )


def require_shown(store: FrameStore, world: EnvArgs) -> None:
    """ValueError for a store that was collected in another environment than ``world``."""
    shown = shown_by(store)
    if "env" in store.meta and shown.config() != world.config():
        raise ValueError(f"{store.folder} shows {shown.flags}, not {world.flags}; say which")


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
        words += map(str, value if isinstance(value, tuple) else (value,))
    return shlex.join(["bvae-rl", name, *words, *flags(args, cls(**shown))])


def say(text: str = "") -> None:
    """A line for the person at the terminal."""
    print(text, flush=True)


def wrote(path: Path, next_command: str | None = None) -> None:
    """Say what was written and the next command worth running."""
    say(f"wrote {path}")
    if next_command:
        say(f"next: {next_command}")
