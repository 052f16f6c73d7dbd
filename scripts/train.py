"""Train one agent on latents (or on pixels, or the true state) and evaluate it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bvae_rl.agents.evaluate import evaluate_agent
from bvae_rl.agents.methods import Method, MethodInputs, method
from bvae_rl.agents.train import AgentConfig, train_agent
from bvae_rl.models.hub import find_vae
from bvae_rl.runtime.runs import Row, Run
from bvae_rl.scripts.common import EnvArgs, command_line, say, wrote
from bvae_rl.scripts.progress import Progress


@dataclass(frozen=True)
class Args:
    """Which agent, where."""

    method: str = "bvae_pairs"
    """what it sees: state, blind, pixels, pixels_randomised, random, pca, bvae, bvae_pairs"""
    world: EnvArgs = EnvArgs()
    vae: str | None = None
    """VAE for bvae and bvae_pairs: a folder or the name of a shipped one"""
    store: Path | None = None
    """frame store, for pca and random"""
    domain: str | None = None
    """visual domain to train in"""
    algo: Literal["ppo", "sac"] = "ppo"
    """PPO or SAC"""
    steps: int | None = None
    """environment steps; by default 100,000 (PPO) or 10,000 (SAC)"""
    episodes: int = 100
    """evaluation episodes, the same ones for every agent"""
    seed: int = 0
    """weights, exploration and environments depend on it"""
    out: Path | None = None
    """folder of the agent; default runs/agents/ARM-ALGO-seedSEED; goes on there after a kill"""


@dataclass(frozen=True)
class Result:
    """The agent's folder and its evaluation."""

    folder: Path
    rows: list[Row]


def main(args: Args) -> Result:
    """Train, evaluate, say how it did."""
    chosen = method(args.method)
    vae = find_vae(args.vae) if args.vae else None
    inputs = MethodInputs(vae=vae, vae_pairs=vae, store=args.store)
    chosen.check(args.world.config(args.domain))
    inputs.identity(chosen.needs)  # say what is missing before anything is written
    config = AgentConfig.of(args.algo, seed=args.seed).lasting(args.steps)
    env = args.world.config(args.domain)
    run = Run(args.out or Path("runs/agents") / f"{args.method}-{args.algo}-seed{args.seed}")
    progress = Progress({args.method: planned_seconds(chosen, config)})
    folder = train_agent(
        chosen, env, inputs, config, run, command=command_line(),
        progress=lambda fraction: progress.update(args.method, fraction),
    )  # fmt: skip
    progress.close()
    rows = evaluate_agent(folder, env, [None], episodes=args.episodes, seed=10_000)
    run.write_json("evaluation.json", [row.to_dict() for row in rows])
    for row in rows:
        say(f"{row.metric} over {row.n} episodes: {row.value:.2f}")
    shown = f" --vae {args.vae}" if args.vae else ""
    wrote(
        folder,
        f"bvae-rl compare {args.world.flags} --methods pixels {args.method}{shown}",
    )
    return Result(folder, rows)


def planned_seconds(chosen: Method, config: AgentConfig) -> float:
    """Expected seconds of a training on one core; progress is corrected by the measured pace."""
    rate = 400 if chosen.policy == "CnnPolicy" else 1200 if chosen.needs else 2500
    if config.algo == "sac":
        rate = 5 if chosen.policy == "CnnPolicy" else 80
    return 5 + config.rounded_timesteps / rate
