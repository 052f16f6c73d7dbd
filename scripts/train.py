"""Train one agent on latents (or on pixels, or the true state) and evaluate it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from bvae_rl.agents.config import check_seeds
from bvae_rl.agents.evaluate import CUT, RECORD, evaluate_agent
from bvae_rl.agents.methods import MethodInputs, choose_latents, method
from bvae_rl.agents.train import ROWS, train_agent
from bvae_rl.models.hub import find_vae
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, require_own
from bvae_rl.scripts.common import (
    EnvArgs,
    command_for,
    command_line,
    free_folder,
    results_folder,
    say,
    wrote,
)
from bvae_rl.scripts.default_methods import possible, require_vae
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.study import EVALUATION_SEED, SHIPPED, StudyArgs, planned_seconds
from bvae_rl.scripts.training_args import TrainingArgs, evaluated
from bvae_rl.scripts.vae_keys import seed_of
from bvae_rl.scripts.worlds import seen_by, world_of

EVALUATION = "evaluation"


@dataclass(frozen=True)
class Args(TrainingArgs):
    """Which agent, where."""

    vae: tyro.conf.Positional[str | None] = None
    """VAE for bvae: a folder, shipped name or Hub id; in PlanarReach by default reach_crossed"""
    method: str = "bvae"
    """what it sees: state, blind, pixels, pixels_randomised, pixels_recoloured (also _all,
    _episode, and each _strong), untrained, pca, bvae"""
    latents: str | None = None
    """which latents of it: all, or a group; by default content where the VAE has that group"""
    domain: str | None = None
    """visual domain to train in"""
    out: Path | None = None
    """folder of the agent; default runs/agents/METHOD-ALGO-seedSEED-ENV; goes on there after a
    kill"""
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
    inputs, of_vae = MethodInputs(store=args.store), method(args.method).needs == "vae"
    if args.vae and not of_vae:
        raise ValueError(
            f"--method {args.method} sees no VAE: leave {args.vae} out, or write --method bvae"
        )
    if args.latents and not of_vae:
        raise ValueError(
            f"--method {args.method} sees no latents: leave --latents {args.latents} out"
        )
    check_seeds([args.seed])
    if args.vae:
        args = replace(args, world=world_of(args.vae, args.world))
    env = args.world.config(args.domain)
    name = args.vae or SHIPPED.get(args.world.name)
    if of_vae and not name:
        require_vae(args.method, args.world)
    if of_vae and name:
        vae, env = find_vae(name), seen_by(env, name)
        latents = choose_latents(vae, args.latents)
        inputs = MethodInputs(vae, latents=latents, vae_seed=seed_of(vae))
    chosen = method(args.method, inputs.latents)
    config, plan = args.config(env, seed=args.seed), args.plan(env)
    chosen.check(env, inputs, config)
    for line in args.lines(config, env):
        say(line)
    name_of_run = f"{chosen.key}-{args.algo}-seed{args.seed}"
    run = Run(args.out or results_folder("agents", name_of_run, args.world, None))
    require_own(run.folder, RECORD)
    seconds = planned_seconds(chosen, config)
    progress = Progress({args.method: seconds, EVALUATION: 0.05 * seconds})
    folder = train_agent(
        chosen, env, inputs, config, run, command=command_line(),
        progress=lambda fraction: progress.update(args.method, fraction),
    )  # fmt: skip
    rows = evaluate_agent(
        folder, env, [None], n_eval_episodes=plan.n_eval_episodes, seed=EVALUATION_SEED,
        limit=plan.final_limit,
        progress=lambda fraction: progress.update(EVALUATION, fraction),
    )  # fmt: skip
    progress.close()
    run.write_rows(rows, name="evaluation.json")
    for row in rows:
        if row.metric != CUT:
            say(f"{row.metric} over {row.n} episode{'s' * (row.n > 1)}: {row.value:.2f}")
    for line in evaluated([*run.rows(ROWS), *rows]):
        say(line)
    names = tuple(dict.fromkeys(("pixels", args.method)))
    beside, _ = possible(names, env, args.world, inputs, vae=True)
    study = StudyArgs(latents=args.latents, store=args.store, **args.training)
    compare = command_for(
        "compare", methods=beside if "pixels" in beside else None,
        vae=(name,) if of_vae and name else (), world=args.world, domain=args.domain, study=study,
        out=free_folder(Path("runs/compare")),
    )  # fmt: skip
    wrote(folder, compare)
    return Result(folder, rows)
