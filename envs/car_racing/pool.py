"""What EnvPool drew of CarRacing, as the agent sees it: ``bvae_rl/CarRacing-v0`` several times as
fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bvae_rl.envs.car_racing.appearances import car_domain
from bvae_rl.envs.car_racing.recolour import Recolouring
from bvae_rl.envs.car_racing.view import action_space, shown, task_actions
from bvae_rl.envs.factors import appearance_rng
from bvae_rl.envs.world import frame_space


class CarRacingPool:
    """A copy for each of ``seeds``, drawn by EnvPool's ``CarRacing-v3`` in its own appearance.

    A ``bvae_rl.data.envpool.world.EnvPoolWorld``. Appearances are drawn anew at each start of an
    episode, by random numbers that follow from the seed of the copy.
    """

    env_id = "CarRacing-v3"

    def __init__(
        self,
        seeds: Sequence[int],
        *,
        domain: str = "source",
        domain_randomize: bool = False,
        size: int = 64,
        dashboard: bool = False,
        max_steps: int | None = None,
    ) -> None:
        if max_steps is not None:
            raise ValueError(
                f"with EnvPool the limit of an episode is its own option: write max_episode_steps="
                f"{max_steps} in place of max_steps"
            )
        self.observation_space, self.action_space = frame_space(size), action_space()
        self.size, self.dashboard = size, dashboard
        self._domain = car_domain(domain, randomize=domain_randomize)
        self._rngs = [appearance_rng(seed) for seed in seeds]
        self._recolourings = [Recolouring(self._domain.source)] * len(seeds)

    def frames(self, raw: np.ndarray, started: np.ndarray) -> np.ndarray:
        """EnvPool's pictures uint8 (N, 96, 96, 3) as frames (N, size, size, 3)."""
        for index in np.flatnonzero(started):
            self._recolourings[index] = Recolouring(self._domain.sample(self._rngs[index]))
        frames = np.empty((len(raw), self.size, self.size, 3), np.uint8)
        for picture, frame, recolouring in zip(raw, frames, self._recolourings, strict=True):
            frame[:] = shown(recolouring(picture), self.size, dashboard=self.dashboard)
        return frames

    def actions(self, actions: np.ndarray) -> np.ndarray:
        """Steering and pedal (N, 2) as steering, gas and brake, float32 (N, 3)."""
        return task_actions(actions)

    def infos(self, index: int) -> dict[str, Any]:
        return {"domain": self._domain.name}
