"""The shipped Beta-VAE in rl_zoo3: a ``--conf-file`` for PPO.

    python -m rl_zoo3.train --algo ppo --env bvae_rl/PlanarReach-v0 --gym-packages bvae_rl.envs
        --conf-file examples/rl_zoo3_config.py

rl_zoo3 executes this file, not knowing for which algorithm: for SAC there is
``rl_zoo3_config_sac.py``. It hands ``policy_kwargs`` on as they are. Four things to know:

- A schedule is a string, "lin_0.001" (from 0.001 to 0); functions are refused.
- ``frame_stack`` works. ``normalize: True`` means the frames too and raises an error; rewards
  alone are ``{"norm_obs": False}``.
- ``--optimize-hyperparameters`` samples ``policy_kwargs`` anew and so silently trains SB3's own
  NatureCNN.
- The environment for evaluation is like the one for training; ``--eval-env-kwargs
  "domain:'ood1'"`` evaluates in appearances that the agent never saw.
"""

from torch import nn

import bvae_rl

hyperparams = {
    "bvae_rl/PlanarReach-v0": {  # the values of bvae_rl.agents.hyperparameters, which says why
        "policy": "CnnPolicy",
        "policy_kwargs": {
            **bvae_rl.policy_kwargs("reach_pairs"),
            "activation_fn": nn.ReLU,
            "log_std_init": -0.7,
        },
        "n_timesteps": 100_000,
        "n_envs": 8,
        "n_steps": 125,
        "batch_size": 250,
        "n_epochs": 5,
        "learning_rate": "lin_0.001",
        "gamma": 0.9,
        "gae_lambda": 0.95,
        "ent_coef": 0.0,
    }
}
