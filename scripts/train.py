"""Train one agent on latents (or on pixels, or the true state) and evaluate it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import evaluate_agent
from bvae_rl.agents.methods import MethodInputs, choose_latents, method
from bvae_rl.agents.train import train_agent
from bvae_rl.models.hub import find_vae
from bvae_rl.runtime.runs import Row, Run
from bvae_rl.scripts.common import EnvArgs, command_for, command_line, free_folder, say, wrote
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.study import EVALUATION_SEED, SHIPPED, StudyArgs, planned_seconds


@dataclass(frozen=True)
class Args:
    """Which agent, where."""

    method: str = "bvae"
    """what it sees: state, blind, pixels, pixels_randomised, untrained, pca, bvae"""
    vae: str | None = None
    """VAE for bvae: a folder, shipped name or Hub id; in PlanarReach by default reach_crossed"""
    latents: str | None = None
    """which latents of it: all, or a group; by default content where the VAE has that group"""
    domain: str | None = None
    """visual domain to train in"""
    total_timesteps: int | None = None
    """environment steps; by default 100,000 (PPO) or 10,000 (SAC)"""
    out: Path | None = None
    """folder of the agent; default runs/agents/METHOD-ALGO-seedSEED; goes on there after a kill"""
    algo: Literal["ppo", "sac"] = "ppo"
    """PPO or SAC"""
    n_eval_episodes: int = 100
    """evaluation episodes, the same ones for every agent"""
    seed: int = 0
    """weights, exploration and environments depend on it"""
    store: Path | None = None
    """frame store, for pca and untrained"""
    world: EnvArgs = EnvArgs()


@dataclass(frozen=True)
class Result:
    """The agent's folder and its evaluation."""

    folder: Path
    rows: list[Row]


def main(args: Args) -> Result:
    """Train, evaluate, say how it did."""
    env = args.world.config(args.domain)
    name = args.vae or SHIPPED.get(args.world.env)
    inputs, of_vae = MethodInputs(store=args.store), method(args.method).needs == "vae"
    if of_vae and name:
        vae = find_vae(name)
        inputs = MethodInputs(vae, latents=choose_latents(vae, args.latents))
    chosen = method(args.method, inputs.latents)
    chosen.check(env, inputs)
    config = AgentConfig.of(args.algo, seed=args.seed).lasting(args.total_timesteps)
    run = Run(args.out or Path("runs/agents") / f"{chosen.key}-{args.algo}-seed{args.seed}")
    progress = Progress({args.method: planned_seconds(chosen, config)})
    folder = train_agent(
        chosen, env, inputs, config, run, command=command_line(),
        progress=lambda fraction: progress.update(args.method, fraction),
    )  # fmt: skip
    progress.close()
    rows = evaluate_agent(
        folder, env, [None], n_eval_episodes=args.n_eval_episodes, seed=EVALUATION_SEED
    )
    run.write_json("evaluation.json", [row.to_dict() for row in rows])
    for row in rows:
        say(f"{row.metric} over {row.n} episodes: {row.value:.2f}")
    study = StudyArgs(
        total_timesteps=args.total_timesteps, n_eval_episodes=args.n_eval_episodes, algo=args.algo,
        latents=args.latents, store=args.store,
    )  # fmt: skip
    compare = command_for(
        "compare", methods=tuple(dict.fromkeys(("pixels", args.method))),
        vae=(name,) if of_vae and name else (), world=args.world, domain=args.domain, study=study,
        out=free_folder(Path("runs/compare")),
    )  # fmt: skip
    wrote(folder, compare)
    return Result(folder, rows)
