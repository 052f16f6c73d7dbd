"""MiniGrid worlds (Chevalier-Boisvert et al. 2023, arXiv 2306.13831) with known factors.

Any registered MiniGrid id whose things are the same in number in each episode, as RGB pictures.
``bvae_rl/MiniGrid-...-v0`` is ``make`` with the id of that name; any other in the source look:
``--wrappers bvae_rl.envs.minigrid:MiniGridWorld``.

Observations: ``Box(0, 255, (size, size, 3), uint8)``: the whole grid (``view="full"``) or what the
agent sees (``view="partial"``), in whole tiles, centred, on black. No mission text, no symbols.
Actions, reward, termination, truncation: those of the MiniGrid world.
Factors, all categorical: column, row and direction (0 right, 1 down, 2 left, 3 up) of the agent;
column and row of each thing (key, ball, box, door, goal); of a door also its state (0 open,
1 closed, 2 locked); ``carrying`` (0 nothing, k the k-th thing that can be picked up). A thing that
is carried, or a box that was opened, is at column -1, row -1. Then the colours of the look.
What is no factor belongs to the episode and is kept by ``set_factors``: walls, lava, colours of
things and, where these are drawn anew in each episode, their kinds (``thing1``, ``thing2``, ...).
Info: ``factors`` (K,), ``is_success`` (ended just now with a positive reward), ``look_set``.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.minigrid_env import MiniGridEnv

from bvae_rl.envs.grid_render import PARTS, GridLook, GridPainter, Lighting, sample_grid_look
from bvae_rl.envs.grid_state import EpisodeState
from bvae_rl.envs.looks import check_look_set
from bvae_rl.factors import FactorSpec, check_factors

VIEWS = ("full", "partial")
MIN_TILE = 3  # pixels; smaller ones show no boxes
MIN_DOOR_TILE = 5  # smaller ones show no open doors
PROBED = 4  # episodes looked at for what they have in common
UP = 3  # where the agent looks in its own view
LOOK_STREAM = 1  # looks have random numbers of their own, so that they never change the dynamics
LOOK_SPECS = tuple(FactorSpec(f"{part}_colour", role="look") for part in PARTS)


def make(
    world_id: str, *, looks: str = "source", size: int = 64, view: str = "full", **kwargs: Any
) -> MiniGridWorld:
    """The MiniGrid world with id ``world_id``; ``kwargs`` (max_steps, ...) are its own."""
    env = gym.make(world_id, disable_env_checker=True, **kwargs)
    return MiniGridWorld(env, looks=looks, size=size, view=view)


class MiniGridWorld(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """See the module's docstring. ``looks`` names the set from which each reset draws its look.

    TypeError for what is no MiniGrid world. ValueError for one that is wrapped into other
    observations, whose grid does not fit into ``size`` pixels, whose number of things changes from
    episode to episode, or whose boxes hide things.
    """

    def __init__(
        self, env: gym.Env, *, looks: str = "source", size: int = 64, view: str = "full"
    ) -> None:
        check_look_set(looks)
        if view not in VIEWS:
            raise ValueError(f"unknown view {view!r}; known: {', '.join(VIEWS)}")
        world = env.unwrapped
        if not isinstance(world, MiniGridEnv):
            raise TypeError(f"MiniGridWorld needs a MiniGrid world, got {env}")
        if env.observation_space != world.observation_space:
            raise ValueError(
                "MiniGridWorld draws its own pictures in place of the observations; give it the "
                f"world without other observation wrappers, got {env}"
            )
        gym.Wrapper.__init__(self, env)
        gym.utils.RecordConstructorArgs.__init__(self, looks=looks, size=size, view=view)
        across = max(world.width, world.height) if view == "full" else world.agent_view_size
        tile = size // across
        self.looks, self.size, self.view = looks, size, view
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._world = world
        self._painter, self._lighting = GridPainter(tile), Lighting()
        self._look_rng = np.random.default_rng()
        self._by_kind = True
        self._state, self.factor_specs = self._survey()
        doors = any(spec.name.startswith("door") for spec in self.factor_specs)
        if tile < (least := MIN_DOOR_TILE if doors else MIN_TILE):
            raise ValueError(
                f"{across} cells across {size} pixels are {tile} pixels each, and some things show "
                f"only from {least}; use size={least * across} or more, or view='partial'"
            )

    @property
    def look(self) -> GridLook:
        """The colours on show."""
        return self._painter.look

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        _, info = self.env.reset(seed=seed, options=options)
        self._state = EpisodeState(self._world, by_kind=self._by_kind)
        self._check_specs(self._state)
        if seed is not None:
            self._look_rng = np.random.default_rng([seed, LOOK_STREAM])
        self._painter.look = sample_grid_look(self.looks, self._look_rng)
        return self._frame(), {**info, **self._info(success=False)}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = self.env.step(action)
        told = self._info(success=terminated and float(reward) > 0)
        return self._frame(), float(reward), terminated, truncated, {**info, **told}

    def render(self) -> Any:
        """The frame, if the world was made with ``render_mode="rgb_array"``."""
        return self._frame() if self.render_mode == "rgb_array" else self.env.render()

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        return np.array([*self._state.read(), *self.look.u], dtype=np.float64)

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Independent factors, shape (K,): uniform over what this episode's walls leave free, no
        two things in a cell, and a look drawn from ``self.looks``.
        """
        state = self._state.sample(rng)
        return np.array([*state, *sample_grid_look(self.looks, rng).u], dtype=np.float64)

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        """Go to the given factors (K,), keeping walls and colours of things; the frame.

        ValueError where they are out of range or cannot be (a key in a wall); nothing has changed.
        """
        values = check_factors(factors, self.factor_specs)
        self._state.set([round(value) for value in values[: -len(PARTS)]])
        self._painter.look = GridLook(*np.clip(values[-len(PARTS) :], 0.0, 1.0).tolist())
        return self._frame()

    def _survey(self) -> tuple[EpisodeState, tuple[FactorSpec, ...]]:
        """The state before the first reset, and the factors that all episodes have."""
        for self._by_kind in (True, False):
            found = set()
            for seed in range(PROBED):
                self.env.reset(seed=seed)
                state = EpisodeState(self._world, by_kind=self._by_kind)
                found.add(state.specs())
            if len(found) == 1:
                self._world._np_random = None  # a reset without a seed stays a random one
                return state, (*state.specs(), *LOOK_SPECS)
        raise ValueError(
            f"the things in {self.env} change in number from episode to episode, and factors must "
            f"not; things seen at resets: {', '.join(sorted(_names(specs) for specs in found))}"
        )

    def _check_specs(self, state: EpisodeState) -> None:
        if (specs := state.specs()) != self.factor_specs[: -len(PARTS)]:
            raise ValueError(
                f"this episode of {self.env} has the factors {_names(specs)}, and the world was "
                f"made with {_names(self.factor_specs)}"
            )

    def _info(self, *, success: bool) -> dict[str, Any]:
        return {"factors": self.factors(), "is_success": success, "look_set": self.looks}

    def _frame(self) -> np.ndarray:
        picture = self._full() if self.view == "full" else self._partial()
        height, width = picture.shape[:2]
        if (height, width) == (self.size, self.size):
            return picture
        frame = np.zeros((self.size, self.size, 3), np.uint8)
        top, left = (self.size - height) // 2, (self.size - width) // 2
        frame[top : top + height, left : left + width] = picture
        return frame

    def _full(self) -> np.ndarray:
        world = self._world
        agent, direction = (int(world.agent_pos[0]), int(world.agent_pos[1])), int(world.agent_dir)
        lit = self._lighting.lit(world) if world.highlight else None
        return self._painter.paint(world.grid, agent, direction, lit=lit)

    def _partial(self) -> np.ndarray:
        grid, visible = self._world.gen_obs_grid()
        agent = (grid.width // 2, grid.height - 1)
        return self._painter.paint(grid, agent, UP, lit=visible.T)


def _names(specs: tuple[FactorSpec, ...]) -> str:
    return "(" + ", ".join(spec.name for spec in specs) + ")"
