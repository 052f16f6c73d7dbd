"""Worlds whose factors are known. Importing this package registers them with gymnasium.

In a fresh process (``SubprocVecEnv``) name the package with the id:
``"bvae_rl.envs:bvae_rl/PlanarReach-v0"``.
"""

from gymnasium.envs.registration import register

from bvae_rl.envs.grid.ids import GRID_WORLDS

register(
    id="bvae_rl/PlanarReach-v0",
    entry_point="bvae_rl.envs.planar.reach:PlanarReach",
)

register(
    id="bvae_rl/PlanarPush-v0",
    entry_point="bvae_rl.envs.planar.push:PlanarPush",
)
for world_id, size in GRID_WORLDS.items():
    register(
        id=f"bvae_rl/{world_id}",
        entry_point="bvae_rl.envs.grid.world:make",
        kwargs={"world_id": world_id, "size": size},
    )
for name in ("Reacher", "Pusher", "Relocate"):
    register(id=f"bvae_rl/Mujoco{name}-v0", entry_point=f"bvae_rl.envs.mujoco.world:Mujoco{name}")
