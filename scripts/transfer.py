"""Train agents in one visual domain, evaluate in others: zero-shot transfer beside pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import EnvArgs, command_for, say, wrote
from bvae_rl.scripts.study import (
    StudyArgs,
    StudyResult,
    budget_table,
    draw_curves,
    draw_transfer,
    make_jobs,
    run_jobs,
    transfer_table,
)


@dataclass(frozen=True)
class Args:
    """Which VAEs, from where to where."""

    vae: tyro.conf.Positional[tuple[str, ...]] = ("reach_crossed",)
    """VAEs, each a method of its own (or see --vae-per-seed): folders, shipped names or Hub ids"""
    source: str = "source"
    """visual domain to train in"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """visual domains to evaluate in, beside the source"""
    methods: tuple[str, ...] = ("state", "blind", "pixels", "pixels_randomised")
    """methods beside the VAEs (state and blind fix the scale of the scores)"""
    out: Path = Path("runs/transfer")
    """results go here; a killed study goes on there"""
    study: StudyArgs = StudyArgs()
    world: EnvArgs = EnvArgs()


def main(args: Args) -> StudyResult:
    """Train in the source, evaluate everywhere, draw, tabulate."""
    if not args.vae:
        raise ValueError("name at least one VAE (a folder, or reach_crossed)")
    env = args.world.config(args.source)
    for domain in (args.source, *args.target):
        env.with_domain(domain).make()  # an unknown domain is refused before any training
    jobs = make_jobs(args.study, [*args.methods, "bvae"], args.vae, env)
    run = Run(args.out)
    rows = run_jobs(
        jobs, args.study, domains=(args.source, *args.target), study="transfer", run=run
    )
    draw_curves(rows, run, domain=args.source)
    drawn = draw_transfer(rows, run)
    say(transfer_table(rows))
    say(budget_table(rows))
    if drawn:
        wrote(drawn)
    shown = command_for("visualize", args.vae[0], world=args.world, domain=args.source)
    wrote(run.folder / "results.json", shown)
    return StudyResult(rows, run.folder)
