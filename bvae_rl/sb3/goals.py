"""Goals that are pictures, under hindsight experience replay (HER, Andrychowicz et al. 2017).

``HerReplayBuffer`` puts another goal into a transition and asks the environment for its reward. In
front of an agent on codes the goals in the buffer are codes, of which the environment's
``compute_reward`` knows nothing. The reward that fits them is their distance, r = -|e(s') - e(g)|,
as in RIG (Nair et al. 2018, 1807.04742), for real and relabelled transitions alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

Reward = Literal["environment", "latent_distance"]
ACHIEVED, DESIRED = "achieved_goal", "desired_goal"  # as SB3's HerReplayBuffer names them


class Goals:
    """The goals among the pictures of an observation, and the reward for reaching them.

    ``pictures``: the keys of all pictures.
    ``reward``: the environment's own, or minus the distance of codes.

    Raises ValueError for another ``reward``, and for "latent_distance" without two pictures of
    goals.
    """

    def __init__(self, pictures: Mapping[Any, Any], reward: Reward) -> None:
        if reward not in get_args(Reward):
            raise ValueError(f"unknown reward {reward!r}; known: {', '.join(get_args(Reward))}")
        there = [key for key in (ACHIEVED, DESIRED) if key in pictures]
        if reward == "latent_distance" and len(there) < 2:
            raise ValueError(
                f"reward='latent_distance' compares the pictures {ACHIEVED} and {DESIRED} of a "
                f"Dict observation, and of these it has {there or 'none'}; leave reward out"
            )
        self.are_codes, self._reward = bool(there), reward

    def rewards(
        self, codes: Any, rewards: np.ndarray, infos: Sequence[Mapping[str, Any]]
    ) -> np.ndarray:
        """What a step is rewarded with, (n_envs,), given the environment's ``rewards``.

        ``codes``: the observations after the step. Of an environment that ended, the last
        observation of its episode counts, from ``infos``.
        """
        if self._reward == "environment":
            return rewards
        last = [info.get("terminal_observation") for info in infos]
        achieved, desired = (
            np.stack([codes[key][i] if end is None else end[key] for i, end in enumerate(last)])
            for key in (ACHIEVED, DESIRED)
        )
        return distance_reward(achieved, desired)

    def compute_reward(self, achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
        """Rewards (B,) of codes (B, width); ValueError unless "latent_distance" was chosen."""
        if self._reward == "environment":
            raise ValueError(
                "the goals in this replay buffer are codes, and the environment's compute_reward "
                "takes pictures; give LatentVecEnv(..., reward='latent_distance') to be rewarded "
                "by the distance of codes, or keep goals out of the pictures (vectors, "
                "which compute_reward knows)"
            )
        return distance_reward(achieved, desired)


def distance_reward(achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
    """Minus the Euclidean distance of codes (..., width), float32 (...)."""
    return -np.linalg.norm(achieved - desired, axis=-1).astype(np.float32)
