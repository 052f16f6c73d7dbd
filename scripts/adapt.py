"""Move agents to new domains, their encoder frozen or fine-tuned online with annealed beta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from bvae_rl.agents.adapt import AdaptConfig, run_adaptation
from bvae_rl.agents.config import AgentConfig, check_seeds
from bvae_rl.agents.eval_plan import plan_evaluation
from bvae_rl.agents.treatments import TREATMENTS
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import require_factor_env
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import png
from bvae_rl.plots.adaptation import adaptation
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import EnvArgs, aligned, command_for, command_line, say, wrote
from bvae_rl.scripts.own_folder import refuse_other_study
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.study import StudyResult, curves, finals, spread
from bvae_rl.scripts.worlds import in_gymnasium, seen_by, world_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = {"return": 1, "success": 2, "recon": 0, "mig": 3, "dci": 2, "r2": 2, "linear_r2": 2}
CURVES = {"return": "return in the new domain", "recon": "squared error of a frame", "mig": "MIG"}


@dataclass(frozen=True)
class Args:
    """Which VAEs, pretrained in the source domain alone, and where to."""

    vae: tyro.conf.Positional[tuple[str, ...]]
    """VAEs, one a seed, in the order of the seeds"""
    store: Path
    """frame store that they were pretrained on; half of each batch of the mixed treatments"""
    world: EnvArgs = EnvArgs()
    source: str = "source"
    """visual domain where the agents learn first"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """visual domains that they are moved to"""
    treatments: tuple[str, ...] = tuple(TREATMENTS)
    """what happens to the encoder: frozen, online (new frames alone, beta annealed), online_mixed
    (half old frames), online_constant (half old frames, beta constant), or online_hardened (half
    old frames; recoloured ones are taught the code of clean ones)"""
    beta: float = AdaptConfig.beta
    """where beta ends (annealed) or stands (constant) after the move"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """one agent a seed and treatment; from five seeds on intervals are given"""
    source_timesteps: int = 100_000
    """environment steps in the source domain"""
    total_timesteps: int = AdaptConfig.total_timesteps
    """environment steps after the move"""
    n_eval_episodes: int = AdaptConfig.n_eval_episodes
    """evaluation episodes, the same ones for every treatment"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""
    out: Path = Path("runs/adapt")
    """results go here; a killed study goes on there"""


def main(args: Args) -> StudyResult:
    """Train, move, evaluate, draw, tabulate."""
    if len(args.vae) != len(args.seeds):
        raise ValueError(
            f"each seed has a VAE of its own: give {len(args.seeds)} (--seeds takes others), got "
            f"{len(args.vae)}"
        )
    if len({*args.seeds}) < len(args.seeds):
        raise ValueError(f"give each seed once, got {args.seeds}")
    for name in ("target", "treatments"):
        given = getattr(args, name)
        if not given or len({*given}) < len(given):
            raise ValueError(f"give each of --{name} once, got {' '.join(given) or 'none'}")
    for name in ("total_timesteps", "source_timesteps", "n_eval_episodes"):
        if (value := getattr(args, name)) is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    if args.beta < 0:
        raise ValueError(f"--beta must be 0 or more, got {args.beta}")
    if unknown := sorted(set(args.treatments) - set(TREATMENTS)):
        raise ValueError(f"unknown treatments {unknown}; known: {', '.join(TREATMENTS)}")
    check_seeds(args.seeds)
    args = replace(args, world=in_gymnasium(world_of(args.vae[0], args.world)))
    env = seen_by(args.world.config(args.source), args.vae[0])
    for domain in (args.source, *args.target):  # what cannot be is refused before any training
        require_factor_env(env.with_domain(domain).make())
    _refuse_unmovable(args, env)
    FrameStore.existing(args.store)
    agent = AgentConfig.of("ppo", env.id).lasting(args.source_timesteps)
    agent = plan_evaluation(agent, env).of(agent)
    config = AdaptConfig(  # evaluated between rollouts
        total_timesteps=args.total_timesteps,
        beta=args.beta,
        eval_freq=math.ceil(args.total_timesteps / 5 / agent.rollout) * agent.rollout,
        n_eval_episodes=args.n_eval_episodes,
    )
    names = [f"source-seed{seed}" for seed in args.seeds] + [
        f"{treatment}-{domain}-seed{seed}"
        for seed in args.seeds
        for domain in args.target
        for treatment in args.treatments
    ]
    progress = Progress(dict.fromkeys(names, args.total_timesteps / 400), workers=args.workers)
    run = Run(args.out)
    refuse_other_study(run, "adapt")
    rows = run_adaptation(
        {seed: find_vae(vae) for seed, vae in zip(args.seeds, args.vae, strict=True)},
        env,
        args.target,
        args.store,
        config,
        args.out / "agents",
        agent=agent,
        treatments=args.treatments,
        command=command_line(),
        workers=args.workers,
        on_progress=progress.update,
    )
    progress.close()
    run.write_rows(rows)
    say(table(rows, args.target))
    wrote(run.write_file("adapt.png", png(draw(rows, args.target))))
    shown = command_for("visualize", args.vae[0], world=args.world, domain=args.target[-1])
    wrote(run.folder / "results.json", shown)
    return StudyResult(rows, run.folder)


def _refuse_unmovable(args: Args, env: EnvConfig) -> None:
    """ValueError for encoders that cannot learn on under their agents, as treatments ask for."""
    moving = [name for name in args.treatments if not TREATMENTS[name].frozen]
    if moving and env.frame_stack > 1:
        raise ValueError(
            f"an agent that reads {env.frame_stack} codes cannot have a moving encoder, which makes"
            f" the older ones another's; leave {', '.join(moving)} out (--treatments frozen), or "
            f"--frame-stack {env.frame_stack}"
        )
    for vae in args.vae if moving else ():
        if levels := BetaVAE.load(find_vae(vae)).config.levels:
            raise ValueError(
                f"the latents of {vae} are quantised ({levels} levels), and such an encoder does "
                f"not learn on; leave {', '.join(moving)} out: --treatments frozen"
            )


def draw(rows: Sequence[Row], targets: Sequence[str]) -> Figure:
    """Return, reconstruction error and MIG after the move."""
    return adaptation(
        {
            label: {
                domain: curves([row for row in rows if row.study == f"adapt-{domain}"], metric)
                for domain in targets
            }
            for metric, label in CURVES.items()
        }
    )


def table(rows: Sequence[Row], targets: Sequence[str]) -> str:
    """Each treatment after each move, evaluated in the new domain and in the source domain."""
    lines = [["moved to", "evaluated in", "treatment", *COLUMNS]]
    for target in targets:
        mine = [row for row in rows if row.study == f"adapt-{target}"]
        found = {metric: finals(mine, metric) for metric in COLUMNS}
        for where in dict.fromkeys(row.domain for row in mine):
            for name in dict.fromkeys(row.method for row in mine):
                cells = [
                    spread(found[metric].get(name, {}).get(str(where), []), digits)
                    for metric, digits in COLUMNS.items()
                ]
                lines.append([target, str(where), TREATMENTS[name].text, *cells])
    return aligned(lines)
