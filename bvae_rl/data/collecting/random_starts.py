"""Episodes that begin in random states, for what nobody reaches by acting from the usual start."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.collecting.sticky import drawing
from bvae_rl.data.environments import EnvConfig, make_vec
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import possible_state
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.framed import checked

logger = logging.getLogger(__name__)

WALK = 100  # steps at most, where states cannot be set
LONG_HOLD = 0.95


class RandomStarts(gym.Wrapper[Any, Any, Any, Any]):
    """``env`` whose episodes begin in a random state.

    Where factors can be set (``FactorEnv``) the state is sampled. Elsewhere a random number of
    steps, up to ``WALK``, is taken first, with random actions that are held for long.

    A sampled state that ``set_factors`` refuses is drawn again (``factors.possible_state``).
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.source = settable_env(env)
        self.rng = np.random.default_rng(0)

    @property
    def sampled(self) -> bool:
        """Whether states are sampled."""
        return self.source is not None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """A random state's observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        if self.source is None:
            return self._walk(observation, info)
        observation, _ = possible_state(self.source, self.rng)
        if info_factors(info) is not None:
            info = {**info, "factors": np.array(self.source.factors())}
        return observation, info

    def _walk(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        draw, action = drawing(self.env.action_space, self.rng), None
        for _ in range(self.rng.integers(WALK + 1)):
            if action is None or self.rng.random() >= LONG_HOLD:
                action = draw()
            observation, _, terminated, truncated, info = self.env.step(action)
            if terminated or truncated:
                observation, info = self.env.reset()
        return observation, info


def random_starts(
    env: EnvConfig | gym.Env[Any, Any] | VecEnv, n_envs: int, *, seed: int
) -> VecEnv | None:
    """``n_envs`` copies of ``env`` that begin in random states, or ``env`` itself as one that does.

    None for a ``VecEnv``, whose environments nobody can reach into. What is done is said.
    """
    if isinstance(env, VecEnv):
        logger.info(
            "no states are sampled in a VecEnv in hand: their share goes to the others; give an id "
            "or a single environment where states are wanted"
        )
        return None
    one = RandomStarts(env.make() if isinstance(env, EnvConfig) else env)
    if not one.sampled:
        logger.info(
            "factors cannot be set here: episodes of the share states begin after up to %d steps "
            "of random actions that are held for long", WALK,
        )  # fmt: skip
    if not isinstance(env, EnvConfig):
        return DummyVecEnv([lambda: checked(one)])
    one.close()
    return make_vec(lambda: RandomStarts(env.make()), n_envs, seed=seed)
