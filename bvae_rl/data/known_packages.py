"""Packages whose environments people train on, found by how their ids begin.

For the hint about an unknown id: which module registers it, and what to install.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple

from bvae_rl.runtime.dm_control import fit_dm_control


class KnownPackage(NamedTuple):
    """Where the environments of some ids come from.

    ``module`` has to be importable; ``requirement`` is what pip installs, an extra of ours where
    there is one. ``registers``: gymnasium knows the ids only once ``module`` has been imported, so
    an id is written as ``module:Id-v0``; otherwise gymnasium has them, and only their physics is
    missing. ``prepare`` is called before one is made; an ImportError of it is left to the making.
    """

    module: str
    requirement: str
    registers: bool = True
    prepare: Callable[[], None] | None = None


_ATARI = KnownPackage("ale_py", "bvae-rl[atari]")
_BOX2D = KnownPackage("Box2D", "bvae-rl[box2d]", registers=False)
_BULLET = KnownPackage("pybullet_envs_gymnasium", "pybullet-envs-gymnasium")
_HIGHWAY = KnownPackage("highway_env", "bvae-rl[highway]")
_MINIGRID = KnownPackage("minigrid", "minigrid")
_MUJOCO = KnownPackage("mujoco", "bvae-rl[robotics]", registers=False)
_ROBOTICS = KnownPackage("gymnasium_robotics", "bvae-rl[robotics]")

#: How an id begins (without ``module:``), and the package it comes from.
KNOWN_PACKAGES: dict[str, KnownPackage] = {
    "bvae_rl/": KnownPackage("bvae_rl.envs", "bvae-rl"),
    "ALE/": _ATARI,
    "BipedalWalker": _BOX2D,
    "CarRacing": _BOX2D,
    "LunarLander": _BOX2D,
    "MiniGrid-": _MINIGRID,
    "BabyAI-": _MINIGRID,
    "exit-": _HIGHWAY,
    "highway-": _HIGHWAY,
    "intersection-": _HIGHWAY,
    "lane-keeping-": _HIGHWAY,
    "merge-": _HIGHWAY,
    "parking-": _HIGHWAY,
    "racetrack-": _HIGHWAY,
    "roundabout-": _HIGHWAY,
    "two-way-": _HIGHWAY,
    "u-turn-": _HIGHWAY,
    "Ant-": _MUJOCO,
    "HalfCheetah-": _MUJOCO,
    "Hopper-": _MUJOCO,
    "Humanoid-": _MUJOCO,
    "HumanoidStandup-": _MUJOCO,
    "InvertedDoublePendulum-": _MUJOCO,
    "InvertedPendulum-": _MUJOCO,
    "Pusher-": _MUJOCO,
    "Reacher-": _MUJOCO,
    "Swimmer-": _MUJOCO,
    "Walker2d-": _MUJOCO,
    "AdroitHand": _ROBOTICS,
    "AntMaze_": _ROBOTICS,
    "Fetch": _ROBOTICS,
    "FrankaKitchen": _ROBOTICS,
    "HandManipulate": _ROBOTICS,
    "HandReach": _ROBOTICS,
    "PointMaze_": _ROBOTICS,
    "dm_control/": KnownPackage("shimmy", "bvae-rl[dm-control]", prepare=fit_dm_control),
    # No extras of ours from here on: each brings packages that those of constraints.txt exclude
    # (pygame beside pygame-ce, another MuJoCo), or a screen or a simulator of its own.
    "FlappyBird-": KnownPackage("flappy_bird_gymnasium", "flappy-bird-gymnasium"),
    "Meta-World/": KnownPackage("metaworld", "metaworld"),
    "MiniWorld-": KnownPackage("miniworld", "miniworld"),
    "NetHack": KnownPackage("nle", "nle"),
    "Panda": KnownPackage("panda_gym", "panda-gym"),
    "Vizdoom": KnownPackage("vizdoom.gymnasium_wrapper", "vizdoom"),
    "gym_aloha/": KnownPackage("gym_aloha", "gym-aloha"),
    "gym_pusht/": KnownPackage("gym_pusht", "gym-pusht"),
    "gym_xarm/": KnownPackage("gym_xarm", "gym-xarm"),
}

#: Parts in the middle of an id that tell as much: Atari's older names, and Bullet's robots.
_WITHIN = {"NoFrameskip-v": _ATARI, "BulletEnv-v": _BULLET}


def known_package(env_id: str) -> KnownPackage | None:
    """The package that ``env_id`` (with or without ``module:``) comes from, or None."""
    name = env_id.rpartition(":")[2]
    for part, package in _WITHIN.items():
        if part in name:
            return package
    starts = [start for start in KNOWN_PACKAGES if name.startswith(start)]
    return KNOWN_PACKAGES[max(starts, key=len)] if starts else None


def import_home(env_id: str) -> None:
    """Import the package that registers ``env_id``, where known and installed; and prepare it."""
    package = known_package(env_id)
    if package is None:
        return
    with suppress(ImportError):
        if package.prepare is not None:
            package.prepare()
        if package.registers and ":" not in env_id:
            import_module(package.module)
