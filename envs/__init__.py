"""Worlds whose factors are known. Importing this package registers them with gymnasium.

In a fresh process (``SubprocVecEnv``) name the package with the id:
``"bvae_rl.envs:bvae_rl/PlanarReach-v0"``.
"""

from gymnasium.envs.registration import register

register(
    id="bvae_rl/PlanarReach-v0",
    entry_point="bvae_rl.envs.reach:PlanarReach",
)

register(
    id="bvae_rl/PlanarPush-v0",
    entry_point="bvae_rl.envs.push:PlanarPush",
)
for name in (
    "Empty-8x8",
    "Empty-Random-6x6",
    "DoorKey-6x6",
    "DoorKey-8x8",
    "FourRooms",
    "Dynamic-Obstacles-Random-6x6",
    "Dynamic-Obstacles-8x8",
    "PutNear-6x6-N2",
    "PutNear-8x8-N3",
):
    register(
        id=f"bvae_rl/MiniGrid-{name}-v0",
        entry_point="bvae_rl.envs.minigrid:make",
        kwargs={"world_id": f"MiniGrid-{name}-v0"},
    )
