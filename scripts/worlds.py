"""Which environment a command means: one that is named, or that of a VAE, a store or an agent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.scripts.common import EnvArgs, WorldArgs, can_make, flags, say

READ = ("pixels", "key", "size", "grey", "stacked")  # how pictures of an environment are read


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
        if not {*READ} & {*_given(world)}:
            world = replace(world, **{name: getattr(there, name) for name in READ})
        said = {"env": world.env, "frame_stack": world.frame_stack, **_given(world)}
        if left_out := flags(replace(there, **said), world):
            say(f"frames of {vae} were made with {shlex.join(left_out)}, as here without --env")
        return world
    if "env" in store:
        given = _given(world)
        found = replace(_shown_in(store), **given)
        return found if "backend" in given or has_envpool() else in_gymnasium(found)
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


def in_gymnasium(world: EnvArgs) -> EnvArgs:
    """``world`` without EnvPool, where it can be made so: EnvPool's copies tell no factors."""
    plain = replace(world, backend=EnvArgs.backend)
    return plain if plain == world or can_make(plain.config()) else world


def has_envpool() -> bool:
    """Whether EnvPool is installed."""
    return find_spec("envpool") is not None


def shown_by(store: FrameStore) -> EnvArgs:
    """The environment that a store was collected in; ENV where it does not say."""
    return _shown_in(store.meta)


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


def seen_by(env: EnvConfig, vae: str | Path) -> EnvConfig:
    """``env`` showing the frames that ``vae`` (a folder or name) takes, or a ValueError."""
    from bvae_rl.models.hub import find_vae
    from bvae_rl.models.vae import VAEConfig, read_config

    return env.seen_by(Wanted.of(VAEConfig.from_dict(read_config(find_vae(vae))["model"])))


def own_domain(env: EnvConfig) -> str | None:
    """The visual domain of ``env``; without one ``source``, where the environment knows it."""
    return env.domain or ("source" if can_make(env.with_domain("source")) else None)


def named_by(env: EnvConfig) -> EnvArgs:
    """The arguments that name ``env``; its visual domain is none of them."""
    return replace(_shown_in(env.described()), frame_stack=env.frame_stack)


def changed(env: EnvConfig, world: EnvArgs) -> EnvConfig:
    """``env``, an agent's own, with what ``world`` gives beside an id; its wrappers come last."""
    if world.env is not None:
        return world.config()
    names = {"env_kwargs": "kwargs"}
    given = {names.get(name, name): value for name, value in _given(world).items()}
    return replace(env, **{**given, "wrappers": (*env.wrappers, *world.wrappers)})


def _given(world: EnvArgs) -> dict[str, Any]:
    """What is not the default, or was typed all the same."""
    values = {item.name: getattr(world, item.name) for item in fields(world) if item.compare}
    default = WorldArgs()
    return {
        name: value
        for name, value in values.items()
        if value != getattr(default, name) or name in world.typed
    }


def _shown_in(meta: Mapping[str, Any]) -> EnvArgs:
    named = {item.name: meta[item.name] for item in fields(WorldArgs) if item.name in meta}
    lists = {"wrappers": "wrappers", "kwargs": "env_kwargs", "size": "size"}
    named |= {own: tuple(meta[name]) for name, own in lists.items() if name in meta}
    return EnvArgs.of(named.pop("env", "ENV"), **named)
