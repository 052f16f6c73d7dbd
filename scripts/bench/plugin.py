"""``bvae-rl bench plugin``: what the Beta-VAE costs inside SB3, against raw pixels (NatureCNN).

PPO and SAC have equal heads and epochs whatever they see. SAC makes one update per environment
step: ``train_freq=1`` takes a step of all 8 environments and ``gradient_steps=-1`` then makes as
many updates as environment steps were taken, which is 8. Its replay buffer is filled beforehand.

"Bare convolutions" are the encoder's Conv2d layers with their activations on a float tensor after
space-to-depth: the least that any encoder of this shape has to compute. Encoding adds to them the
moving and scaling of bytes, the two linear layers, and Python.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn
from torch import nn

from bvae_rl.agents.config import AgentConfig
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.hub import load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.extractor import policy_kwargs
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.scripts.bench.figures import Figure, frames_per_second, functions, operators, ratio

N_ENVS = 8
PPO_PIXELS, PPO_FROZEN, PPO_ONCE = "PPO, pixels", "PPO, frozen extractor", "PPO, encode once"
SAC_PIXELS, SAC_ONCE = "SAC, pixels", "SAC, encode once"
ENCODE, BARE, LAYERS = "encode 8 frames", "bare convolutions", "bare convolutions and linear layers"
WRAPPER = "LatentVecEnv without its encoder"


@dataclass(frozen=True)
class Sizes:
    """How much of everything is timed in a round."""

    n_steps: int = 125
    batch_size: int = 250
    epochs: int = 5
    fill: int = 512
    sac_batch: int = 256
    sac_pixel_steps: int = 8
    sac_latent_steps: int = 64
    encodings: int = 200
    vector_steps: int = 250
    frames: int = 2000


SIZES = Sizes()


class Bench:
    """Everything that is timed, warmed up."""

    def __init__(self, folder: Path, env: EnvConfig) -> None:
        self.sizes, self.env = SIZES, env
        self.vae = load_vae(folder)
        kwargs = policy_kwargs(folder)
        self.models: dict[str, PPO | SAC] = {
            PPO_PIXELS: self._ppo("CnnPolicy", self._vec()),
            PPO_FROZEN: self._ppo("CnnPolicy", self._vec(), kwargs),
            PPO_ONCE: self._ppo("MlpPolicy", LatentVecEnv(self._vec(), self.vae)),
            SAC_PIXELS: self._sac("CnnPolicy", self._vec()),
            SAC_ONCE: self._sac("MlpPolicy", LatentVecEnv(self._vec(), self.vae)),
        }
        self.encodings = _encodings(self.vae, self.env)
        self.wrapped = _Overhead(self._vec(), self.vae)

    def figures(self, rounds: int) -> list[Figure]:
        """Time all in turn, ``rounds`` times."""
        timed: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, value in self._round().items():
                timed.setdefault(name, []).append(value)
        rates = {
            name: Figure(name, tuple(values), "ms" if name in self.encodings else "steps/s")
            for name, values in timed.items()
        }

        def against(name: str, other: str, target: float, *, at_most: bool = False) -> Figure:
            label = f"{name} / {other}"
            return ratio(label, rates[name], rates[other], target, at_most=at_most)

        size = {name: _bytes(self.models[name]) for name in (SAC_PIXELS, SAC_ONCE)}
        return [
            *(figure for name, figure in rates.items() if name != WRAPPER),
            Figure(f"replay bytes of {SAC_PIXELS}", (size[SAC_PIXELS],), "B/step"),
            Figure(f"replay bytes of {SAC_ONCE}", (size[SAC_ONCE],), "B/step", 300, at_most=True),
            against(PPO_FROZEN, PPO_PIXELS, 1.3),
            against(PPO_ONCE, PPO_PIXELS, 3.0),
            against(SAC_ONCE, SAC_PIXELS, 8.0),
            against(ENCODE, BARE, 1.3, at_most=True),
            Figure(WRAPPER, rates[WRAPPER].rounds, "% step", 5.0, at_most=True),
        ]

    def profile(self, name: str) -> list[str]:
        """Where the time behind the figure called ``name`` goes, a line each."""
        part = name.partition(" / ")[0]
        if part in self.models:
            return operators(lambda: self._learn(part))
        if part == ENCODE:
            return operators(lambda: [self.encodings[ENCODE]() for _ in range(50)])
        if part == WRAPPER:
            return functions(lambda: self.wrapped.share(self.sizes.vector_steps))
        return []

    def _round(self) -> dict[str, float]:
        values = {name: _rate(partial(self._learn, name)) for name in self.models}
        values |= _alternating(self.encodings, self.sizes.encodings)
        values[WRAPPER] = 100 * self.wrapped.share(self.sizes.vector_steps)
        env = self.env.make()
        env.action_space.seed(0)
        env.reset(seed=0)
        values["environment alone"] = frames_per_second(env, self.sizes.frames)
        return values

    def _learn(self, name: str) -> int:
        sizes, model = self.sizes, self.models[name]
        steps = {SAC_PIXELS: sizes.sac_pixel_steps, SAC_ONCE: sizes.sac_latent_steps}.get(
            name, N_ENVS * sizes.n_steps
        )
        model.learn(steps, reset_num_timesteps=False)
        return steps

    def _vec(self) -> VecEnv:
        return self.env.vec(N_ENVS, seed=0)

    def _ppo(self, policy: str, venv: VecEnv, extra: dict[str, object] | None = None) -> PPO:
        sizes, config = self.sizes, AgentConfig.of("ppo", self.env.id)
        hidden = list(config.net_arch)
        model = PPO(
            policy, venv, n_steps=sizes.n_steps, batch_size=sizes.batch_size,
            n_epochs=sizes.epochs, gamma=config.value("gamma"), seed=0, device="cpu",
            policy_kwargs={**(extra or {}), "net_arch": {"pi": hidden, "vf": hidden}},
        )  # fmt: skip
        model.set_logger(Logger(None, []))
        return model.learn(N_ENVS * sizes.n_steps)  # warm-up

    def _sac(self, policy: str, venv: VecEnv) -> SAC:
        sizes = self.sizes
        model = SAC(
            policy, venv, batch_size=sizes.sac_batch, buffer_size=2 * sizes.fill,
            learning_starts=sizes.fill, train_freq=1, gradient_steps=-1, seed=0, device="cpu",
            policy_kwargs={"net_arch": list(AgentConfig().net_arch)},
        )  # fmt: skip
        model.set_logger(Logger(None, []))
        model.learn(sizes.fill)
        return model.learn(N_ENVS, reset_num_timesteps=False)  # warm-up: the first updates


class _Stopwatch(VecEnvWrapper):
    """Counts the seconds spent in ``venv``."""

    seconds = 0.0

    def reset(self) -> VecEnvObs:
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        began = time.perf_counter()
        result = self.venv.step_wait()
        self.seconds += time.perf_counter() - began
        return result


class _Constant:
    """An encoder that costs nothing."""

    def __init__(self, vae: BetaVAE) -> None:
        self.shape, self.latent_dim, self.slice_of = vae.shape, vae.latent_dim, vae.slice_of
        self.statistics, self.codes = vae.statistics, np.zeros((64, vae.latent_dim), np.float32)

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        return self.codes[: len(frames)]


class _Overhead:
    """Steps of a LatentVecEnv whose encoder costs nothing, episode ends included."""

    def __init__(self, venv: VecEnv, vae: BetaVAE) -> None:
        self.below = _Stopwatch(venv)
        self.env = LatentVecEnv(self.below, _Constant(vae))
        self.env.reset()
        self.env.action_space.seed(0)

    def share(self, steps: int) -> float:
        """Seconds in the wrapper over seconds in the environments below."""
        self.below.seconds, whole = 0.0, 0.0
        for _ in range(steps):
            actions = np.stack([self.env.action_space.sample() for _ in range(N_ENVS)])
            began = time.perf_counter()
            self.env.step(actions)
            whole += time.perf_counter() - began
        return (whole - self.below.seconds) / self.below.seconds


def _encodings(vae: BetaVAE, env: EnvConfig) -> dict[str, Callable[[], object]]:
    venv = env.vec(N_ENVS, seed=0)
    layout = LatentVecEnv(venv, vae).layouts[None]
    frames = layout.frames(np.asarray(venv.reset()))
    layers = list(vae.encoder)
    first = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
    flatten = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Flatten))
    convolutions, network = nn.Sequential(*layers[first:flatten]), nn.Sequential(*layers[first:])
    with torch.inference_mode():
        ready = nn.Sequential(*layers[:first])(frames_to_x(frames)).contiguous()

    @torch.inference_mode()
    def run(part: nn.Sequential) -> object:
        return part(ready)

    return {
        BARE: partial(run, convolutions),
        LAYERS: partial(run, network),
        ENCODE: partial(vae.encode_frames, frames),
    }


def _alternating(work: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Median milliseconds of each, one after the other, ``times`` times."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(times):
        for name, function in work.items():
            began = time.perf_counter()
            function()
            taken[name].append(1e3 * (time.perf_counter() - began))
    return {name: median(values) for name, values in taken.items()}


def _rate(work: Callable[[], int]) -> float:
    began = time.perf_counter()
    return work() / (time.perf_counter() - began)


def _bytes(model: PPO | SAC) -> float:
    """Bytes a transition takes in the replay buffer of ``model``."""
    assert isinstance(model, SAC) and model.replay_buffer is not None
    buffer = model.replay_buffer
    arrays = [value for value in vars(buffer).values() if isinstance(value, np.ndarray)]
    return sum(array.nbytes for array in arrays) / (buffer.buffer_size * buffer.n_envs)
