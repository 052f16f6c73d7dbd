"""How somebody wants an environment to be seen: one value for every kind of environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict, Unpack

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.data.environments import Backend, EnvConfig, FrameSkip, check_counts
from bvae_rl.data.pictures import framed as showing
from bvae_rl.data.pictures.resize import Shape, check_size, convert_bytes, frame_shape


class Viewed(TypedDict, total=False):
    """The fields of ``View`` as keyword arguments."""

    pixels: bool
    frame_skip: int
    key: str | None
    size: tuple[int, int] | None
    grey: bool
    stacked: int | None
    backend: Backend


Env = str | EnvConfig | gym.Env[Any, Any] | VecEnv


@dataclass(frozen=True)
class View:
    """Which picture of an environment, as what frames; the fields are those of ``EnvConfig``.

    ``pixels``: what it draws. ``frame_skip``: steps for which each action acts. ``key``: of a Dict
    observation. ``size`` (H, W), ``grey``: of the frames. ``stacked``: frames in an observation.
    ``backend``: "envpool" runs an id in C++.
    """

    pixels: bool = False
    frame_skip: int = 1
    key: str | None = None
    size: tuple[int, int] | None = None
    grey: bool = False
    stacked: int | None = None
    backend: Backend = "gymnasium"

    def __post_init__(self) -> None:
        check_counts(self, "frame_skip", "stacked")
        if self.size is not None:
            object.__setattr__(self, "size", check_size(self.size))

    @property
    def given(self) -> dict[str, Any]:
        """What is not the default."""
        named = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {name: value for name, (value, default) in named.items() if value != default}

    def of(self, env: Env) -> EnvConfig | gym.Env[Any, Any] | VecEnv:
        """``env`` as it is to be seen. ValueError for what its kind cannot do."""
        if isinstance(env, str):
            return EnvConfig(env, **self.given)
        if isinstance(env, EnvConfig):
            return replace(env, **self.given)
        if self.backend != "gymnasium":
            raise ValueError(
                f"backend={self.backend!r} makes environments, and {type(env).__name__} is one "
                "already; give the id, or leave it out"
            )
        reading = {k: v for k, v in self.given.items() if k not in ("pixels", "frame_skip")}
        if isinstance(env, VecEnv):
            if self.pixels or self.frame_skip != 1:
                raise ValueError(
                    "pixels and frame_skip are wrappers of each environment in a VecEnv; put them "
                    "there: make_vec_env(id, wrapper_class=gymnasium.wrappers.AddRenderObservation"
                    ", env_kwargs={'render_mode': 'rgb_array'}), or give the id"
                )
            return showing.framed_vec(env, **reading)
        if self.frame_skip > 1:
            env = FrameSkip(env, self.frame_skip)
        env = showing.drawn(env) if self.pixels else env
        return showing.framed(env, **reading)

    def of_array(self, frames: np.ndarray) -> tuple[np.ndarray, Shape | None]:
        """uint8 frames (N, H, W, C) at their size, and what they were made of, None: of these.

        They keep their channels, however many. ValueError for what only an environment can show.
        """
        others = [name for name in self.given if name not in ("size", "grey")]
        if others:
            raise ValueError(
                f"frames of an array are as they are, so {', '.join(others)} means nothing here; "
                "of a stack give the newest frames: array[..., -1:]"
            )
        channels, height, width = frames.shape[3], *frames.shape[1:3]
        shape = frame_shape((channels, height, width), size=self.size, grey=self.grey)
        if not self.grey:
            shape = (channels, *shape[1:])
        if shape == (channels, height, width):
            return frames, None
        return convert_bytes(frames, shape), (channels, height, width)


def view_of(given: Mapping[str, Any]) -> View:
    """A ``View`` of keyword arguments; a TypeError names those that there are."""
    known = [item.name for item in fields(View)]
    if unknown := [name for name in given if name not in known]:
        raise TypeError(
            f"there is no argument {unknown[0]!r}; how an environment is seen is said by "
            f"{', '.join(known)}; what a VAE is built of stands in the name of its recipe, as in "
            "recipe='plain:recon_weight=20'"
        )
    return View(**given)


def framed(env: Env, **view: Unpack[Viewed]) -> gym.Env[Any, Any] | VecEnv:
    """``env`` showing the frames that ``pretrain`` collects of it with the same arguments.

        env = bvae_rl.framed("CartPole-v1", pixels=True)

    Pictures are small then before an agent sees them, and in its replay buffer.

    ``env``: an id, an environment or a VecEnv.
    ``view``: ``pixels``, ``size``, ``grey``, ``key``, ``stacked``, ``frame_skip``, as in
    ``collect``, and its errors.
    """
    seen = view_of(view).of(env)
    return seen.make() if isinstance(seen, EnvConfig) else seen
