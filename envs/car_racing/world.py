"""``bvae_rl/CarRacing-v0``: gymnasium's ``CarRacing-v3``."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium as gym
import numpy as np

from bvae_rl.envs.car_racing import pose
from bvae_rl.envs.car_racing.appearances import CarAppearance, car_domain
from bvae_rl.envs.car_racing.pool import CarRacingPool
from bvae_rl.envs.car_racing.road import Road
from bvae_rl.envs.car_racing.view import action_space, shown, task_actions
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.world import Step, World, frame_space
from bvae_rl.runtime.optional import require

EXTRA = "box2d"
EPISODE_STEPS = 1000


class CarRacing(World):
    """A car drives a lap on a road that is new in each episode; it needs the extra ``box2d``.

    ## Description
    The simulation, its tracks, dynamics and rewards are those of gymnasium's ``CarRacing-v3``. Each
    reset draws an appearance of the visual domain, by random numbers of its own. The first fifty
    frames of an episode are a zoom, as in the task.

    ## Action Space
    ``Box(-1, 1, (2,), float32)``: steering (-1 full left, 1 full right), and a pedal that is gas
    where positive and brake where negative.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``, RGB: the task's picture of 96 x 96 without the
    dashboard at its bottom (its upper 84 rows), or with it, scaled. Factors, positive to the left:

    - ``road_position``, in laps: how far along the centre line, 0 at the start;
    - ``offset`` in metres from the centre line (the road is 6.7 m wide on each side), cut off at
      30, from where no road is seen; ``angle`` in radians from the road's direction;
    - ``speed`` and ``slip`` in m/s: the velocity of the car's mass, forwards and sideways;
    - ``steering`` in radians: the front wheels' angle to the car;
    - ``curvature_5``, ``curvature_15``, ``curvature_25`` in 1/m: how much the centre line turns in
      a metre, averaged over the 7 m around a point so many metres ahead along the road;

    then those of the appearance. Without the dashboard a single frame does not show speed and slip.
    Curvatures follow from the position and the track (``dependent_factors``): they are read, drawn
    with the position, and cannot be set to something else. ``set_factors``, and ``reset`` with
    factors, begin an episode there: the zoom is over, and no tile is visited but those under the
    wheels. What is no factor: the track, and which tiles were touched (they lose their shade).

    ## Rewards
    Those of the task: 1000 / N for each of N tiles visited, -0.1 a step, -100 far off the track.
    Success: the step that finishes the lap.

    ## Termination
    That of the task: the lap is finished, or the car far off. Truncation after ``max_steps`` steps.

    ## Arguments
    ``domain``: a visual domain (``envs.domains``; the kind is ``colours``); ``domain_randomize``:
    colours as gymnasium's argument of that name draws them, in place of a domain (the tracks stay);
    ``size``: pixels of a side, 16 or more; ``dashboard``: it is shown too; ``max_steps``;
    ``lap_complete_percent``: the share of tiles that makes a lap; ``render_mode``: "rgb_array"
    (``render`` is the task's large picture, 400 x 600) or None. ImportError without the extra.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}
    state_specs = pose.SPECS
    proprioception = ("speed", "slip", "steering")
    dependent_factors = pose.DEPENDENT
    envpool = CarRacingPool  # the copies that EnvPool simulates and draws, without factors

    def __init__(
        self,
        *,
        domain: str = "source",
        domain_randomize: bool = False,
        size: int = 64,
        dashboard: bool = False,
        max_steps: int = EPISODE_STEPS,
        lap_complete_percent: float = 0.95,
        render_mode: str | None = None,
    ) -> None:
        parsed, space = car_domain(domain, randomize=domain_randomize), frame_space(size)
        super().__init__(parsed, size=size, max_steps=max_steps, render_mode=render_mode)
        self.observation_space, self.action_space = space, action_space()
        self.dashboard = dashboard
        require("Box2D", extra=EXTRA)
        from bvae_rl.envs.car_racing.task import Task  # needs Box2D

        self._sim = Task(lap_complete_percent=lap_complete_percent)
        self._road: Road | None = None

    def step(self, action: np.ndarray) -> Step:
        reward, terminated, info = self._sim.drive(task_actions(action))
        finished = bool(info.get("lap_finished", False))
        frame, reward, _, truncated, info = self._outcome(reward, finished, info)
        return frame, reward, terminated, truncated, info

    def render(self) -> np.ndarray | None:
        """The task's large picture in the appearance on show, uint8 (400, 600, 3)."""
        return self._picture("rgb_array") if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._sim.close()

    @property
    def road(self) -> Road:
        """The road of this episode."""
        if self._road is None:
            raise gym.error.ResetNeeded("there is no road before the first reset()")
        return self._road

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        self._sim.reset(seed=seed)
        self._road = Road(self._sim.track)
        if given:
            state = self._with(given)
            there = pose.curvatures(self.road, state[0] * self.road.length)
            for place, (name, value) in enumerate(zip(pose.DEPENDENT, there, strict=True)):
                state[pose.FREE + place] = given.get(name, value)
            self._go_to(state)

    def _named(self, domain: str) -> Domain[CarAppearance]:
        return car_domain(domain)

    def _read(self) -> np.ndarray:
        return pose.read(self._sim.car, self.road)

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        return pose.draw(self.road, rng)

    def _go_to(self, state: np.ndarray) -> None:
        if (reason := pose.obstacle(state, self.road)) is not None:
            raise ValueError(f"impossible factors: {reason}")
        pose.put(self._sim.car, self.road, state)
        self._sim.begin_here()

    def _is_success(self, state: np.ndarray) -> bool:
        return False

    def _frame(self) -> np.ndarray:
        return shown(self._picture("state_pixels"), self.size, dashboard=self.dashboard)

    def _picture(self, mode: str) -> np.ndarray:
        self._sim.paint(self._appearance.colours)
        return self._sim.picture(mode)
