"""``rl_zoo3_config.py`` for SAC: the same command with ``--algo sac`` and this file.

Slow, since each gradient step encodes its batch five times. ``LatentVecEnv`` encodes a frame once,
but rl_zoo3 builds wrappers from plain values and cannot hand it a VAE.
"""

import bvae_rl

hyperparams = {
    "bvae_rl/PlanarReach-v0": {
        "policy": "CnnPolicy",
        "policy_kwargs": bvae_rl.policy_kwargs("reach_pairs"),
        "n_timesteps": 10_000,
        "n_envs": 1,
        "batch_size": 256,
        "buffer_size": 10_000,  # a transition of two frames is 25 kB
        "learning_starts": 1_000,
        "train_freq": 1,
        "gradient_steps": 1,
        "learning_rate": 3e-4,
        "gamma": 0.9,
    }
}
