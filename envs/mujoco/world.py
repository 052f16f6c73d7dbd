"""MuJoCo worlds with known factors; they need the extra ``robotics``.

``bvae_rl/MujocoReacher-v0``   gymnasium's ``Reacher-v5``
``bvae_rl/MujocoPusher-v0``    gymnasium's ``Pusher-v5``
``bvae_rl/MujocoRelocate-v0``  gymnasium-robotics' ``AdroitHandRelocate-v1``
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from bvae_rl.envs.factors import appearance_rng, check_render_mode, reset_options, split_factors
from bvae_rl.envs.mujoco.appearances import SOURCE, MujocoAppearance, mujoco_domain
from bvae_rl.envs.mujoco.gl import load_mujoco
from bvae_rl.envs.mujoco.paint import painter
from bvae_rl.envs.mujoco.relocate import Relocate
from bvae_rl.envs.mujoco.tasks import Pusher, Reacher, Task

DRAWS = 1000
PIXELS = 16  # size is a multiple of this


class MujocoWorld(gym.Env):
    """The ``task`` of a subclass as a world of pictures.

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

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    task: ClassVar[Task]

    def __init__(
        self,
        *,
        domain: str = "source",
        size: int = 64,
        max_steps: int | None = None,
        render_mode: str | None = None,
        **kwargs: Any,
    ) -> None:
        task = self.task
        self._domain = mujoco_domain(domain, task.parts)
        self.render_mode = check_render_mode(render_mode)
        if size < 2 * PIXELS or size % PIXELS:
            raise ValueError(f"size must be a multiple of {PIXELS} from {2 * PIXELS}, got {size}")
        self._mujoco = load_mujoco()
        self.domain, self.size = domain, size
        self.factor_specs = (*task.specs, *self._domain.specs)
        self.proprioception = task.proprioception
        self.max_steps = task.steps if max_steps is None else max_steps
        self._sim = task.make(**kwargs)
        self.action_space = self._sim.action_space
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._trial = self._mujoco.MjData(self._sim.model)  # where states are tried out
        self._appearance = SOURCE
        self._appearance_rng = np.random.default_rng()
        self._steps = 0

    @property
    def appearance(self) -> MujocoAppearance:
        """The appearance on show."""
        return self._appearance

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._appearance_rng = appearance_rng(seed)
        given = reset_options(options, self.factor_specs, SOURCE)
        appearance = given.shown(self._domain.sample(self._appearance_rng))
        if "object" not in self.task.parts and appearance.object != SOURCE.object:
            raise ValueError(f"this world shows {', '.join(self.task.parts)}, and no object")
        self._sim.reset(seed=seed)
        if given.of_state:
            drawn = zip(self.task.specs, self.task.read(self._sim).tolist(), strict=True)
            self._go_to(np.array([given.of_state.get(spec.name, value) for spec, value in drawn]))
        self._appearance, self._steps = appearance, 0
        return self._frame(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, _, info = self._sim.step(action)
        self._steps += 1
        ended = self._steps >= self.max_steps
        return self._frame(), float(reward), terminated, ended, {**info, **self._info()}

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._sim.close()

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        return np.array([*self.task.read(self._sim), *self._domain.factors(self._appearance)])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (K,): a uniform possible state, and an appearance of the domain."""
        for _ in range(DRAWS):
            state = self.task.draw(rng)
            if self._obstacle(state) is None:
                return np.array([*state, *self._domain.factors(self._domain.sample(rng))])
        raise AssertionError("no possible state was drawn")

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (K,), at rest, keeping all else, and return the frame.

        ValueError where they are out of range or cannot be; nothing has changed then.
        """
        state, appearance = split_factors(factors, self.factor_specs, self._appearance)
        self._go_to(state)
        self._appearance = appearance
        return self._frame()

    def _go_to(self, state: np.ndarray) -> None:
        if (reason := self._obstacle(state)) is not None:
            raise ValueError(f"impossible factors: {reason}")
        sim = self._sim
        self._mujoco.mj_resetData(sim.model, sim.data)
        self.task.place(sim, state)
        sim.set_state(self.task.qpos(sim, state), np.zeros(sim.model.nv))

    def _obstacle(self, state: np.ndarray) -> str | None:
        """Why a state cannot be, or None."""
        if (reason := self.task.impossible(state)) is not None:
            return reason
        model, trial = self._sim.model, self._trial
        trial.qpos[:] = self.task.qpos(self._sim, state)
        self._mujoco.mj_fwdPosition(model, trial)
        for number in np.argsort(trial.contact.dist):
            depth = -float(trial.contact.dist[number])
            roots = model.body_rootid[model.geom_bodyid[trial.contact.geom[number]]]
            first, second = (self.task.bodies[model.body(root).name] for root in roots)
            if depth > self.task.touch and first != second:
                return f"{first} and {second} would be {depth:.3g} m inside each other; move one"
        return None

    def _frame(self) -> np.ndarray:
        sim = self._sim
        artist = painter(self.task.scene, sim.fullpath, self.size)
        return artist.paint(sim.model, self.task.shown(sim), self._appearance)

    def _info(self) -> dict[str, Any]:
        values = self.factors()
        success = self.task.success(values[: len(self.task.specs)])
        return {"factors": values, "is_success": success, "domain": self.domain}


class MujocoReacher(MujocoWorld):
    """A two-link arm, seen from above, reaches for a target: gymnasium's ``Reacher-v5``.

    Success: fingertip within 0.02 m of the target. The sections of ``MujocoWorld`` hold.
    """

    task = Reacher()


class MujocoPusher(MujocoWorld):
    """A seven-joint arm pushes a disc to a fixed goal: gymnasium's ``Pusher-v5``.

    Success: object within 0.05 m of the goal. The sections of ``MujocoWorld`` hold.
    """

    task = Pusher()


class MujocoRelocate(MujocoWorld):
    """A hand carries a ball to a target: gymnasium-robotics' ``AdroitHandRelocate-v1``.

    Success: ball within 0.1 m of the target. The dense reward is that of gymnasium-robotics 1.4.2,
    which *adds* a tenth of the distance from palm to ball (its authors announce another in v2);
    ``reward_type="sparse"`` has none of this. The sections of ``MujocoWorld`` hold.
    """

    task = Relocate()
