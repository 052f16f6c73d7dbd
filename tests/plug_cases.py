"""What several tests of the plug share: a small VAE, an environment of noise, and small models."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from sb3_contrib import TQC, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.validation import latent_statistics

CONFIG = VAEConfig(
    shape=(3, 32, 32),
    latent_dim=4,
    groups={"content": (0, 3), "style": (3, 4)},
    channels=(8, 8, 8),
    hidden=16,
)
# of latents that standardising leaves as they are
PLAIN = {"mean": [0.0] * CONFIG.latent_dim, "std": [1.0] * CONFIG.latent_dim}
OFF_POLICY = {"learning_starts": 4, "batch_size": 4, "buffer_size": 100}
SETTINGS: dict[type[BaseAlgorithm], dict[str, Any]] = {
    PPO: {"n_steps": 8, "batch_size": 8, "n_epochs": 2},
    RecurrentPPO: {"n_steps": 8, "batch_size": 8, "n_epochs": 2},
    A2C: {"n_steps": 4},
    SAC: OFF_POLICY,
    TD3: OFF_POLICY,
    TQC: OFF_POLICY,
    DQN: OFF_POLICY | {"train_freq": 1, "target_update_interval": 8},
}
FORMS = ("bytes", "channels first", "stack", "float", "dict")


def make_vae(seed: int = 0) -> BetaVAE:
    """Random weights with a lively code, and statistics as ``pretrain`` would leave them."""
    torch.manual_seed(seed)
    vae = BetaVAE(CONFIG).eval()
    last: Any = vae.encoder[-1]
    with torch.no_grad():
        last.weight.mul_(10.0)  # it starts small
    frames = noise(np.random.default_rng(0), 50)
    vae.meta["statistics"] = latent_statistics(vae, frames_to_x(frames))
    return vae


def noise(rng: np.random.Generator, n: int = 1) -> np.ndarray:
    """uint8 frames (n, 32, 32, 3), no two alike, of very different brightness."""
    levels = rng.uniform(0, 256, (n, 1, 1, 3))
    return (rng.uniform(0.5, 1.0, (n, 32, 32, 3)) * levels).astype(np.uint8)


class NoiseEnv(gym.Env[Any, Any]):
    """A new frame at each step of an episode, in a form that SB3 may meet; keeps them all."""

    def __init__(self, form: str = "bytes", *, discrete: bool = False, length: int = 5) -> None:
        shape = (3, 32, 32) if form == "channels first" else (32, 32, 3)
        picture = gym.spaces.Box(0, 255, shape, np.uint8)
        self.form, self.length, self.episode = form, length, 0
        self.shown: set[bytes] = set()
        self.observation_space: gym.Space[Any] = picture
        if form == "float":
            self.observation_space = gym.spaces.Box(0, 1, shape, np.float32)
        if "arm" in form:  # all of it boxes, which VecNormalize takes
            camera = gym.spaces.Box(0, 1, shape, np.float32) if "float" in form else picture
            arm = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
            self.observation_space = gym.spaces.Dict(camera=camera, arm=arm)
        if form == "dict":
            self.observation_space = gym.spaces.Dict(
                wrist=picture,
                arm=gym.spaces.Box(-1, 1, (2, 2), np.float32),
                front=picture,
                goal=gym.spaces.Discrete(3),
            )
        box = gym.spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(3) if discrete else box

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.steps, self.episode = 0, self.episode + 1
        return self.observe(), {"episode": self.episode}

    def step(self, action: Any):
        self.steps += 1
        reward = float(np.sum(action)) * self.brightness
        return self.observe(), reward, False, self.steps >= self.length, {}

    def observe(self) -> Any:
        frames = noise(self.np_random, 2 if self.form == "dict" else 1)
        self.shown |= {frame.tobytes() for frame in frames}
        self.brightness = float(frames[0].mean() / 255)
        if self.form == "float":
            return frames[0].astype(np.float32) / 255
        if "arm" in self.form:
            camera = frames[0] / np.float32(255) if "float" in self.form else frames[0]
            return {"camera": camera, "arm": self.np_random.normal(size=3).astype(np.float32)}
        if self.form == "dict":
            return {
                "wrist": frames[1],
                "arm": self.np_random.uniform(-1, 1, (2, 2)).astype(np.float32),
                "front": frames[0],
                "goal": int(self.np_random.integers(3)),
            }
        return frames[0].transpose(2, 0, 1) if self.form == "channels first" else frames[0]


def make_env(form: str = "bytes", *, n: int = 2, discrete: bool = False) -> VecEnv:
    kind = "bytes" if form == "stack" else form
    venv = DummyVecEnv([partial(NoiseEnv, kind, discrete=discrete)] * n)
    venv.seed(0)
    return VecFrameStack(venv, 3) if form == "stack" else venv


def shown(venv: VecEnv) -> set[bytes]:
    """Every frame that the environments have shown."""
    return set().union(*venv.unwrapped.get_attr("shown"))


def build(algorithm: type[BaseAlgorithm], env: VecEnv, **policy_kwargs: Any) -> Any:
    """A small model on what ``env`` shows: codes, one picture, or a Dict."""
    space = env.observation_space
    vector = isinstance(space, gym.spaces.Box) and len(space.shape) == 1
    kind = "MultiInput" if isinstance(space, gym.spaces.Dict) else "Mlp" if vector else "Cnn"
    policy = kind + ("LstmPolicy" if algorithm is RecurrentPPO else "Policy")
    small: dict[str, Any] = {"net_arch": [8, 8]}
    if algorithm is RecurrentPPO:
        small["lstm_hidden_size"] = 8
    settings = SETTINGS[algorithm]
    return algorithm(policy, env, policy_kwargs=small | policy_kwargs, seed=0, **settings)


def make_store(folder: Path, *, n: int = 40, seed: int = 1) -> FrameStore:
    store = FrameStore(folder)
    store.append(Frames(noise(np.random.default_rng(seed), n), np.arange(n), np.arange(n)))
    return store
