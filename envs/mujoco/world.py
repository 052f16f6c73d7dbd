"""MuJoCo worlds with known factors; they need the extra ``robotics``.

``bvae_rl/MujocoReacher-v0``   gymnasium's ``Reacher-v5``: a two-link arm, seen from above
``bvae_rl/MujocoPusher-v0``    gymnasium's ``Pusher-v5``: a seven-joint arm, a disc, a fixed goal
``bvae_rl/MujocoRelocate-v0``  gymnasium-robotics' ``AdroitHandRelocate-v1``: hand, ball, target

Actions, dynamics, reward, length of an episode: those of the task; keyword arguments that are none
of ``MujocoWorld``'s go to it. None of the tasks terminates.
Observations: ``Box(0, 255, (size, size, 3), uint8)``, RGB, from a fixed camera. The picture is
drawn from a model of its own (``bvae_rl.envs.mujoco.paint``), in which small things are larger.
Factors: see ``factor_specs``. Velocities are none: a state of factors is one at rest.
Info: ``factors`` (K,), ``is_success`` (reacher: fingertip within 0.02 m of the target; pusher:
object within 0.05 m of the goal; relocate: ball within 0.1 m of the target), ``domain``.
Reset options: ``{"factors": (K,) array or {name: value}}``, ``{"appearance": SceneLook}``; an appearance that
the factors contradict is an error.
The dense reward of Relocate is that of gymnasium-robotics 1.4.2, which *adds* a tenth of the
distance from palm to ball (its authors announce another in v2); ``reward_type="sparse"`` has none
of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import check_factors, check_options, named_factors
from bvae_rl.envs.domains import check_name
from bvae_rl.envs.mujoco.appearances import (
    SOURCE,
    SceneAppearance,
    sample_scene_appearance,
    scene_set,
)
from bvae_rl.envs.mujoco.gl import load_mujoco
from bvae_rl.envs.mujoco.paint import painter
from bvae_rl.envs.mujoco.relocate import Relocate
from bvae_rl.envs.mujoco.tasks import Pusher, Reacher, Task

APPEARANCE_STREAM = (
    1  # looks have random numbers of their own, so that they never change the dynamics
)
DRAWS = 1000
PIXELS = 16  # size is a multiple of this


class MujocoWorld(gym.Env):
    """The ``task`` of a subclass as a world of pictures.

    ``domain`` names the set from which each reset draws (``bvae_rl.envs.mujoco.appearances``);
    ``max_steps`` is the length of an episode (default: the task's); ``kwargs`` go to the
    simulation. ImportError without the extra or with nothing to draw with.
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
        self._domain = scene_set(check_name(domain), task.parts)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"unknown render_mode {render_mode!r}; known: rgb_array, None")
        if size < 2 * PIXELS or size % PIXELS:
            raise ValueError(f"size must be a multiple of {PIXELS} from {2 * PIXELS}, got {size}")
        self._mujoco = load_mujoco()
        self.domain, self.size, self.render_mode = domain, size, render_mode
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
    def appearance(self) -> SceneAppearance:
        """The appearance on show."""
        return self._appearance

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._appearance_rng = np.random.default_rng([seed, APPEARANCE_STREAM])
        options = dict(check_options(options))
        appearance = sample_scene_appearance(self._domain, self._appearance_rng)
        given = named_factors(options.get("factors", {}), self.factor_specs)
        names = [spec.name for spec in self.task.specs]
        of_appearance = {name: value for name, value in given.items() if name not in names}
        if "appearance" in options:
            appearance = self._checked_appearance(options["appearance"], of_appearance)
        appearance = appearance.at(of_appearance)
        self._sim.reset(seed=seed)
        if len(of_appearance) < len(given):
            drawn = dict(zip(names, self.task.read(self._sim).tolist(), strict=True))
            self._go_to(np.array([given.get(name, drawn[name]) for name in names]))
        self._appearance, self._steps = appearance, 0
        return self._frame(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, _, told = self._sim.step(action)
        self._steps += 1
        ended = self._steps >= self.max_steps
        return self._frame(), float(reward), terminated, ended, {**told, **self._info()}

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._sim.close()

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        of_appearance = [self._appearance.factor(spec.name) for spec in self._domain.specs]
        return np.array([*self.task.read(self._sim), *of_appearance])

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Factors, shape (K,): a uniform possible state, and an appearance drawn from ``self.domain``."""
        for _ in range(DRAWS):
            state = self.task.draw(rng)
            if self._obstacle(state) is None:
                return np.concatenate([state, self._domain.draw(rng)])
        raise AssertionError("no possible state was drawn")

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (K,), at rest, and return the frame.

        ValueError where they are out of range or cannot be; nothing has changed then.
        """
        values = check_factors(factors, self.factor_specs)
        state, of_appearance = np.split(values, [len(self.task.specs)])
        names = [spec.name for spec in self._domain.specs]
        appearance = self._appearance.at(dict(zip(names, of_appearance.tolist(), strict=True)))
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

    def _checked_appearance(self, appearance: Any, factors: Mapping[str, float]) -> SceneAppearance:
        if not isinstance(appearance, SceneAppearance):
            raise TypeError(
                f"options['appearance'] must be a SceneAppearance, got {type(appearance).__name__}"
            )
        if (asked := appearance.at(factors)) != appearance:
            raise ValueError(
                f"options['factors'] asks for {asked}, options['appearance'] for {appearance}"
            )
        if "object" not in self.task.parts and appearance.object != SOURCE.object:
            raise ValueError(f"this world shows {', '.join(self.task.parts)}, and no object")
        return appearance


class MujocoReacher(MujocoWorld):
    """``MujocoWorld`` of ``Reacher``."""

    task = Reacher()


class MujocoPusher(MujocoWorld):
    """``MujocoWorld`` of ``Pusher``."""

    task = Pusher()


class MujocoRelocate(MujocoWorld):
    """``MujocoWorld`` of ``Relocate``."""

    task = Relocate()
