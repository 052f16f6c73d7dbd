"""CarRacing from nothing: frames, a Beta-VAE, PPO on its codes, and the return in other colours.

The world is gymnasium's ``CarRacing-v3`` with its dashboard, 64x64 pixels, steering and one pedal;
EnvPool runs it (``pip install -e ".[envpool]"``). Each action acts for four frames. The VAE sees
frames of held random actions in the task's own colours alone; it goes on where it was stopped, and
``--vae car_racing`` takes the one that is shipped instead. About half an hour on one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

import bvae_rl
from bvae_rl.data.envpool import EnvPoolVecEnv

PPO_SETTINGS: dict[str, Any] = {
    "n_steps": 256,
    "batch_size": 256,
    "n_epochs": 10,
    "gamma": 0.99,
    "learning_rate": LinearSchedule(5e-4, 0.0, 1.0),
    "policy_kwargs": {
        "net_arch": {"pi": [256, 256], "vf": [256, 256]},
        "activation_fn": torch.nn.ReLU,
        "log_std_init": -1.0,  # little noise: with more the car leaves the road
    },
}


def road(n_envs: int, seed: int, domain: str = "source") -> VecEnv:
    """``n_envs`` cars, each on a track of its own, in the colours of a visual domain."""
    return EnvPoolVecEnv(
        "bvae_rl.envs:bvae_rl/CarRacing-v0", n_envs, seed=seed, domain=domain, frame_skip=4,
        env_kwargs={"dashboard": True},
    )  # fmt: skip


def returns(model: PPO, vae: bvae_rl.BetaVAE, domain: str, episodes: int) -> np.ndarray:
    """Undiscounted returns (episodes,) of the deterministic agent, one episode a car."""
    cars = bvae_rl.LatentVecEnv(road(episodes, 10_000, domain), vae, frame_stack=4)
    codes, total, running = cars.reset(), np.zeros(episodes), np.ones(episodes, dtype=bool)
    while running.any():
        codes, rewards, dones, _ = cars.step(model.predict(codes, deterministic=True)[0])
        total += np.where(running, rewards, 0.0)
        running &= ~dones
    cars.close()
    return total


def main(
    steps: int = 300_000,
    frames: int = 40_000,
    vae_steps: int = 8_000,
    vae: str | None = None,
    n_envs: int = 16,
    episodes: int = 100,
    seed: int = 0,
    out: Path = Path("runs/examples/car_racing"),
) -> None:
    encoder = bvae_rl.from_pretrained(vae) if vae else bvae_rl.pretrain(
        road(n_envs, seed), out=out / "vae", recipe="plain:recon_weight=20", frames=frames,
        steps=vae_steps, seed=seed,
        policy="sticky", max_episode_steps=120, skip_steps=12, harden="none",
    )  # fmt: skip
    cars = bvae_rl.LatentVecEnv(road(n_envs, seed), encoder, frame_stack=4)
    scaled = VecNormalize(cars, norm_obs=False, gamma=PPO_SETTINGS["gamma"])
    model = PPO("MlpPolicy", scaled, seed=seed, **PPO_SETTINGS)
    model.learn(steps)
    model.save(out / "agent")
    for domain in ("source", "ood1", "ood2"):
        found = returns(model, encoder, domain, episodes)
        print(f"{domain}: mean return {found.mean():.0f} of {episodes} episodes")


if __name__ == "__main__":
    tyro.cli(main)
