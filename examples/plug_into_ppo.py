"""PPO on pictures through a pretrained Beta-VAE: all it takes is ``policy_kwargs``.

The encoder is frozen; only the small networks behind it learn. About half a minute on one core.
"""

from __future__ import annotations

from pathlib import Path

import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import bvae_rl

ENV = "bvae_rl.envs:bvae_rl/PlanarReach-v0"  # 64x64 pictures; the part before ":" registers it


def score(model: PPO) -> float:
    """Mean return of 30 fixed episodes."""
    return evaluate_policy(model, make_vec_env(ENV, n_envs=10, seed=1000), n_eval_episodes=30)[0]


def main(steps: int = 15_000, out: Path = Path("runs/examples/ppo")) -> None:
    venv = make_vec_env(ENV, n_envs=8, seed=0)
    model = PPO(
        "CnnPolicy",
        venv,
        # a VAE that comes with bvae_rl; yours would be a BetaVAE or its folder, "runs/vae"
        policy_kwargs=bvae_rl.policy_kwargs("reach_pairs"),
        n_steps=125, batch_size=250, n_epochs=5, learning_rate=1e-3, gamma=0.9, seed=0,
    )  # fmt: skip
    before = score(model)
    model.learn(steps)
    print(f"return: {before:.1f} before, {score(model):.1f} after {model.num_timesteps} steps")
    bvae_rl.inspect(model)  # which encoders there are, and whether they are still those of the VAE
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "agent")
    print(f"saved {out / 'agent.zip'}, which holds the encoder too")


if __name__ == "__main__":
    tyro.cli(main)
