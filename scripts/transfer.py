"""Train agents in one visual domain, evaluate in others: zero-shot transfer beside pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from bvae_rl.agents.methods import MethodInputs
from bvae_rl.runtime.runs import RESULTS, Run, require_own
from bvae_rl.scripts.common import EnvArgs, command_for, say, wrote
from bvae_rl.scripts.default_methods import possible, require_domains, require_vae
from bvae_rl.scripts.own_folder import refuse_other_study
from bvae_rl.scripts.study import (
    SHIPPED,
    StudyArgs,
    StudyResult,
    budget_table,
    draw_curves,
    draw_transfer,
    make_jobs,
    run_jobs,
    transfer_table,
)
from bvae_rl.scripts.training_args import evaluated
from bvae_rl.scripts.worlds import seen_by, world_of

METHODS = ("state", "blind", "pixels", "pixels_randomised")


@dataclass(frozen=True)
class Args:
    """Which VAEs, from where to where."""

    vae: tyro.conf.Positional[tuple[str, ...]] = ()
    """VAEs, each a method of its own (or see --vae-per-seed): folders, shipped names or Hub ids; by
    default, in PlanarReach, reach_crossed"""
    source: str = "source"
    """visual domain to train in"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """visual domains to evaluate in, beside the source"""
    methods: tuple[str, ...] | None = None
    """methods beside the VAEs (state and blind fix the scale of the scores); by default those of
    state, blind, pixels and pixels_randomised that the environment can serve; pixels_recoloured is
    the rival of a VAE that was hardened against colour"""
    out: Path = Path("runs/transfer")
    """results go here; a killed study goes on there"""
    study: StudyArgs = StudyArgs()
    world: EnvArgs = EnvArgs()


def main(args: Args) -> StudyResult:
    """Train in the source, evaluate everywhere, draw, tabulate."""
    if args.vae:
        args = replace(args, world=world_of(args.vae[0], args.world))
    shipped = SHIPPED.get(args.world.name)
    vaes = args.vae or ((shipped,) if shipped else ())
    env = args.world.config(args.source)
    domains = tuple(dict.fromkeys((args.source, *args.target)))
    require_domains(args.world, domains)
    if not vaes:
        require_vae("transfer", args.world)
    env = seen_by(env, vaes[0])
    methods = args.methods
    if methods is None:
        inputs = MethodInputs(store=args.study.store)
        methods, left_out = possible(METHODS, env, args.world, inputs, vae=True)
        for line in left_out:
            say(line)
    jobs = make_jobs(args.study, [*methods, "bvae"], vaes, env)
    for line in args.study.lines(jobs[0].config, env, len(domains)):
        say(line)
    require_own(args.out, RESULTS)
    run = Run(args.out)
    refuse_other_study(run, "transfer")
    rows = run_jobs(jobs, args.study, domains=domains, study="transfer", run=run)
    draw_curves(rows, run, domain=args.source)
    drawn = draw_transfer(rows, run)
    say(transfer_table(rows))
    say(budget_table(rows))
    for line in evaluated(rows):
        say(line)
    if drawn:
        wrote(drawn)
    shown = command_for("visualize", vaes[0], world=args.world, domain=args.source)
    wrote(run.folder / "results.json", shown)
    return StudyResult(rows, run.folder)
