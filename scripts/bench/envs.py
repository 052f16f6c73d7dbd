"""``bvae-rl bench envs``: frames a second of every kind of world, 64x64x3, in one process.

Planar worlds in ood2 of each kind of change and of all at once; MiniGrid beside the library's own
picture wrappers with the same tiles; MuJoCo if it is installed. Random actions, resets included:
with episodes of 50 steps appearances are drawn often. Where EnvPool and Box2D are installed, in
turn: CarRacing in Python, and ``CARS`` of them by EnvPool with one thread and with two.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
from minigrid.wrappers import RGBImgObsWrapper, RGBImgPartialObsWrapper
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.envpool.environments import EnvPoolVecEnv
from bvae_rl.envs.planar.variations import KINDS
from bvae_rl.scripts.bench.figures import Figure, frames_per_second, functions, ratio

PLANAR = ("PlanarReach", "PlanarPush")
GRIDS = ("Empty-8x8", "DoorKey-8x8", "FourRooms", "PutNear-8x8-N3")
SIZE = 64
OTHERS = {"full": RGBImgObsWrapper, "partial": RGBImgPartialObsWrapper}
PLANAR_TARGET, GRID_TARGET = 3000.0, 2.0
CAR, CARS, THREADS = "CarRacing-v3", 8, (1, 2)


@dataclass(frozen=True)
class Sizes:
    """How many steps of each world are timed in a round."""

    planar: int = 1000
    grid: int = 500
    mujoco: int = 100
    car: int = 200


SIZES = Sizes()


class Bench:
    """Every world that is timed, made and reset."""

    def __init__(self) -> None:
        self.sizes = SIZES
        self.worlds: dict[str, gym.Env] = {}
        self.steps: dict[str, int] = {}
        for world in PLANAR:
            for kind in (*KINDS, "all"):
                domain = f"ood2:{kind}"
                self._add(f"{world}, {domain}", f"{world}-v0", self.sizes.planar, domain=domain)
        for world in GRIDS:
            for view in OTHERS:
                name = f"MiniGrid-{world}, {view}"
                self._add(name, f"MiniGrid-{world}-v0", self.sizes.grid, view=view)
                self._start(_library(name), library_world(world, view), self.sizes.grid)
        self.pools: dict[str, VecEnv] = {}
        if find_spec("envpool") is not None and find_spec("Box2D") is not None:
            self._start(CAR, EnvConfig(CAR).make(), self.sizes.car)
            self.pools = {_fast(n): EnvPoolVecEnv(CAR, CARS, threads=n) for n in THREADS}
        if find_spec("mujoco") is not None:
            for env_id in sorted(id for id in gym.registry if id.startswith("bvae_rl/Mujoco")):
                name = env_id.removeprefix("bvae_rl/").removesuffix("-v0")
                self._add(f"{name}, source", f"{name}-v0", self.sizes.mujoco)

    def figures(self, rounds: int) -> list[Figure]:
        """Time all in turn, ``rounds`` times."""
        timed: dict[str, list[float]] = {name: [] for name in (*self.worlds, *self.pools)}
        for _ in range(rounds):
            for name in timed:
                timed[name].append(self._rate(name))
        figures = {
            name: Figure(name, tuple(rates), "frames/s", self._target(name))
            for name, rates in timed.items()
        }
        ratios = [
            ratio(f"{name} / the library's", figure, figures[_library(name)], GRID_TARGET,
                  at_most=False)
            for name, figure in figures.items()
            if _library(name) in figures
        ]  # fmt: skip
        ratios += [ratio(f"{name} / Python's", figures[name], figures[CAR]) for name in self.pools]
        return [*figures.values(), *ratios]

    def profile(self, name: str) -> list[str]:
        """Where the time behind the figure called ``name`` goes, a line each."""
        return functions(partial(self._rate, name.partition(" / ")[0]))

    def _add(self, name: str, world: str, steps: int, **kwargs: Any) -> None:
        env = gym.make(f"bvae_rl/{world}", disable_env_checker=True, **kwargs)
        self._start(name, env, steps)

    def _start(self, name: str, env: gym.Env, steps: int) -> None:
        env.action_space.seed(0)
        env.reset(seed=0)
        self.worlds[name], self.steps[name] = env, steps

    def _rate(self, name: str) -> float:
        if name in self.pools:
            return _many(self.pools[name], self.sizes.car)
        return frames_per_second(self.worlds[name], self.steps[name])

    def _target(self, name: str) -> float | None:
        return PLANAR_TARGET if name.startswith(PLANAR) else None


def _fast(threads: int) -> str:
    return f"{CAR}, {CARS} by EnvPool, threads: {threads}"


def _many(venv: VecEnv, steps: int) -> float:
    """Frames a second of ``steps`` random actions in each of several environments."""
    venv.reset()
    space = venv.action_space
    actions = np.array([[space.sample() for _ in range(venv.num_envs)] for _ in range(steps)])
    began = time.perf_counter()
    for action in actions:
        venv.step(action)
    return steps * venv.num_envs / (time.perf_counter() - began)


def _library(name: str) -> str:
    return f"{name}, the library's wrapper"


def library_world(world: str, view: str) -> gym.Env:
    """minigrid's own pictures of a world, in as large tiles as fit."""
    env = gym.make(f"MiniGrid-{world}-v0", disable_env_checker=True)
    wrapper: Callable[..., gym.Env] = OTHERS[view]
    grid = env.unwrapped
    across = max(grid.width, grid.height) if view == "full" else grid.agent_view_size  # type: ignore[attr-defined]
    return wrapper(env, tile_size=SIZE // across)
