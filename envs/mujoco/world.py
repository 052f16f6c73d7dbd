"""The base of the MuJoCo worlds: a task of gymnasium or gymnasium-robotics, with known factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.appearance import Range
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.mujoco.appearances import MujocoAppearance, mujoco_domain
from bvae_rl.envs.mujoco.contacts import overlap
from bvae_rl.envs.mujoco.gl import EXTRA, load_mujoco
from bvae_rl.envs.mujoco.paint import Scene, painter
from bvae_rl.envs.world import Step, World
from bvae_rl.runtime.optional import require

PIXELS = 16  # size is a multiple of this
Limits = dict[str, Range]


class MujocoWorld(World):
    """A simulated task as a world of pictures; it needs the extra ``robotics``.

    ## Description
    The simulation, its dynamics and rewards stay those of the task. Each reset draws an appearance
    of the visual domain. The picture comes from a fixed camera and a model of its own
    (``mujoco.paint``), in which small things are larger.

    ## Action Space
    That of the task.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``, RGB. Factors: those of the task's state, then those of
    the appearance. Velocities are none: a state of factors is one at rest.

    ## Rewards
    Those of the task.

    ## Termination
    None. Truncation after ``max_steps`` steps.

    ## Arguments
    ``domain``: a visual domain (``envs.domains``; kinds in ``mujoco.appearances``); ``size``:
    pixels of a side, a multiple of 16 from 32; ``max_steps``: by default the task's;
    ``render_mode``: "rgb_array" or None; others go to the simulation. ImportError without the extra
    or with nothing to draw with.
    """

    entry: ClassVar[str]  # module:Class of the simulation
    steps: ClassVar[int]  # of an episode
    parts: ClassVar[tuple[str, ...]] = ("arm", "object", "target", "floor")
    scene: ClassVar[Scene]
    bodies: ClassVar[Mapping[str, str]]  # roots of body trees, as messages name them
    # Where factors are drawn. ``state_specs`` are wider where acting leads out of these: MuJoCo's
    # joint limits and contacts are soft.
    limits: ClassVar[Limits]
    whole: ClassVar[bool] = True  # whether the factors are all that can be seen

    def __init__(
        self,
        *,
        domain: str = "source",
        size: int = 64,
        max_steps: int | None = None,
        render_mode: str | None = None,
        **kwargs: Any,
    ) -> None:
        steps = self.steps if max_steps is None else max_steps
        parsed = mujoco_domain(domain, self.parts)
        super().__init__(parsed, size=size, max_steps=steps, render_mode=render_mode)
        if size < 2 * PIXELS or size % PIXELS:
            raise ValueError(f"size must be a multiple of {PIXELS} from {2 * PIXELS}, got {size}")
        self._mujoco = load_mujoco()
        self._sim = self.simulation(**kwargs)
        self.action_space = self._sim.action_space
        self._trial = self._mujoco.MjData(self._sim.model)  # where states are tried out

    @classmethod
    def simulation(cls, **kwargs: Any) -> Any:
        """The task itself, a MujocoEnv."""
        load_mujoco()
        module, _, name = cls.entry.partition(":")
        return getattr(require(module, extra=EXTRA), name)(**kwargs)

    def step(self, action: np.ndarray) -> Step:
        _, reward, _, _, info = self._sim.step(action)
        return self._outcome(reward, info=info)

    def close(self) -> None:
        self._sim.close()

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (K,): a uniform possible state, and an appearance of the domain."""
        state = self._draw_state(rng)  # before the appearance, as published runs did
        return np.array([*state, *self._domain.factors(self._domain.sample(rng))])

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        self._sim.reset(seed=seed)
        if given:
            self._go_to(self._with(given))

    def _named(self, domain: str) -> Domain[MujocoAppearance]:
        return mujoco_domain(domain, self.parts)

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        low, high = zip(*self.limits.values(), strict=True)
        return self._possible(lambda: rng.uniform(low, high))

    def _go_to(self, state: np.ndarray) -> None:
        if (reason := self._obstacle(state)) is not None:
            raise ValueError(f"impossible factors: {reason}")
        sim = self._sim
        self._mujoco.mj_resetData(sim.model, sim.data)
        self._place(state)
        sim.set_state(self._qpos(state), np.zeros(sim.model.nv))

    def _obstacle(self, state: np.ndarray) -> str | None:
        model, trial = self._sim.model, self._trial
        trial.qpos[:] = self._qpos(state)
        self._mujoco.mj_fwdPosition(model, trial)
        return overlap(model, trial, self.bodies)

    def _frame(self) -> np.ndarray:
        """By way of the factors where these are all that can be seen, so that the same factors give
        the same picture to the last bit.
        """
        sim = self._sim
        qpos = self._qpos(self._read()) if self.whole else sim.data.qpos
        return painter(self.scene, sim.fullpath, self.size).paint(sim.model, qpos, self._appearance)

    def _qpos(self, state: np.ndarray) -> np.ndarray:
        """The joint positions (nq,) for a state (S,)."""
        raise NotImplementedError

    def _place(self, state: np.ndarray) -> None:
        """Put what has no joints where the state (S,) says."""


def wider(limits: Limits, by: float, unit: str) -> tuple[FactorSpec, ...]:
    """Continuous factors that may leave ``limits`` by so much."""
    return tuple(
        FactorSpec(name, low=low - by, high=high + by, unit=unit)
        for name, (low, high) in limits.items()
    )
