"""Sample efficiency: learning curves of several methods, their areas and steps to a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bvae_rl.runtime.runs import Row, Run
from bvae_rl.scripts.common import EnvArgs, say, wrote
from bvae_rl.scripts.study import (
    StudyArgs,
    StudyResult,
    budget_table,
    curves,
    draw_curves,
    efficiency_table,
    make_jobs,
    run_jobs,
)


@dataclass(frozen=True)
class Args:
    """Which methods, where, how often."""

    world: EnvArgs = EnvArgs()
    methods: tuple[str, ...] = ("state", "blind", "pixels", "bvae", "bvae_pairs")
    """state, blind, pixels, pixels_randomised, random, pca, bvae, bvae_pairs: what agents see"""
    domain: str | None = None
    """visual domain to train and evaluate in"""
    study: StudyArgs = StudyArgs()
    thresholds: tuple[float, ...] = ()
    """returns to reach; by default a half and three quarters of the way to the best curve"""
    out: Path = Path("runs/compare")
    """results go here; a killed study goes on there"""


def main(args: Args) -> StudyResult:
    """Train, draw, tabulate."""
    env = args.world.config(args.domain)
    jobs = make_jobs(args.study, args.methods, env)
    run = Run(args.out)
    rows = run_jobs(jobs, args.study, domain=(args.domain,), study="compare", run=run)
    draw_curves(rows, run, domain=args.domain)
    say(efficiency_table(rows, args.thresholds or _thresholds(rows)))
    say(budget_table(rows))
    wrote(run.folder / "curves.png")
    vae = next(iter((*args.study.vae_pairs, *args.study.vae)), "reach_pairs")
    wrote(run.folder / "results.json", f"bvae-rl transfer {vae} {args.world.flags}")
    return StudyResult(rows, run.folder)


def _thresholds(rows: list[Row]) -> tuple[float, ...]:
    values = np.concatenate([curve.ravel() for _, curve in curves(rows).values()])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return tuple(round(low + share * (high - low), 1) for share in (0.5, 0.75))
