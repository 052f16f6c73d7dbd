"""Train along the number of latents, and choose: few mix factors, many split a factor in two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from bvae_rl.scripts import pretrain, sweep
from bvae_rl.training.objectives.table import entry


@dataclass(frozen=True)
class Args(pretrain.Args):
    """What to sweep; everything else as ``pretrain`` takes it."""

    out: Path = Path("runs/sweep-latents")
    """a folder for each VAE, results.json and sweep.png; a killed sweep goes on there"""
    select: tyro.conf.Suppress[Literal["udr", "mig", "r2"]] = "udr"
    steps: int = 6_000
    """gradient steps of each VAE"""
    seeds: int = 1
    """how many seeds of each value, from --seed on; from five on intervals are drawn"""
    latents: tuple[int, ...] = (8, 12, 16, 24, 32)
    """values to sweep, shared out over content and style as --content-dim and --style-dim are"""


def main(args: Args) -> sweep.Result:
    """Train, score, draw, and name the fewest latents that cost little."""
    if args.start is not None or entry(args.objective).factors:
        by = "--start" if args.start is not None else f"objective {args.objective}"
        raise ValueError(f"the number of latents is fixed by {by}; leave it out")
    if args.content_dim < 1 or args.style_dim < 0 or min(args.latents, default=0) < 2:
        raise ValueError(
            f"latents of 2 and more are shared out over content and style, got {args.latents} over "
            f"{args.content_dim} and {args.style_dim}"
        )
    axis = sweep.Axis(
        "latents", "latents", tuple(map(float, sorted(args.latents))), shared_out,
        say=lambda value: f"{value:g} latents", most="fewest", falling=True,
        scores=(sweep.R2, sweep.MIG, sweep.DISENTANGLED, sweep.COMPLETE),
    )  # fmt: skip
    return sweep.main(args, axis)


def shared_out(args: pretrain.Args, latents: float) -> pretrain.Args:
    """The same share of content and style, at least one each of what there is."""
    total = int(latents)
    style = round(total * args.style_dim / (args.content_dim + args.style_dim))
    style = min(max(style, 1 if args.style_dim else 0), total - 1)
    return replace(args, content_dim=total - style, style_dim=style)
