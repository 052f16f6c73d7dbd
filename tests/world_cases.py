"""Worlds with known factors and what is asked of each; a further one is a row of ``WORLDS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from bvae_rl.envs.grid import world as minigrid
from bvae_rl.envs.grid.appearances import grid_domain
from bvae_rl.envs.highway.appearances import road_domain
from bvae_rl.envs.highway.highway import Highway
from bvae_rl.envs.mujoco.appearances import mujoco_domain
from bvae_rl.envs.mujoco.pusher import MujocoPusher
from bvae_rl.envs.mujoco.reacher import MujocoReacher
from bvae_rl.envs.mujoco.relocate import MujocoRelocate
from bvae_rl.envs.mujoco.world import MujocoWorld
from bvae_rl.envs.planar.push import PlanarPush
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.envs.planar.variations import planar_domain
from tests.domain_cases import holds
from tests.mujoco_cases import need_drawing


@dataclass(frozen=True)
class World:
    """How to make a world by the name of its visual domain, and what is asked of it."""

    make: Callable[[str], Any]
    shows: Callable[[Any, str], bool]  # whether the appearance on show belongs to a domain
    odd: dict[str, Any]  # a field of an appearance that none of the domains has
    part: str = "arm"  # one whose colour is a factor, where it is one
    other: str = "shape"  # a kind of change that leaves the odd field alone
    domains: tuple[str, ...] = ("source", "ood1", "ood2")  # disjoint
    seen: str = "pretrain"  # what encoders may see: no ood2
    one_stream: bool = False  # whether its colours and states share their random numbers
    step: float = 0.05  # the share of its range by which a factor has to move to be seen
    still: float | None = 0  # the action that does nothing, if there is one
    whole: bool = True  # whether the factors tell all that can be seen
    hidden: tuple[str, ...] = ()  # factors that something may cover, or the picture leave out


def planar(
    make: type[PlanarReach | PlanarPush], kinds: str, *, step: float, hidden: tuple[str, ...] = ()
) -> World:
    """A planar world that varies ``kinds`` of change."""
    return World(
        lambda domain: make(domain=domain, render_mode="rgb_array"),
        shows=lambda env, domain: holds(planar_domain(domain), env.appearance),
        odd={"brightness": 1.3},
        domains=(f"source{kinds}", f"ood1{kinds}", f"ood2{kinds}"),
        seen=f"pretrain{kinds}",
        step=step,
        hidden=hidden,
    )


def grid(kinds: str, **kwargs: Any) -> World:
    """A MiniGrid world, without walls that change, that varies ``kinds`` of change."""
    return World(
        lambda domain: minigrid.make(
            "MiniGrid-Empty-Random-6x6-v0",
            domain=domain,
            max_steps=40,
            render_mode="rgb_array",
            **kwargs,
        ),
        shows=lambda env, domain: holds(grid_domain(domain, env._tiles), env.appearance),
        odd={"floor": 0.8},
        part="wall",
        other="texture",
        domains=(f"source{kinds}", f"ood1{kinds}", f"ood2{kinds}"),
        seen=f"pretrain{kinds}",
        still=6,
    )


def mujoco(make: type[MujocoWorld], **kwargs: Any) -> World:
    """A MuJoCo world that varies every kind of change, in short episodes."""

    def world(domain: str) -> MujocoWorld:
        need_drawing()
        return make(domain=domain, max_steps=40, render_mode="rgb_array")

    return World(
        world,
        shows=lambda env, domain: holds(mujoco_domain(domain, make.parts), env.appearance),
        odd={"zoom": 1.5},
        other="light",
        domains=("source:all", "ood1:all", "ood2:all"),
        seen="pretrain:all",
        still=None,
        **kwargs,
    )


def highway() -> World:
    """The smallest highway: two lanes, two other vehicles for each, few steps and pixels."""
    small = {"screen_width": 300, "screen_height": 75, "scaling": 2.75}
    few = {"lanes_count": 2, "vehicles_count": 4, "duration": 20, "simulation_frequency": 2}

    def world(domain: str) -> Highway:
        pytest.importorskip("highway_env")
        return Highway(domain=domain, config={**small, **few}, render_mode="rgb_array")

    return World(
        world,
        shows=lambda env, domain: holds(road_domain(domain), env.appearance),
        odd={"zoom": 1.5},
        part="own",
        other="colours",
        step=0.1,
        still=None,
        whole=False,
    )


BEHIND = ("distractors", "distractor_phase")
PUSHED = ("disc_x", "disc_y", "goal_x", "goal_y")  # the arm may hide the disc, the disc the goal
COVERED = ("object_x", "object_y")  # by the arm
OUTSIDE = ("forearm_roll", "wrist_flex", "wrist_roll")  # of the picture, in one state of twenty
HUES = ":hue+shape+texture+distractors+camera+light+noise"
WORLDS = {
    "reach": replace(planar(PlanarReach, "", step=0.05), one_stream=True),
    "reach-all": planar(PlanarReach, ":all", step=0.05, hidden=BEHIND),
    "push": planar(PlanarPush, "", step=0.1, hidden=PUSHED),
    "push-hues": planar(PlanarPush, HUES, step=0.1, hidden=(*PUSHED, *BEHIND)),
    "minigrid": grid(""),
    "minigrid-all": grid(":all", thing_colours=True),
    "mujoco-reacher": mujoco(MujocoReacher),
    "mujoco-pusher": mujoco(MujocoPusher, step=0.1, hidden=(*COVERED, *OUTSIDE)),
    "mujoco-relocate": mujoco(MujocoRelocate, step=0.1, whole=False),
    "highway": highway(),
}

every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
property_test = settings(max_examples=25, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


def made(world: World, domain: str | None = None) -> Any:
    env = world.make(domain or world.seen)
    env.reset(seed=0)
    return env


def drawn(env: Any, seed: int) -> np.ndarray:
    return env.sample_factors(np.random.default_rng(seed))
