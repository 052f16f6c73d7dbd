"""The VAE goes on learning while the agent does, here in colours that it has never seen.

``OnlineBetaVAE`` trains it on the agent's own frames, with beta rising over environment steps and
half of each batch from old frames, so that the old colours are not forgotten. The run stops half
way and goes on from what it saved. About a minute on one core.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import gymnasium as gym
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import bvae_rl
from bvae_rl import BetaVAE, FrameStore, OnlineBetaVAE
from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.factors import require_factor_env
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.sb3 import Probe
from bvae_rl.training.schedules import Linear
from bvae_rl.training.validation import validate

ENV = "bvae_rl.envs:bvae_rl/PlanarReach-v0"  # 64x64 pictures; the part before ":" registers it


def scores(vae: BetaVAE, probe: Probe) -> dict[str, float]:
    """R2 of the factors, MIG and the like, and the evidence lower bound in nats."""
    bound = validate(vae, frames_to_x(probe.frames.frames))["vae/elbo"]
    return {**probe.measure(vae, step=0), "vae/elbo": bound}


def main(steps: int = 8000, out: Path = Path("runs/examples/online")) -> None:
    shutil.rmtree(out / "run", ignore_errors=True)  # of an earlier call: a run is never mixed up
    vae = bvae_rl.from_pretrained("reach_plain")
    old = FrameStore(out / "old_frames")  # yours would be the store that the VAE was pretrained on
    collect_independent(require_factor_env(gym.make(ENV, domain="pretrain")), old, 2000, seed=0)
    venv = make_vec_env(ENV, n_envs=8, seed=0, env_kwargs={"domain": "ood2"})
    # frames with independent factors, drawn by the simulator, on which a code can be scored
    probes = {domain: Probe(gym.make(ENV, domain=domain), n=500) for domain in ("ood2", "pretrain")}

    def online() -> OnlineBetaVAE:
        beta = Linear(0.1, 1.0, steps)  # over environment steps
        return OnlineBetaVAE(
            "reach_plain", beta=beta, train_freq=steps // 8, old=old, out=out / "run"
        )

    kwargs = bvae_rl.policy_kwargs("reach_plain", mode="online")
    model = PPO("CnnPolicy", venv, policy_kwargs=kwargs, n_steps=32, batch_size=128, n_epochs=5)
    first = online()
    model.learn(steps // 2, callback=first)

    # as after a kill: all comes from the folder, and beta goes on where it was
    model = PPO.load(out / "run" / f"model-{model.num_timesteps}.zip", venv)
    second = online()
    model.learn(steps - model.num_timesteps, callback=second, reset_num_timesteps=False)

    for row in first.history + second.history:
        beta, move = row["vae/beta"], row["vae/feature_move"]
        print(f"step {row['step']:5}: beta {beta:.2f}, features moved {move:.2f} deviations")
    for domain, probe in probes.items():
        before = scores(vae, probe)
        after = scores(second.tuner.seen_by_policy(), probe)
        print(
            f"{domain}:", *(f" {name} {before[name]:.2f} -> {after[name]:.2f}" for name in before)
        )
    bvae_rl.inspect(model)


if __name__ == "__main__":
    tyro.cli(main)
