"""What a policy did, held against the actions that the environments take."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

ACTIONS = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


def checked_actions(actions: Any, space: gym.Space[Any], n_envs: int) -> np.ndarray:
    """``actions`` as an array (n_envs, *space.shape).

    Raises ValueError for anything else, for numbers that a discrete space has not, and for spaces
    of other kinds.
    """
    if not isinstance(space, ACTIONS):
        names = ", ".join(kind.__name__ for kind in ACTIONS)
        raise ValueError(
            f"actions are of {names}, and this environment takes {space}; give it a wrapper that "
            "makes them of such ones (gymnasium.wrappers.TransformAction)"
        )
    wanted: tuple[int, ...] = (n_envs, *(space.shape or ()))
    if isinstance(actions, tuple) and len(actions) == 2:
        raise ValueError(
            f"policy returned a tuple of two, and has to return actions {wanted}; of SB3's predict "
            "take the first: policy=lambda frames: model.predict(frames)[0]"
        )
    found = np.asarray(actions)
    if found.shape != wanted:
        raise ValueError(
            f"policy returned actions of shape {found.shape}, and {n_envs} environment"
            f"{' takes' if n_envs == 1 else 's take'} {wanted}: one for each, of {space}"
        )
    if not isinstance(space, gym.spaces.Box):
        low, sizes = getattr(space, "start", 0), np.asarray(2)
        if not isinstance(space, gym.spaces.MultiBinary):
            sizes = np.asarray(space.n if isinstance(space, gym.spaces.Discrete) else space.nvec)
        if not ((found >= low) & (found < low + sizes)).all():
            raise ValueError(f"policy returned the action {found.tolist()}, which {space} has not")
    return found
