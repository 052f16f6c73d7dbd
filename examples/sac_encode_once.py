"""SAC on codes: ``LatentVecEnv`` encodes each picture once, and the replay buffer holds codes.

Afterwards the policy and its encoder become one ordinary model that acts on pictures.
Twenty seconds on one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro
from stable_baselines3 import SAC
from stable_baselines3.common.env_util import make_vec_env

import bvae_rl

ENV = "bvae_rl.envs:bvae_rl/PlanarReach-v0"  # 64x64 pictures; the part before ":" registers it


def main(steps: int = 1000, out: Path = Path("runs/examples/sac")) -> None:
    pictures = make_vec_env(ENV, n_envs=1, seed=0)
    codes = bvae_rl.LatentVecEnv(pictures, "reach_pairs")
    model = SAC(
        "MlpPolicy",
        codes,
        policy_kwargs={"net_arch": [256, 256]},  # as bvae_rl.policy_kwargs sets it
        buffer_size=100_000, learning_starts=100, gamma=0.9, seed=0,
    )  # fmt: skip
    buffer = model.replay_buffer
    megabytes = (buffer.observations.nbytes + buffer.next_observations.nbytes) / 1e6
    as_pictures = 2 * buffer.buffer_size * np.prod(pictures.observation_space.shape) / 1e6
    print(f"replay buffer: {megabytes:.1f} MB of codes instead of {as_pictures:.1f} MB of pictures")
    model.learn(steps)

    # one transition of room, since this model is there to act; give it more to train it further
    deployed = bvae_rl.to_image_policy(model, buffer_size=1)
    out.mkdir(parents=True, exist_ok=True)
    deployed.save(out / "agent")
    agent = SAC.load(out / "agent")  # takes pictures; knows nothing of LatentVecEnv
    picture = pictures.reset()
    on_picture, _ = agent.predict(picture, deterministic=True)
    on_code, _ = model.predict(codes.encode(picture), deterministic=True)
    print(f"action on the picture {on_picture[0]}, on its code {on_code[0]}")


if __name__ == "__main__":
    tyro.cli(main)
