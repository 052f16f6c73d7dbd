"""MiniGrid worlds (Chevalier-Boisvert et al. 2023, arXiv 2306.13831) with known factors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.core.constants import IDX_TO_COLOR
from minigrid.minigrid_env import MiniGridEnv

from bvae_rl.envs.factors import appearance_rng, reset_options, split_factors
from bvae_rl.envs.grid.appearances import GridAppearance, Tiles, check_things, grid_domain
from bvae_rl.envs.grid.render import GridPainter
from bvae_rl.envs.grid.rules import check_state, draw_state
from bvae_rl.envs.grid.state import Episode, GridState, state_specs
from bvae_rl.envs.grid.things import Slot, counts, found_in, slots
from bvae_rl.envs.grid.view import Sight

VIEWS = ("full", "partial")
ARGUMENTS = ("domain", "size", "view", "thing_colours", "indistinct")
MIN_TILE = 3  # pixels; smaller ones show no boxes
MIN_DOOR_TILE = 5  # smaller ones show no open doors
PROBED = 16  # episodes looked at for what they have in common
UP = 3  # the direction of the agent in its own view


def make(world_id: str, **kwargs: Any) -> MiniGridWorld:
    """The MiniGrid world with id ``world_id``; ``kwargs`` are those of ``MiniGridWorld``, and the
    world's own (max_steps, ...).
    """
    ours = {name: kwargs.pop(name) for name in ARGUMENTS if name in kwargs}
    return MiniGridWorld(gym.make(world_id, disable_env_checker=True, **kwargs), **ours)


class MiniGridWorld(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """A MiniGrid or BabyAI world as RGB pictures, with known factors.

    ``bvae_rl/MiniGrid-...-v0`` is ``make`` with the id of that name; any other world that is a
    ``MiniGridEnv`` is wrapped by ``--wrappers bvae_rl.envs.grid.world:MiniGridWorld``.

    ## Description
    The whole grid (``view="full"``) or what the agent sees (``view="partial"``), in whole tiles,
    centred, on black. No mission text, no symbols. Each reset draws an appearance of the visual
    domain. What is no factor belongs to the episode and is kept by ``set_factors``: walls, lava,
    colours of things, the cell that Memory rewards and, where these are drawn anew in each episode,
    the kinds of things (``thing1``, ``thing2``, ...). Rewards and missions follow the things that
    are moved.

    ## Action Space
    That of the MiniGrid world.

    ## Observation Space
    ``Box(0, 255, (size, size, 3), uint8)``, RGB. Factors, all categorical: column, row and
    direction (0 right, 1 down, 2 left, 3 up) of the agent; column and row of each thing (key, ball,
    box, door, goal); of a door also its state (0 open, 1 closed, 2 locked); with ``thing_colours``
    its colour (number in minigrid's ``COLOR_TO_IDX``); ``carrying`` (0 nothing, k the k-th thing
    that can be picked up); then those of the appearance. A thing that is carried or hidden in a
    box, or a box that was opened, is at column -1, row -1. Where the number of things changes from
    episode to episode there are factors for the most that were seen, all -1 for a thing that is not
    there.

    ## Rewards
    Those of the MiniGrid world. Success: a step that terminated with a positive reward.

    ## Termination
    That of the MiniGrid world; so is truncation.

    ## Arguments
    ``domain``: a visual domain (``envs.domains``; kinds in ``grid.appearances``); ``size``: pixels
    of a side; ``view``; ``thing_colours``: colours of things are factors; ``indistinct``: lets
    ``set_factors`` give things colours by which they cannot be told apart. TypeError for what is no
    MiniGrid world. ValueError for one that is wrapped into other observations, whose grid does not
    fit into ``size`` pixels, or whose colours cannot be factors.
    """

    def __init__(
        self,
        env: gym.Env,
        *,
        domain: str = "source",
        size: int = 64,
        view: str = "full",
        thing_colours: bool = False,
        indistinct: bool = False,
    ) -> None:
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
        gym.utils.RecordConstructorArgs.__init__(
            self,
            domain=domain,
            size=size,
            view=view,
            thing_colours=thing_colours,
            indistinct=indistinct,
        )
        self.domain, self.size, self.view = domain, size, view
        self.thing_colours, self.indistinct = thing_colours, indistinct
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 3), np.uint8)
        self._world = world
        self._sight = Sight(world)
        self._sight.speed_up()
        self._slots = self._survey()
        if thing_colours and hasattr(world, "instrs"):
            raise ValueError(
                f"thing_colours=True is not possible in {env}: what BabyAI's instructions speak of "
                "is fixed by its colour at the reset"
            )
        self._tiles = self._tile_sizes()
        self._domain = grid_domain(domain, self._tiles)
        self._painter = GridPainter(self._domain.source)
        self._appearance_rng = np.random.default_rng()
        self._episode = Episode(world, self._slots, colours=thing_colours)
        world._np_random = None  # a reset without a seed stays a random one
        state = state_specs(world, self._slots, colours=thing_colours)
        self.factor_specs = (*state, *self._domain.specs)

    @property
    def appearance(self) -> GridAppearance:
        """The appearance on show."""
        return self._painter.appearance

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        given = reset_options(options, self.factor_specs, self._domain.source)
        if (tile := given.shown(self._domain.source).tile) > self._tiles.largest:
            raise ValueError(
                f"an appearance with a tile of {tile} pixels does not fit: {self._tiles}; use "
                f"GridAppearance(tile={self._tiles.largest}, ...) or less"
            )
        _, info = self.env.reset(seed=seed)
        self._episode = Episode(self._world, self._slots, colours=self.thing_colours)
        if seed is not None:
            self._appearance_rng = appearance_rng(seed)
        self.domain = self._domain.name
        self._painter.appearance = given.shown(self._domain.sample(self._appearance_rng))
        if given.of_state or given.of_appearance:
            drawn = zip(self.factor_specs, self.factors(), strict=True)
            self.set_factors([given.of_state.get(spec.name, value) for spec, value in drawn])
        return self._frame(), {**info, **self._info(success=False)}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, reward, terminated, truncated, info = self.env.step(action)
        info = {**info, **self._info(success=terminated and float(reward) > 0)}
        return self._frame(), float(reward), terminated, truncated, info

    def render(self) -> Any:
        """The frame, if the world was made with ``render_mode="rgb_array"``."""
        return self._frame() if self.render_mode == "rgb_array" else self.env.render()

    def switch(self, domain: str, *, seed: int | None = None) -> np.ndarray:
        """Show the present state in an appearance of another visual domain, and return the frame:
        as ``World.switch``.
        """
        other = grid_domain(domain, self._tiles)
        rng = self._appearance_rng if seed is None else appearance_rng(seed)
        self._painter.appearance, self.domain = other.sample(rng), other.name
        return self._frame()

    def factors(self) -> np.ndarray:
        """The current factors in the order of ``factor_specs``, shape (K,)."""
        state = self._episode.numbers(self._episode.read())
        return np.array([*state, *self._domain.factors(self.appearance)], dtype=np.float64)

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        """Independent factors, shape (K,): uniform over what this episode's walls leave free, no
        two things in a cell, and an appearance of the domain.
        """
        state = self._episode.numbers(draw_state(self._episode, rng))
        appearance = self._domain.factors(self._domain.sample(rng))
        return np.array([*state, *appearance], dtype=np.float64)

    def set_factors(self, factors: np.ndarray | Sequence[float]) -> np.ndarray:
        """Go to the given factors (K,), keeping all else, and return the frame.

        ValueError where they are out of range or cannot be (a key in a wall), or where things could
        not be told apart; nothing has changed then.
        """
        values, appearance = split_factors(factors, self.factor_specs, self.appearance)
        state = self._episode.state([round(value) for value in values])
        check_state(self._episode, state, indistinct=self.indistinct)
        if self.thing_colours:
            check_things(appearance, self._coloured(state), allow=self.indistinct)
        self._episode.set(state)
        self._painter.appearance = appearance
        return self._frame()

    def _survey(self) -> tuple[Slot, ...]:
        """The things that some episodes have; ends in an episode of its own."""
        episodes = []
        for seed in range(PROBED):
            try:
                self.env.reset(seed=seed)
            except FileNotFoundError as error:
                raise ValueError(
                    f"{self.env} needs {Path(error.filename).name}, which this release of minigrid "
                    "does not ship; choose another world"
                ) from error
            episodes.append(counts(found_in(self._world)))
        return slots(self._world, episodes)

    def _tile_sizes(self) -> Tiles:
        doors = any(slot.is_door for slot in self._slots)
        world, least = self._world, MIN_DOOR_TILE if doors else MIN_TILE
        full = self.view == "full"
        across = max(world.width, world.height) if full else world.agent_view_size
        tiles = Tiles(across, self.size, least)
        if tiles.largest < least:
            raise ValueError(
                f"{tiles}, and some things show only from {least}; use size={least * across} or "
                f"more{', or view=' + repr('partial') if full else ''}"
            )
        return tiles

    def _coloured(self, state: GridState) -> dict[str, tuple[str, str]]:
        """Kind and colour of each thing that can be seen in ``state``, by its name."""
        return {
            slot.name: (thing.type, IDX_TO_COLOR[place.colour])
            for slot, thing, place in zip(
                self._slots, self._episode.things, state.places, strict=True
            )
            if thing
        }

    def _info(self, *, success: bool) -> dict[str, Any]:
        return {"factors": self.factors(), "is_success": success, "domain": self.domain}

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
        agent = int(world.agent_pos[1]) * world.width + int(world.agent_pos[0])
        lit = self._sight.lit() if world.highlight else None
        return self._painter.paint(
            world.grid.grid, world.width, agent, int(world.agent_dir), lit=lit
        )

    def _partial(self) -> np.ndarray:
        cells, visible = self._sight.view()
        side = self._world.agent_view_size
        return self._painter.paint(cells, side, self._sight.agent, UP, lit=visible)
