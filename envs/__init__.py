"""Worlds whose factors are known. Importing this package registers them with gymnasium.

In a fresh process (``SubprocVecEnv``) name the package with the id:
``"bvae_rl.envs:bvae_rl/PlanarReach-v0"``.

Shared by all families, in the order of reading: ``appearance`` (one way to show a world),
``domains`` (source, ood1, ood2, pretrain, and what varies in them), ``factors`` (options of
``reset``; state factors before appearance factors), ``world`` (the base of all but the grid
worlds). Then one folder a family: ``planar`` (an arm drawn by OpenCV), ``grid`` (MiniGrid and
BabyAI), ``mujoco`` (tasks of gymnasium and gymnasium-robotics), ``control`` (tasks of the DeepMind
Control Suite), ``car_racing`` (gymnasium's), ``atari`` (games of ale-py), ``highway`` (driving of
highway-env).
"""

from gymnasium.envs.registration import register

from bvae_rl.envs.grid.ids import GRID_WORLDS

for name in ("reach", "push"):
    world = f"Planar{name.capitalize()}"
    register(id=f"bvae_rl/{world}-v0", entry_point=f"bvae_rl.envs.planar.{name}:{world}")
for world_id, size in GRID_WORLDS.items():
    register(
        id=f"bvae_rl/{world_id}",
        entry_point="bvae_rl.envs.grid.world:make",
        kwargs={"world_id": world_id, "size": size},
    )
for name in ("reacher", "pusher", "relocate"):
    world = f"Mujoco{name.capitalize()}"
    register(id=f"bvae_rl/{world}-v0", entry_point=f"bvae_rl.envs.mujoco.{name}:{world}")
register(id="bvae_rl/CarRacing-v0", entry_point="bvae_rl.envs.car_racing.world:CarRacing")
for name in ("highway", "intersection"):
    world = name.capitalize()
    register(id=f"bvae_rl/{world}-v0", entry_point=f"bvae_rl.envs.highway.{name}:{world}")
for name in ("pong", "breakout", "freeway", "boxing"):
    register(
        id=f"bvae_rl/{name.capitalize()}-v0",
        entry_point="bvae_rl.envs.atari.world:AtariWorld",
        kwargs={"game": name},
    )
for name, world in (
    ("cartpole", "CartpoleSwingup"),
    ("reacher", "ReacherEasy"),
    ("walker", "WalkerWalk"),
    ("finger", "FingerSpin"),
):
    register(id=f"bvae_rl/{world}-v0", entry_point=f"bvae_rl.envs.control.{name}:{world}")
