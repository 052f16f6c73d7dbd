"""The pictures of any observation, one or those of a Dict, and what says how many are stacked."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import gymnasium as gym
from gymnasium.wrappers import FrameStackObservation
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, unwrap_vec_wrapper

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.resize import Shape
from bvae_rl.data.pictures.space import looks_like_a_picture, short
from bvae_rl.data.wrappers import wrappers_of

logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """What pictures an encoder takes; the fields are those of ``VAEConfig``."""

    shape: Shape
    native: Shape | None = None
    top: float | None = None

    @classmethod
    def of(cls, encoder: Any) -> Wanted:
        """By its ``config``; one without it, which knows its ``shape``, takes frames of that."""
        config = getattr(encoder, "config", encoder)
        native, top = getattr(config, "native", None), getattr(config, "top", None)
        return cls(config.shape, native, 1.0 if top is None and hasattr(config, "top") else top)


def picture_layouts(
    space: gym.Space[Any],
    wanted: Wanted | Mapping[str, Wanted],
    *,
    stacked: int | Mapping[str, int] | None = None,
    keys: Collection[str] | None = None,
) -> dict[Any, FrameLayout]:
    """The layout of each picture of ``space`` that is encoded, by its key.

    The key is None where the observation is one picture. Of a Dict space ``keys`` are encoded, by
    default all that look like pictures; ``wanted`` is what one VAE takes, or a mapping by key. With
    keys that are named, other pictures are left out, which is logged. ``stacked`` frames are held
    by each observation, or by those of a key (1 by others); None: as many as fit.

    Raises TypeError for a space without a picture, and ValueError for pictures that their VAE does
    not take, for unknown keys, and for keys where there is no Dict.
    """
    if isinstance(keys, str):
        raise ValueError(f"keys is a list of names, got {keys!r}; write keys=[{keys!r}]")
    each = wanted if isinstance(wanted, Mapping) else None
    named = keys if keys is not None else each
    if not isinstance(space, gym.spaces.Dict):
        if isinstance(stacked, Mapping):
            named = {*(named or ()), *stacked}
        if named is not None:
            raise ValueError(
                f"keys {sorted(named)} name pictures in a Dict observation, and this one is "
                f"{short(space)}; leave them out, and give one VAE"
            )
        assert isinstance(wanted, Wanted) and not isinstance(stacked, Mapping)
        return {None: FrameLayout.of(space, **wanted._asdict(), stacked=stacked)}
    pictures = [key for key, part in space.spaces.items() if looks_like_a_picture(part)]
    chosen = pictures if named is None else [key for key in space.spaces if key in named]
    if unknown := sorted(set(named or ()) - set(space.spaces)):
        raise ValueError(
            f"the observation has no keys {unknown}; its pictures: {pictures}, its other parts: "
            f"{[key for key in space.spaces if key not in pictures]}"
        )
    if not chosen:
        raise ValueError(
            f"none of the observation's keys {sorted(space.spaces)} is a picture; let the "
            "environment draw one: gymnasium.wrappers.AddRenderObservation(env, "
            "render_only=False), made with render_mode='rgb_array'"
        )
    if each is not None and (without := sorted(set(chosen) - set(each))):
        raise ValueError(
            f"the keys {without} have no VAE of their own, and {sorted(each)} have; leave them out "
            "of keys, or give each key one"
        )
    layouts = {}
    for key in chosen:
        one = wanted if isinstance(wanted, Wanted) else wanted[key]
        try:
            n = stacked.get(key, 1) if isinstance(stacked, Mapping) else stacked
            layouts[key] = FrameLayout.of(space.spaces[key], **one._asdict(), stacked=n)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"key {key!r} of the observation: {error}{_choice(chosen)}"
            ) from error
    if left := [key for key in pictures if key not in layouts]:
        logger.warning(
            "pictures of the observation that are not encoded are left out: %s",
            ", ".join(f"{key} {short(space.spaces[key])}" for key in left),
        )
    return layouts


def left_out(space: gym.Space[Any], layouts: Mapping[Any, FrameLayout]) -> set[str]:
    """The keys of pictures in ``space`` that are not encoded: nobody wants raw pixels beside."""
    parts = space.spaces if isinstance(space, gym.spaces.Dict) else {}
    return {key for key, part in parts.items() if looks_like_a_picture(part)} - set(layouts)


def stacked_in(env: gym.Env[Any, Any] | VecEnv) -> int | None:
    """How many frames its wrappers stack among the channels; None where none of them does.

    ``VecFrameStack`` does, and ``FrameStackObservation`` of pictures (H, W). A user's own stack is
    not known here.
    """
    inner: int | None = None
    with suppress(AttributeError, NotImplementedError):  # simulators that run many at once
        if isinstance(env, VecEnv):
            if env.env_is_wrapped(FrameStackObservation, [0])[0]:
                inner = env.get_attr("stack_size", [0])[0]
        else:
            inner = (
                env.get_wrapper_attr("stack_size") if any(map(_stacks, wrappers_of(env))) else None
            )
    if len(env.observation_space.shape or ()) == 4:  # these say it themselves
        inner = None
    stacker = unwrap_vec_wrapper(env, VecFrameStack) if isinstance(env, VecEnv) else None
    if stacker is None:
        return inner
    return stacker.stacked_obs.n_stack * (inner or 1)


def _stacks(wrapper: Any) -> bool:
    return isinstance(wrapper, FrameStackObservation)


def _choice(keys: Collection[str]) -> str:
    if len(keys) < 2:
        return ""
    each = ", ".join(f"{key!r}: vae" for key in keys)
    first = next(iter(keys))
    return f"; of several pictures choose some, keys=({first!r},), or give a VAE each: {{{each}}}"
