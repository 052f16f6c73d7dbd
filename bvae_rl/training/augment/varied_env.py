"""Visual domains for an environment that has none: its pictures under the variations.

    env = VariedEnv(gym.make("CarRacing-v3"), domain="colour+light")

    bvae-rl transfer VAE --env Some/Env-v0 --wrappers bvae_rl:VariedEnv --target colour light+camera

Each episode gets changes of its own, the same for all of its frames. They are of the kinds that an
encoder can be hardened against: whether an agent survives them is a first check in the world that
one has, and says little of changes of another kind.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from gymnasium.utils import RecordConstructorArgs

from bvae_rl.data.pictures.frame_layout import FrameLayout, frames_to_x, x_to_frames
from bvae_rl.data.pictures.framed import FramedObservation, picked_key
from bvae_rl.data.pictures.layouts import stacked_in
from bvae_rl.data.pictures.space import looks_like_a_picture, readings
from bvae_rl.training.augment.draws import RGB
from bvae_rl.training.augment.variations import VARIATIONS, Variation, check_strength, refuse_unfit

SOURCE = "source"
ELSEWHERE = "background"  # which takes frames of another time
KNOWN = tuple(name for name in VARIATIONS if name != ELSEWHERE)
MOST = 2**31  # seeds of draws are below it

logger = logging.getLogger(__name__)


class VariedEnv(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """``env`` in the visual domain ``domain``: "source", as it is, or variations joined by "+".

    All that are named change every picture, as ``augment.variations`` says, but for "background",
    which takes frames of another time. ``strength``: of the changes, from 0 to 2.

    A uint8 picture keeps its layout, channels last or first, and so do those of a Dict, each of
    which is changed by what suits it; another picture (floats, (H, W)) becomes frames first, beside
    whatever else is in a Dict. Beside a uint8 one in a Dict such pictures stay as they are, which
    is warned of. What ``env`` draws for people changes, too.

    What an episode looks like follows from the seed of its ``reset`` and from how many came before.
    ``switch(domain, seed=...)`` changes it until the next reset, the state going on, as films do.
    What ``env`` says of its appearance is about the picture before the changes.

    Raises ValueError for an unknown domain or strength, and pictures that cannot be varied so;
    TypeError where there is no picture.
    """

    settable = False  # a state that is set from outside would not be seen through the changes

    def __init__(
        self, env: gym.Env[Any, Any], domain: str | None = SOURCE, strength: float = 1.0
    ) -> None:
        check_strength(strength)
        if not isinstance(env, gym.Env):
            raise TypeError(
                f"VariedEnv wraps an environment, got {env!r}; write VariedEnv(gymnasium.make(...))"
            )
        RecordConstructorArgs.__init__(self, domain=domain, strength=strength)
        if not _pictures(env.observation_space):
            env = _framed(env)
        gym.Wrapper.__init__(self, env)
        self.strength = strength
        self.decided_by = {"domain": domain or SOURCE, "strength": strength}
        self.shapes = _pictures(env.observation_space)
        self.stacks = _stacks(env, self.shapes)  # of grey ones, whose number may be that of colours
        _warn_of_others(env.observation_space, self.shapes)
        self.of_episodes = self.rows = self._rows(domain or SOURCE)
        self.draws = np.random.default_rng()
        self.draw = 0

    def switch(self, domain: str, *, seed: int | None = None) -> None:
        """Show what comes in another visual domain, its changes drawn from ``seed``."""
        self.rows = self._rows(domain)
        self.draw = int(self.draws.integers(MOST)) if seed is None else seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """An episode under changes of its own."""
        if seed is not None:
            self.draws = np.random.default_rng(seed)
        self.rows, self.draw = self.of_episodes, int(self.draws.integers(MOST))
        observation, info = self.env.reset(seed=seed, options=options)
        return self._shown(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """The environment's own, its picture changed."""
        observation, *rest = self.env.step(action)
        return self._shown(observation), *rest

    def render(self) -> Any:
        """What the environment draws, changed like its observation."""
        drawn: Any = self.env.render()
        if not (isinstance(drawn, np.ndarray) and drawn.ndim == 3 and drawn.dtype == np.uint8):
            return drawn
        height, width, channels = drawn.shape
        return self._varied(drawn, (channels, height, width), stack=1)

    def _rows(self, domain: str) -> list[Variation]:
        """What changes in ``domain``, in the order in which it is applied."""
        names = [] if domain == SOURCE else str(domain).split("+")
        if not {*names} <= {*KNOWN}:
            raise ValueError(
                f"unknown visual domain {domain!r} of VariedEnv: {SOURCE}, or some of "
                f"{', '.join(KNOWN)}, joined by + (--domain, --target, --domains)"
            )
        rows = [row for name, row in VARIATIONS.items() if name in names]
        for row in rows:
            each = [(c // self.stacks[key], h, w) for key, (c, h, w) in self.shapes.items()]
            if not any(row.suits(channels) for channels, _, _ in each):
                refuse_unfit([row], each[0])
        return rows

    def _shown(self, observation: Any) -> Any:
        if not isinstance(self.observation_space, Dict):
            return self._varied(observation, self.shapes[""], stack=self.stacks[""])
        changed = {
            key: self._varied(observation[key], shape, stack=self.stacks[key])
            for key, shape in self.shapes.items()
        }
        return {**observation, **changed}

    def _varied(
        self, picture: np.ndarray, shape: tuple[int, int, int], *, stack: int
    ) -> np.ndarray:
        """A picture of ``shape`` (C, H, W), or some; the same draws for each of an episode.

        ``stack`` frames stand among the channels.
        """
        rows = [row for row in self.rows if row.suits(shape[0] // stack)]
        if not rows or not self.strength:
            return picture
        first = picture.shape == shape
        frames = (
            np.moveaxis(picture, 0, -1)[None] if first else picture.reshape(-1, *picture.shape[-3:])
        )
        shown = []
        for frame in frames:
            parts = np.split(frame, stack, axis=-1)
            shown.append(np.concatenate([self._one(part, rows) for part in parts], axis=-1))
        found = np.moveaxis(shown[0], -1, 0) if first else np.stack(shown).reshape(picture.shape)
        return np.ascontiguousarray(found)

    def _one(self, frame: np.ndarray, rows: list[Variation]) -> np.ndarray:
        """One frame (H, W, C) under the changes of this episode."""
        generator = torch.Generator().manual_seed(self.draw)
        x = frames_to_x(np.ascontiguousarray(frame)[None])
        for row in rows:
            x = row.vary(x, generator, strength=self.strength)
        return x_to_frames(x)[0]


def _framed(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """``env`` with its only picture as frames, in its Dict if it is in one."""
    space, key = env.observation_space, picked_key(env.observation_space, None)
    picture = space[key] if isinstance(space, Dict) and key is not None else space
    return FramedObservation(env, FrameLayout.of(picture, stacked=stacked_in(env)), key=key)


def _stacks(env: gym.Env[Any, Any], shapes: Mapping[str, tuple[int, int, int]]) -> dict[str, int]:
    """How many frames stand among the channels of each picture."""
    space = env.observation_space
    parts = space.spaces if isinstance(space, Dict) else {"": space}
    apart = {key for key in shapes if len(parts[key].shape or ()) == 4}  # their number is an axis
    many = stacked_in(env) or 1
    return {
        key: 1 if key in apart or channels % many else many
        for key, (channels, _, _) in shapes.items()
    }


def _warn_of_others(space: gym.Space[Any], shapes: Collection[str]) -> None:
    """Say which pictures of a Dict no domain changes."""
    parts = space.spaces if isinstance(space, Dict) else {}
    if others := [key for key in parts if key not in shapes and looks_like_a_picture(parts[key])]:
        logger.warning(
            "VariedEnv changes uint8 pictures of a Dict alone, and leaves %s as in source: make it "
            "bytes with a wrapper, or take it out", ", ".join(map(repr, others)),
        )  # fmt: skip


def _pictures(space: gym.Space[Any]) -> dict[str, tuple[int, int, int]]:
    """(C, H, W) of each uint8 picture in ``space``, by its key in a Dict; "" is all of it."""
    parts = space.spaces if isinstance(space, Dict) else {"": space}
    return {
        key: shape
        for key, part in parts.items()
        if isinstance(part, Box) and part.dtype == np.uint8 and (shape := _shape(part.shape))
    }


def _shape(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """(C, H, W) of a picture, or of each of a stack (n, H, W, C); None where that is none."""
    found = readings(shape, (1, RGB), stacked=None) if len(shape) in (3, 4) else []
    if not found or {one.channels_first for one in found} == {True, False}:
        return None
    (first,) = {one.channels_first for one in found}
    if len(shape) == 4:
        return None if first else found[0].native
    height, width, channels = np.roll(shape, -1) if first else shape
    return int(channels), int(height), int(width)
