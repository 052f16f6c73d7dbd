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
