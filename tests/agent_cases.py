"""What tests of agents share: tiny settings, a world that counts, a VAE and its frames."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.train import train_agent
from bvae_rl.data.collecting.collect import collect
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source")
TINY = AgentConfig.of(
    "ppo", REACH.id, total_timesteps=128, n_envs=2, n_steps=32, batch_size=32, n_epochs=1,
    net_arch=(8,), eval_freq=64, n_eval_episodes=2,
)  # fmt: skip
TINY_SAC = AgentConfig.of(
    "sac", REACH.id, total_timesteps=60, learning_starts=10, batch_size=8, net_arch=(8,),
    eval_freq=20, n_eval_episodes=1,
)  # fmt: skip


class Counting(gym.Env):
    """Episode of a length drawn at reset; each step pays 1; vectors as observations."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    factor_specs = (
        FactorSpec("turn", "cyclic", high=4.0),
        FactorSpec("kind", "categorical", values=(3.0, 5.0, 9.0)),
        FactorSpec("colour", role="appearance"),
        FactorSpec("place", low=-2.0, high=2.0),
    )
    render_mode = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(1, 9))
        return np.zeros((32, 32, 3), np.uint8), {"factors": np.array([1.0, 5.0, 0.3, 1.0])}

    def step(self, action):
        self.left -= 1
        info = {"factors": np.array([3.0, 9.0, 0.3, -2.0])}
        return np.zeros((32, 32, 3), np.uint8), 1.0, self.left == 0, False, info


def tiny_inputs(folder: Path) -> MethodInputs:
    """A VAE of seed 3 and 300 frames of PlanarReach, below ``folder``."""
    store = FrameStore(folder / "store")
    store.declare(domain="pretrain")
    collect(REACH.with_domain("pretrain").vec(4, seed=0), store, 300, seed=0)
    vae = BetaVAE(VAEConfig(latent_dim=6, groups={"content": (0, 4), "style": (4, 6)}))
    vae.meta = {
        "statistics": {"mean": [0.0] * 6, "std": [1.0] * 6},
        "training": {"frames": 300, "store": store.meta},
    }
    vae.save(folder / "vae")
    return MethodInputs(folder / "vae", store.folder, vae_seed=3)


def train_tiny(name, inputs, folder, config=TINY, env=REACH, **kwargs):
    return train_agent(
        method(name, inputs.latents), env, inputs, config, Run(folder), study="s", **kwargs
    )
