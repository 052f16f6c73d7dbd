"""Worlds that SB3's users have, from packages of others: installed, and drawn without a screen."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.known_packages import known_package

WORLDS = {
    "ale_py:ALE/Pong-v5": (210, 160, 3),
    "ale_py:PongNoFrameskip-v4": (210, 160, 3),
    "CarRacing-v3": (400, 600, 3),
    "highway_env:highway-fast-v0": (150, 600, 3),
}


@pytest.mark.parametrize("env_id", WORLDS)
def test_a_known_world_runs_and_draws(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)  # highway-env is black with its dummy
    env = EnvConfig(env_id, kwargs=("render_mode=rgb_array",)).make()
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(3):
        env.step(env.action_space.sample())
    picture = env.render()
    env.close()
    assert picture.shape == WORLDS[env_id] and picture.dtype == np.uint8
    assert picture.std() > 5


def test_what_the_table_says_is_where_the_ids_come_from() -> None:
    for name in ("ale_py", "highway_env", "gymnasium_robotics", "minigrid"):
        pytest.importorskip(name)
    ours = {"ale_py", "Box2D", "highway_env", "minigrid", "mujoco", "gymnasium_robotics"}
    found = set()
    for env_id, spec in gym.registry.items():
        package = known_package(env_id)
        if package is None or (package.module == "mujoco" and env_id.endswith(("-v2", "-v3"))):
            continue  # MuJoCo's oldest ids have moved to gymnasium_robotics
        entry = spec.entry_point
        if isinstance(entry, partial):  # shimmy's
            entry = entry.func
        home = entry if isinstance(entry, str) else entry.__module__
        home = home.partition(":")[0].partition(".")[0]
        module = package.module.partition(".")[0]
        assert home == (module if package.registers else "gymnasium"), env_id
        found.add(package.module)
    assert found >= ours


@pytest.mark.parametrize(
    ("env_id", "requirement"),
    [
        ("ALE/Pong-v5", "bvae-rl[atari]"),
        ("PongNoFrameskip-v4", "bvae-rl[atari]"),
        ("ale_py:ALE/Breakout-v5", "bvae-rl[atari]"),
        ("CarRacing-v3", "bvae-rl[box2d]"),
        ("dm_control/cartpole-swingup-v0", "bvae-rl[dm-control]"),
        ("highway-fast-v0", "bvae-rl[highway]"),
        ("HumanoidStandup-v5", "bvae-rl[robotics]"),
        ("HopperBulletEnv-v0", "pybullet-envs-gymnasium"),
        ("CartPole-v1", None),
        ("bvae_rl.envs:bvae_rl/PlanarReach-v0", "bvae-rl"),
    ],
)
def test_an_id_tells_what_to_install(env_id: str, requirement: str | None) -> None:
    package = known_package(env_id)
    assert (package and package.requirement) == requirement
