"""Compare learning curves of several methods: their areas and steps to a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from bvae_rl.agents.methods import MethodInputs
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import RESULTS, Run, require_own
from bvae_rl.scripts.common import EnvArgs, command_for, free_folder, say, wrote
from bvae_rl.scripts.default_methods import possible, require_vae
from bvae_rl.scripts.own_folder import refuse_other_study
from bvae_rl.scripts.study import (
    SHIPPED,
    StudyArgs,
    StudyResult,
    budget_table,
    curves,
    draw_curves,
    efficiency_table,
    make_jobs,
    run_jobs,
)
from bvae_rl.scripts.training_args import evaluated
from bvae_rl.scripts.worlds import seen_by, world_of

METHODS = ("state", "blind", "pixels", "bvae")


@dataclass(frozen=True)
class Args:
    """Which methods, where, how often."""

    vae: tyro.conf.Positional[tuple[str, ...]] = ()
    """VAEs for bvae, each a method of its own (or see --vae-per-seed): folders, shipped names or
    Hub ids; by default, in PlanarReach, reach_crossed"""
    methods: tuple[str, ...] | None = None
    """what agents see: state, blind, pixels, pixels_randomised, pixels_recoloured (also _all,
    _episode, and each _strong), untrained, pca, bvae; by default those of
    state, blind, pixels and bvae that the environment can serve"""
    domain: str | None = None
    """visual domain to train and evaluate in"""
    thresholds: tuple[float, ...] = ()
    """returns to reach; by default a half and three quarters of the way to the best curve"""
    out: Path = Path("runs/compare")
    """results go here; a killed study goes on there"""
    study: StudyArgs = StudyArgs()
    world: EnvArgs = EnvArgs()


def main(args: Args) -> StudyResult:
    """Train, draw, tabulate."""
    if args.vae:
        args = replace(args, world=world_of(args.vae[0], args.world))
    env = args.world.config(args.domain)
    shipped = SHIPPED.get(args.world.name)
    vaes = args.vae or ((shipped,) if shipped and not args.study.vae_per_seed else ())
    env = seen_by(env, vaes[0]) if vaes else env
    methods = args.methods
    if methods is None:
        inputs = MethodInputs(store=args.study.store)
        methods, left_out = possible(METHODS, env, args.world, inputs, vae=bool(vaes))
        for line in left_out:
            say(line)
    elif "bvae" in methods and not vaes and not args.study.vae_per_seed:
        require_vae("bvae", args.world)
    jobs = make_jobs(args.study, methods, vaes, env)
    for line in args.study.lines(jobs[0].config, env):
        say(line)
    require_own(args.out, RESULTS)
    run = Run(args.out)
    refuse_other_study(run, "compare")
    rows = run_jobs(jobs, args.study, domains=(args.domain,), study="compare", run=run)
    draw_curves(rows, run, domain=args.domain)
    say(efficiency_table(rows, args.thresholds or _thresholds(rows)))
    say(budget_table(rows))
    for line in evaluated(rows):
        say(line)
    wrote(run.folder / "curves.png")
    transfer = None
    if "bvae" in methods and args.world.has_domains("source", "ood1", "ood2"):
        transfer = command_for(
            "transfer", vaes, world=args.world, study=args.study,
            out=free_folder(Path("runs/transfer")),
        )  # fmt: skip
    wrote(run.folder / "results.json", transfer)
    return StudyResult(rows, run.folder)


def _thresholds(rows: list[Row]) -> tuple[float, ...]:
    values = np.concatenate([curve.ravel() for _, curve in curves(rows).values()])
    return between(float(np.nanmin(values)), float(np.nanmax(values)))


def between(low: float, high: float) -> tuple[float, ...]:
    """The middle and the third quarter of a range, with as many digits as tell them apart."""
    if high == low:
        return ()
    digits = max(1, 2 - math.ceil(math.log10(high - low)))
    return tuple(round(low + fraction * (high - low), digits) for fraction in (0.5, 0.75))
