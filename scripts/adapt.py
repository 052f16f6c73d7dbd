"""Move agents to looks that their encoder never saw: frozen, or fine-tuned online with beta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro

from bvae_rl.agents.adapt import TREATMENTS, AdaptConfig, run_adaptation
from bvae_rl.agents.config import AgentConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.plots import png
from bvae_rl.plots.adaptation import adaptation
from bvae_rl.runtime.runs import Row, Run
from bvae_rl.scripts.common import EnvArgs, command_line, say, wrote
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.study import aligned, curves, finals, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = {"return": 1, "success": 2, "recon": 0, "mig": 3, "dci": 2, "r2": 2, "linear_r2": 2}


@dataclass(frozen=True)
class Args:
    """Which VAEs, pretrained on the source appearance alone, and where to."""

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
    """what happens to the encoder: frozen, online, online_mixed, online_constant"""
    beta: float = AdaptConfig.beta
    """where beta ends (annealed) or stands (constant) after the move"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """one agent a seed and treatment; from five seeds on intervals are given"""
    source_steps: int = 100_000
    """environment steps in the source appearance"""
    steps: int = AdaptConfig.steps
    """environment steps after the move"""
    episodes: int = AdaptConfig.episodes
    """evaluation episodes, the same ones for every treatment"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""
    out: Path = Path("runs/adapt")
    """results go here; a killed study goes on there"""


@dataclass(frozen=True)
class Result:
    """All rows and where they were written."""

    rows: list[Row]
    out: Path


def main(args: Args) -> Result:
    """Train, move, evaluate, draw, tabulate."""
    if len(args.vae) != len(args.seeds):
        raise ValueError(
            f"each seed has a VAE of its own: give {len(args.seeds)} (--seeds takes others), got "
            f"{len(args.vae)}"
        )
    if unknown := sorted(set(args.treatments) - set(TREATMENTS)):
        raise ValueError(f"unknown treatments {unknown}; known: {', '.join(TREATMENTS)}")
    env = args.world.config(args.source)
    for domain in (args.source, *args.target):
        env.with_domain(domain).make()  # an unknown set is refused before any training
    FrameStore.existing(args.store)
    agent = replace(
        AgentConfig(), total_timesteps=args.source_steps, eval_freq=max(1, args.source_steps // 10)
    )
    config = AdaptConfig(
        steps=args.steps,
        beta=args.beta,
        eval_every=_whole(args.steps // 5, agent),
        episodes=args.episodes,
    )
    names = [f"source-seed{seed}" for seed in args.seeds] + [
        f"{treatment}-{domain}-seed{seed}"
        for seed in args.seeds
        for domain in args.target
        for treatment in args.treatments
    ]
    progress = Progress(dict.fromkeys(names, args.steps / 400), workers=args.workers)
    run = Run(args.out)
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
    run.write_json("results.json", [row.to_dict() for row in rows])
    say(table(rows, args.target))
    wrote(run.write_file("adapt.png", png(draw(rows, args.target))))
    wrote(run.folder / "results.json", f"bvae-rl transfer {args.vae[0]} {args.world.flags}")
    return Result(rows, run.folder)


def draw(rows: Sequence[Row], targets: Sequence[str]) -> Figure:
    """Return, reconstruction error and MIG after the move."""
    measures = {
        "return": "return in the new appearances",
        "recon": "squared error of a frame",
        "mig": "MIG",
    }
    return adaptation(
        {
            label: {
                domain: curves([row for row in rows if row.study == f"adapt-{domain}"], metric)
                for domain in targets
            }
            for metric, label in measures.items()
        }
    )


def table(rows: Sequence[Row], targets: Sequence[str]) -> str:
    """Each treatment after each move, in the new appearances and back in the source."""
    lines = [["moved to", "evaluated in", "treatment", *COLUMNS]]
    for target in targets:
        mine = [row for row in rows if row.study == f"adapt-{target}"]
        found = {metric: finals(mine, metric) for metric in COLUMNS}
        for where in dict.fromkeys(row.domain for row in mine):
            for name in dict.fromkeys(row.method for row in mine):
                cells = [
                    spread(found[metric][name][str(where)], digits)
                    for metric, digits in COLUMNS.items()
                ]
                lines.append([target, str(where), TREATMENTS[name].text, *cells])
    return aligned(lines)


def _whole(steps: int, config: AgentConfig) -> int:
    """``steps`` rounded up to whole rollouts, where evaluations can take place."""
    rollout = config.n_envs * config.n_steps
    return int(np.ceil(steps / rollout)) * rollout
