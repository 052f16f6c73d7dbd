"""Zero-shot transfer: train in one visual domain, evaluate in others, beside pixels and floors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import read_config
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import EnvArgs, say, wrote
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
    """Which VAE, from where to where."""

    vae: tyro.conf.Positional[tuple[str, ...]]
    """VAEs to transfer, one for all seeds or one a seed: folders or shipped names"""
    world: EnvArgs = EnvArgs()
    source: str = "source"
    """visual domain to train in"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """named visual domains to evaluate in, beside the source"""
    methods: tuple[str, ...] = ("state", "blind", "pixels", "pixels_randomised")
    """methods beside the one that uses the VAE (state and blind fix the scale of the scores)"""
    study: StudyArgs = StudyArgs()
    out: Path = Path("runs/transfer")
    """results go here; a killed study goes on there"""


def main(args: Args) -> StudyResult:
    """Train in the source, evaluate everywhere, draw, tabulate."""
    if not args.vae:
        raise ValueError("name at least one VAE (a folder, or reach_pairs)")
    env = args.world.config(args.source)
    env.make()
    for domain in args.target:
        env.with_domain(domain).make()  # an unknown set is refused before any training
    paired = "content" in read_config(find_vae(args.vae[0]))["model"]["groups"]
    kind = {"vae_pairs": args.vae} if paired else {"vae": args.vae}
    study = StudyArgs(**{**vars(args.study), **kind})
    methods = [*args.methods, "bvae_pairs" if paired else "bvae"]
    jobs = make_jobs(study, methods, env)
    run = Run(args.out)
    rows = run_jobs(jobs, study, domain=(args.source, *args.target), study="transfer", run=run)
    draw_curves(rows, run, domain=args.source)
    drawn = draw_transfer(rows, run)
    say(transfer_table(rows))
    say(budget_table(rows))
    if drawn:
        wrote(drawn)
    wrote(run.folder / "results.json", f"bvae-rl visualize {args.vae[0]} {args.world.flags}")
    return StudyResult(rows, run.folder)
