"""The base of the Control Suite's worlds: a task of ``dm_control.suite``, with known factors."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from bvae_rl.envs.control.appearances import ControlAppearance, control_domain
from bvae_rl.envs.control.paint import painter
from bvae_rl.envs.control.suite import load_task
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.mujoco.contacts import overlap
from bvae_rl.envs.mujoco.gl import load_mujoco
from bvae_rl.envs.mujoco.world import Limits
from bvae_rl.envs.world import Step, World, frame_space

SEEDS = 2**32  # numpy's RandomState, which the suite draws with, takes a seed below this


class ControlWorld(World):
    """A task of the DeepMind Control Suite as a world of pictures; it needs the extra
    ``dm-control``.

    ## Description
    The simulation, its dynamics, starts and rewards stay those of the suite: the same seed and
    actions give the same episode as ``suite.load``. Each reset draws an appearance of the visual
    domain, which is shown by a model of its own (``control.paint``).

    ## Action Space
    That of the task: ``Box(-1, 1, (A,), float32)``.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``, RGB, from the suite's camera 0. Factors: the positions,
    then those of the appearance. A frame does not show velocities, so they are no factors: a state
    of factors is one at rest. They are in ``info["velocities"]``, (V,), in m/s and rad/s; what
    moves with each is in ``velocity_names``.

    ## Rewards
    Those of the task, from 0 to 1 a step. The suite knows no success, so ``info`` has none.

    ## Termination
    None. Truncation after ``max_steps`` steps; the suite's time limit is 1000.

    ## Arguments
    ``domain``: a visual domain (``envs.domains``; kinds in ``control.appearances``); ``size``:
    pixels of a side, at least 16; ``max_steps``; ``shadows=False`` leaves them out, which is not
    the suite's appearance and four times as fast where software draws; ``render_mode``:
    "rgb_array" or None. ImportError without the extra or with nothing to draw with.
    """

    task: ClassVar[tuple[str, str]]  # domain and task, as the suite names them
    parts: ClassVar[tuple[str, ...]]  # whose colours vary
    pivot: ClassVar[float]  # metres from the camera to what it looks at
    bodies: ClassVar[Mapping[str, str]] = {}  # roots of body trees, as messages name them
    limits: ClassVar[Limits]  # where factors are drawn; ``state_specs`` are wider, as in mujoco
    velocity_names: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        domain: str = "source",
        size: int = 64,
        max_steps: int = 1000,
        shadows: bool = True,
        render_mode: str | None = None,
    ) -> None:
        frame_space(size)  # refused before anything is drawn
        parsed = control_domain(domain, self.parts)
        super().__init__(parsed, size=size, max_steps=max_steps, render_mode=render_mode)
        self.shadows = shadows
        self._sim = load_task(*self.task)
        self._mujoco = load_mujoco()
        self._trial = self._mujoco.MjData(self._model)  # where states are tried out
        actions = self._sim.action_spec()
        self.action_space = gym.spaces.Box(
            actions.minimum.astype(np.float32), actions.maximum.astype(np.float32)
        )

    def step(self, action: np.ndarray) -> Step:
        return self._outcome(self._sim.step(np.asarray(action, np.float64)).reward)

    def velocities(self) -> np.ndarray:
        """Of the joints, shape (V,), in the order of ``velocity_names``; m/s and rad/s."""
        return np.array(self._physics.data.qvel)

    @property
    def _physics(self) -> Any:
        return self._sim.physics

    @property
    def _model(self) -> Any:
        return self._physics.model.ptr

    def _info(self, success: bool | None = None) -> dict[str, Any]:
        return {
            "factors": self.factors(),
            "velocities": self.velocities(),
            "domain": self.domain,
        }

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        if seed is not None:
            self._sim.task.random.seed(seed % SEEDS)
        self._sim.reset()
        if given:
            self._go_to(self._with(given))

    def _named(self, domain: str) -> Domain[ControlAppearance]:
        return control_domain(domain, self.parts)

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        low, high = zip(*self.limits.values(), strict=True)
        return self._possible(lambda: rng.uniform(low, high))

    def _go_to(self, state: np.ndarray) -> None:
        if (reason := self._obstacle(state)) is not None:
            raise ValueError(f"impossible factors: {reason}")
        with self._physics.reset_context():
            self._place(state)
            self._physics.data.qpos[:] = self._qpos(state)

    def _obstacle(self, state: np.ndarray) -> str | None:
        self._trial.qpos[:] = self._qpos(state)
        self._mujoco.mj_fwdPosition(self._model, self._trial)
        return overlap(self._model, self._trial, self.bodies)

    def _frame(self) -> np.ndarray:
        pictures = painter(*self.task, pivot=self.pivot, size=self.size, shadows=self.shadows)
        return pictures.paint(self._model, self._physics.data.qpos, self._appearance)

    def _read(self) -> np.ndarray:
        return np.array(self._physics.data.qpos)

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        """The joint positions (nq,) for a state (S,)."""
        return state

    def _place(self, state: np.ndarray) -> None:
        """Put what has no joints where the state (S,) says."""


def wrapped(angle: float, period: float = 2 * pi) -> float:
    """An angle within half a period of 0; one that is there already stays as it is."""
    return float(angle - period * np.round(angle / period))
