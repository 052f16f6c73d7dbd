"""Visual domains for an environment that has none: its pictures under the variations.

    env = VariedEnv(gym.make("CarRacing-v3"), domain="colour+light")

    bvae-rl transfer VAE --env Some/Env-v0 --wrappers bvae_rl:VariedEnv --target colour light+camera

Each episode gets changes of its own, the same for all of its frames. They are of the kinds that an
encoder can be hardened against: whether an agent survives them is a first check in the world that
one has, and says little of changes of another kind.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from stable_baselines3.common.preprocessing import (
    is_image_space,
    is_image_space_channels_first,
)

from bvae_rl.data.pictures.frame_layout import frames_to_x, x_to_frames
from bvae_rl.training.augment.variations import Variation, check_strength, named, refuse_unfit

SOURCE = "source"
MOST = 2**31  # seeds of draws are below it


class VariedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """``env`` in the visual domain ``domain``: "source", as it is, or variations joined by "+".

    All that are named change every picture, as ``augment.variations`` says, but for "background",
    which takes frames of another time. ``strength``: of the changes, from 0 to 2. Observations are
    a uint8 picture, channels last or first, or a Dict, of which each picture is changed alike.

    What an episode looks like follows from the seed of its ``reset`` and from how many came before.
    ``switch(domain, seed=...)`` changes it on the way, the state going on, as films need it.

    Raises ValueError for an unknown domain or strength, and pictures that cannot be varied so.
    """

    settable = False  # a state that is set from outside would not be seen through the changes

    def __init__(
        self, env: gym.Env[Any, Any], domain: str | None = SOURCE, strength: float = 1.0
    ) -> None:
        super().__init__(env)
        check_strength(strength)
        self.strength = strength
        space = env.observation_space
        parts = space.spaces if isinstance(space, Dict) else {"": space}
        self.pictures = {  # whether channels come first, by key
            key: is_image_space_channels_first(part)
            for key, part in parts.items()
            if isinstance(part, Box) and is_image_space(part, normalized_image=False)
        }
        if not self.pictures:
            raise ValueError(
                "VariedEnv changes uint8 pictures (H, W, C), and this environment shows "
                f"{' '.join(str(space).split())}; draw it first (--pixels, or "
                "bvae_rl.framed(env, pixels=True))"
            )
        self.rows = self._kinds(domain or SOURCE)
        self.draws = np.random.default_rng()
        self.draw = 0

    def switch(self, domain: str, *, seed: int) -> None:
        """Show what comes in another visual domain, its changes drawn from ``seed``."""
        self.rows, self.draw = self._kinds(domain), seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """An episode under changes of its own."""
        if seed is not None:
            self.draws = np.random.default_rng(seed)
        self.draw = int(self.draws.integers(MOST))
        observation, info = self.env.reset(seed=seed, options=options)
        return self._shown(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """The environment's own, its picture changed."""
        observation, *rest = self.env.step(action)
        return self._shown(observation), *rest

    def _kinds(self, domain: str) -> list[Variation]:
        if domain == SOURCE:
            return []
        rows = named(domain.split("+"))
        if alone := [row.name for row in rows if row.name == "background"]:
            raise ValueError(
                f"{alone[0]} shows frames of another time, which an environment does not have; "
                "take other variations"
            )
        spaces = self.observation_space
        for key, first in self.pictures.items():
            space = spaces[key] if isinstance(spaces, Dict) else spaces
            assert space.shape is not None
            height, width, channels = np.roll(space.shape, -1) if first else space.shape
            refuse_unfit(rows, (int(channels), int(height), int(width)))
        return rows

    def _shown(self, observation: Any) -> Any:
        if not self.rows or not self.strength:
            return observation
        if not isinstance(self.observation_space, Dict):
            return self._varied(observation, self.pictures[""])
        changed = {
            key: self._varied(observation[key], first) for key, first in self.pictures.items()
        }
        return {**observation, **changed}

    def _varied(self, picture: np.ndarray, first: bool) -> np.ndarray:
        """One picture; the same draws for each of an episode."""
        frame = np.moveaxis(picture, 0, -1) if first else picture
        generator = torch.Generator().manual_seed(self.draw)
        with torch.no_grad():
            x = frames_to_x(np.ascontiguousarray(frame)[None])
            for row in self.rows:
                x = row.vary(x, generator, strength=self.strength)
        shown = x_to_frames(x)[0]
        return np.ascontiguousarray(np.moveaxis(shown, -1, 0)) if first else shown
