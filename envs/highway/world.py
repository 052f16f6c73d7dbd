"""The base of the driving worlds: a task of highway-env as a world of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.pictures.resize import convert_bytes
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.highway.appearances import RoadAppearance, road_domain
from bvae_rl.envs.highway.draw import EXTRA, Painter
from bvae_rl.envs.world import Step, World, frame_space
from bvae_rl.runtime.optional import require


class RoadWorld(World):
    """A driving task as a world of pictures; it needs the extra ``highway``.

    ## Description
    Vehicles, dynamics, rewards and ends of episodes stay those of highway-env. Each reset draws an
    appearance of the visual domain. The picture is highway-env's own ``rgb_array``, in which the
    camera follows the own vehicle, made smaller by averages over areas.

    ## Action Space
    That of the task.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``, RGB, whatever the screen's aspect. Factors: those of
    the task's state, then those of the appearance.

    ## Rewards
    Those of the task.

    ## Termination
    Those of the task; so is truncation, after ``config["duration"]`` seconds.

    ## Arguments
    ``config``: changes to highway-env's configuration, as in its own ``gym.make``; ``domain``: a
    visual domain (``envs.domains``; kinds in ``highway.appearances``); ``size``: pixels of a side;
    ``speeds``: speeds are factors too, which one frame does not show; ``render_mode``: "rgb_array"
    or None. ImportError without the extra.
    """

    def __init__(
        self,
        entry: str,
        *,
        config: Mapping[str, Any] | None = None,
        domain: str = "source",
        size: int = 64,
        speeds: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if config is not None and not isinstance(config, Mapping):
            raise TypeError(
                f"config is a dict of highway-env's settings, as in {{'lanes_count': 4}}, got "
                f"{config!r}"
            )
        module, _, name = entry.partition(":")
        frame_space(size)
        parsed = road_domain(domain)
        self._sim = getattr(require(module, extra=EXTRA), name)(config={**(config or {})})
        self.speeds = speeds
        self.state_specs = self._specs()  # they follow the configuration
        steps = int(self._sim.config["duration"] * self._sim.config["policy_frequency"])
        super().__init__(parsed, size=size, max_steps=steps, render_mode=render_mode)
        self.action_space = self._sim.action_space
        self._painter = Painter(self._sim)

    @property
    def config(self) -> dict[str, Any]:
        """highway-env's configuration of this world."""
        found: dict[str, Any] = self._sim.config
        return found

    def picture(self) -> np.ndarray:
        """The picture before it is made smaller, uint8 (H, W, 3)."""
        return self._painter.paint(self._appearance)

    def step(self, action: Any) -> Step:
        _, reward, terminated, truncated, info = self._sim.step(action)
        success = self._succeeded(terminated=terminated, truncated=truncated)
        frame, reward, _, _, info = self._outcome(reward, success, info)
        return frame, reward, bool(terminated), bool(truncated), info

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        self._sim.reset(seed=seed)
        if given:
            self._go_to(self._with(given))

    def _named(self, domain: str) -> Domain[RoadAppearance]:
        return road_domain(domain)

    def _frame(self) -> np.ndarray:
        return convert_bytes(self.picture()[None], (3, self.size, self.size))[0]

    def _is_success(self, state: np.ndarray) -> bool:
        return False  # before the first step

    def _specs(self) -> tuple[FactorSpec, ...]:
        """The state factors under the configuration of ``_sim``."""
        raise NotImplementedError

    def _succeeded(self, *, terminated: bool, truncated: bool) -> bool:
        """Whether the task is done at the step that ended so."""
        raise NotImplementedError
