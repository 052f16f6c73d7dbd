"""Frames from whatever a user has: a store, an environment by id or in hand, or an array."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.collect import collect
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import known_specs
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.runtime.runs import INDEX

BLOCK = 1024  # frames of an array in a block
N_ENVS = 8

Source = Any  # FrameStore | Path | str | gym.Env | VecEnv | np.ndarray


def as_store(source: Source, folder: str | Path, *, frames: int, seed: int) -> FrameStore:
    """The frames of ``source``, collected into ``folder`` if they are not in a store yet.

    ``source`` is a ``FrameStore`` or its folder; a gymnasium id ("package.module:Name-v0" if a
    package has to be imported first), an environment or a VecEnv, in which a random policy acts
    until there are ``frames`` frames; or uint8 frames (N, H, W, C). A collection that was
    interrupted goes on. Raises TypeError for anything else and ValueError for pictures that are
    none.
    """
    if isinstance(source, FrameStore):
        return source
    if isinstance(source, str | Path) and (Path(source) / INDEX).exists():
        return FrameStore.existing(source)
    store = FrameStore(folder)
    if isinstance(source, np.ndarray):
        return _of_array(source, store)
    if isinstance(source, str):
        config = EnvConfig(source)
        specs = known_specs(config.make())
        made: VecEnv = config.vec(N_ENVS, seed=seed)
        store.describe(
            factor_specs=specs, env=config.id, wrappers=[], domain=None, policy="random",
            views=1, seed=seed,
        )  # fmt: skip
    elif isinstance(source, gym.Env | VecEnv):
        env = source
        made = env if isinstance(env, VecEnv) else DummyVecEnv([lambda: env])
        store.describe(policy="random", views=1, seed=seed)
    else:
        raise TypeError(
            "frames come from a FrameStore or its folder, a gymnasium id, an environment, a VecEnv "
            f"or a uint8 array (N, H, W, C), got {type(source).__name__}"
        )
    store.expect(frames)
    if len(store) < frames:
        collect(made, store, frames, seed=seed)
    if isinstance(source, str):
        made.close()
    return store


def _of_array(array: np.ndarray, store: FrameStore) -> FrameStore:
    """``array`` as a store: states in no known order, in one appearance for all that is known."""
    if array.dtype != np.uint8 or array.ndim != 4 or not len(array):
        raise ValueError(
            f"frames must be uint8 (N, H, W, C), at least one, got {array.dtype} {array.shape}"
        )
    content = hashlib.sha256(array.tobytes()).hexdigest()
    store.describe(source="array", policy="independent", frames=len(array), sha256=content)
    for first in range(len(store), len(array), BLOCK):
        block = np.ascontiguousarray(array[first : first + BLOCK])
        number = np.arange(first, first + len(block))
        store.append(Frames(block, np.zeros_like(number), number))
    return store
