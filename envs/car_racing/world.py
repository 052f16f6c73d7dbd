"""``bvae_rl/CarRacing-v0``: gymnasium's ``CarRacing-v3``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bvae_rl.envs.car_racing.appearances import car_domain
from bvae_rl.envs.car_racing.pool import CarRacingPool
from bvae_rl.envs.car_racing.view import action_space, frame_space, shown, task_actions
from bvae_rl.envs.world import Step, World
from bvae_rl.runtime.optional import require

EXTRA = "box2d"
EPISODE_STEPS = 1000


class CarRacing(World):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}
    state_specs = ()
    proprioception = ()

    def __init__(
        self,
        *,
        domain: str = "source",
        size: int = 64,
        dashboard: bool = False,
        max_steps: int = EPISODE_STEPS,
        lap_complete_percent: float = 0.95,
        render_mode: str | None = None,
    ) -> None:
        space = frame_space(size)
        super().__init__(car_domain(domain), size=size, max_steps=max_steps, render_mode=render_mode)
        self.observation_space, self.action_space = space, action_space()
        self.dashboard = dashboard
        require("Box2D", extra=EXTRA)
        from bvae_rl.envs.car_racing.task import Task  # needs Box2D

        self._sim = Task(lap_complete_percent=lap_complete_percent)

    @classmethod
    def envpool(cls, n_envs: int, seed: int, **kwargs: Any) -> CarRacingPool:
        """``n_envs`` copies drawn by EnvPool (``--backend envpool``)."""
        return CarRacingPool(n_envs, seed, **kwargs)

    def step(self, action: np.ndarray) -> Step:
        reward, terminated, info = self._sim.drive(task_actions(action))
        frame, reward, _, truncated, info = self._outcome(reward, info=info)
        return frame, reward, terminated, truncated, info

    def close(self) -> None:
        self._sim.close()

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        self._sim.reset(seed=seed)

    def _read(self) -> np.ndarray:
        return np.array([])

    def _is_success(self, state: np.ndarray) -> bool:
        return False

    def _frame(self) -> np.ndarray:
        self._sim.paint(self._appearance.colours)
        return shown(self._sim.picture("state_pixels"), self.size, dashboard=self.dashboard)
