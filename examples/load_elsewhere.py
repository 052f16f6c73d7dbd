"""A saved model carries its encoder: it acts in another process, with no VAE there.

The other machine needs bvae_rl and stable-baselines3 installed, and nothing else of yours; pickled
into the zip are classes of bvae_rl by name, so nothing defined in the file that you run (compare
``your_own_environment.py``). Ten seconds on one core.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import bvae_rl

ENV = "bvae_rl.envs:bvae_rl/PlanarReach-v0"  # 64x64 pictures; the part before ":" registers it

ELSEWHERE = """
import sys
import numpy as np
from stable_baselines3 import PPO

model = PPO.load(sys.argv[1])
actions, _ = model.predict(np.load(sys.argv[2]), deterministic=True)
np.save(sys.argv[3], actions)
"""


def main(steps: int = 1000, out: Path = Path("runs/examples/load")) -> None:
    out.mkdir(parents=True, exist_ok=True)
    kwargs = bvae_rl.policy_kwargs(bvae_rl.from_pretrained("reach_pairs"))  # a VAE in memory
    venv = make_vec_env(ENV, n_envs=4, seed=0)
    model = PPO("CnnPolicy", venv, policy_kwargs=kwargs, n_steps=125, batch_size=250)
    model.learn(steps)
    pictures = venv.reset()
    here, _ = model.predict(pictures, deterministic=True)
    model.save(out / "agent")
    np.save(out / "pictures.npy", pictures)

    files = [str((out / name).resolve()) for name in ("agent.zip", "pictures.npy", "actions.npy")]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *files], check=True)
    there = np.load(out / "actions.npy")
    print(f"actions of {len(here)} pictures, here and in a process without the VAE:")
    print(f"greatest difference {np.abs(here - there).max():.1g}")
    bvae_rl.inspect(PPO.load(out / "agent"))


if __name__ == "__main__":
    tyro.cli(main)
