"""Measure speed in one run, alternating: encode-once PPO against pixels, and frames a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.agents.train import AgentConfig
from bvae_rl.environments import EnvConfig
from bvae_rl.model import BetaVAE
from bvae_rl.plug.extractor import policy_kwargs
from bvae_rl.plug.latent_env import LatentVecEnv
from bvae_rl.runs import Run
from bvae_rl.scripts.common import EnvArgs, command_line, find_vae, say, wrote
from bvae_rl.versions import environment


@dataclass(frozen=True)
class Args:
    """What to time with which VAE."""

    vae: tyro.conf.Positional[str] = "reach_pairs"
    """folder of a VAE, or the name of a shipped one"""
    world: EnvArgs = EnvArgs()
    rounds: int = 5
    """alternating rounds; the median counts"""
    rollouts: int = 1
    """PPO rollouts (with their updates) a round"""
    threads: int = 1
    """CPU threads"""
    out: Path = Path("runs/bench")
    """results go here"""


@dataclass(frozen=True)
class Result:
    """Median steps a second by name, and ratios to pixels."""

    per_second: dict[str, float]
    ratios: dict[str, float]


def main(args: Args) -> Result:
    """Time all in turn, several times; print medians and the ratios to raw pixels."""
    if args.rounds < 1 or args.rollouts < 1:
        raise ValueError(
            f"rounds and rollouts must be at least 1, got {args.rounds}, {args.rollouts}"
        )
    torch.set_num_threads(args.threads)
    env, config = args.world.config(), AgentConfig()
    folder = find_vae(args.vae)
    learners = {
        "PPO, raw pixels (NatureCNN)": _learner(
            "CnnPolicy", env.vec(config.n_envs, seed=0), config
        ),
        "PPO, BetaVAEExtractor in the policy": _learner(
            "CnnPolicy", env.vec(config.n_envs, seed=0), config, policy_kwargs(folder)
        ),
        "PPO, encode once (LatentVecEnv)": _learner(
            "MlpPolicy",
            LatentVecEnv(env.vec(config.n_envs, seed=0), BetaVAE.load(folder)),
            config,
        ),
    }
    steps = args.rollouts * config.n_envs * config.n_steps
    timed: dict[str, list[float]] = {name: [] for name in (*learners, "environment alone")}
    for _ in range(args.rounds):
        for name, learn in learners.items():
            timed[name].append(_rate(learn, steps))
        timed["environment alone"].append(_frames(env, 2000))
    medians = {name: median(rates) for name, rates in timed.items()}
    pixels = medians[next(iter(learners))]
    ratios = {name: medians[name] / pixels for name in learners}
    for name, rate in medians.items():
        ratio = f"  {ratios[name]:.2f} x pixels" if name in ratios else ""
        say(f"{name:38} {rate:8,.0f} steps/s{ratio}")
    run = Run(args.out)
    run.write_json(
        "bench.json",
        {
            "command": command_line(),
            "config": config,
            "per_second": timed,
            "median": medians,
            "ratios": ratios,
            "threads": args.threads,
            "versions": environment(),
        },
    )
    wrote(run.path("bench.json"), "bvae-rl demo")
    return Result(medians, ratios)


def _learner(
    policy: str, venv: VecEnv, config: AgentConfig, extra: dict[str, object] | None = None
) -> Callable[[int], object]:
    """PPO with equal heads and epochs; calling it learns for some steps."""
    hidden = list(config.net_arch)
    model = PPO(
        policy, venv, n_steps=config.n_steps, batch_size=config.batch_size,
        n_epochs=config.epochs, gamma=config.gamma, seed=0, device="cpu",
        policy_kwargs={**(extra or {}), "net_arch": {"pi": hidden, "vf": hidden}},
    )  # fmt: skip
    model.set_logger(Logger(None, []))
    model.learn(config.n_envs * config.n_steps)  # warm-up
    return lambda steps: model.learn(steps, reset_num_timesteps=False)


def _rate(learn: Callable[[int], object], steps: int) -> float:
    began = time.perf_counter()
    learn(steps)
    return steps / (time.perf_counter() - began)


def _frames(config: EnvConfig, steps: int) -> float:
    env = config.make()
    env.action_space.seed(0)
    env.reset(seed=0)
    actions = [env.action_space.sample() for _ in range(steps)]
    began = time.perf_counter()
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return steps / (time.perf_counter() - began)
