"""From an environment of your own to an agent: collect frames, pretrain a VAE, plug it in.

Any environment whose observation is a picture (sides of 16 pixels and more) will
do. About half a minute on one core. For environments that are registered with gymnasium there are
the commands ``bvae-rl collect`` and ``bvae-rl pretrain``.

A class in the file that you run cannot be unpickled elsewhere. That does not matter for ``Catch``,
since a model's zip holds no environment; an extractor or an activation of your own is in it, and
belongs in a module that can be imported (those of bvae_rl are).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import bvae_rl
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Linear


class Catch(gym.Env):
    """A ball falls; the bar below moves left, stays or moves right, and earns 1 under the ball."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.x, self.bar = self.np_random.integers(4, 29, size=2)
        self.y = 4
        return self.picture(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.bar = np.clip(self.bar + 3 * (action - 1), 4, 28)
        self.y += 2
        under = abs(self.x - self.bar) <= 3
        return self.picture(), float(under), self.y >= 22, False, {}

    def picture(self) -> np.ndarray:
        frame = np.full((32, 32, 3), 30, np.uint8)
        frame[self.y - 4 : self.y + 4, self.x - 4 : self.x + 4] = (250, 220, 40)
        frame[26:, self.bar - 4 : self.bar + 4] = (60, 160, 250)
        return frame


def score(model: PPO) -> float:
    """Mean return of 100 fixed episodes, between 0 and 9."""
    return evaluate_policy(model, make_vec_env(Catch, n_envs=10, seed=9), n_eval_episodes=100)[0]


def main(steps: int = 10_000, out: Path = Path("runs/examples/own"), vae_steps: int = 500) -> None:
    venv = make_vec_env(Catch, n_envs=8, seed=0)
    # by a random policy; resumes if it was interrupted
    store = bvae_rl.collect(venv, out / "frames", frames=4000)

    # left to itself, pretrain takes the best recipe that the frames allow; here all is chosen
    config = bvae_rl.VAEConfig(shape=store.shape, latent_dim=8, channels=(16, 32, 32), hidden=64)
    objective = BetaVAEObjective(Linear(0.0, 1.0, vae_steps // 2))  # beta over training steps
    vae = bvae_rl.pretrain(store, config, objective, steps=vae_steps, out=out / "vae")
    metrics = vae.meta["scores"]["validation"]  # on frames that were held out
    print(
        f"VAE: {metrics['vae/active_latents']} of {config.latent_dim} latents active, "
        f"evidence lower bound {metrics['vae/elbo']:.0f} nats, after {vae_steps} steps"
    )

    kwargs = bvae_rl.policy_kwargs(vae)
    model = PPO("CnnPolicy", venv, policy_kwargs=kwargs, n_steps=128, learning_rate=1e-3, seed=0)
    before = score(model)
    model.learn(steps)
    print(f"return: {before:.1f} before, {score(model):.1f} after {model.num_timesteps} steps")
    model.save(out / "agent")


if __name__ == "__main__":
    tyro.cli(main)
