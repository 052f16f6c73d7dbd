"""Train along beta (or the capacity), score, and choose: rate, distortion and scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from bvae_rl.scripts import pretrain, sweep


@dataclass(frozen=True)
class Args(pretrain.Args):
    """What to sweep; everything else as ``pretrain`` takes it."""

    out: Path = Path("runs/sweep-beta")
    """a folder for each VAE, results.json and sweep.png; a killed sweep goes on there"""
    beta: tyro.conf.Suppress[float | None] = None
    select: tyro.conf.Suppress[Literal["udr", "mig", "r2"]] = "udr"
    steps: int = 6_000
    """gradient steps of each VAE"""
    seeds: int = 1
    """how many seeds of each value, from --seed on; from five on intervals are drawn"""
    betas: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    """values to sweep"""
    capacity: tuple[float, ...] = ()
    """sweep these capacities (nats) with the capacity objective instead, for example 5 10 20 40"""


def main(args: Args) -> sweep.Result:
    """Train, score, draw, and name the largest beta (or smallest capacity) that costs little."""
    if args.capacity and args.betas != Args.betas:
        raise ValueError(f"--capacity sweeps instead of --betas, got {args.betas}; leave one out")
    if args.capacity:
        if args.objective not in ("beta", "capacity"):
            raise ValueError(
                f"--capacity sweeps the capacity objective, not {args.objective}; leave one out"
            )
        return sweep.main(args, _capacities(args))
    if args.objective == "capacity":
        raise ValueError("the capacity objective has no beta: give --capacity 5 10 20 40, in nats")
    axis = sweep.Axis(
        "beta", "beta", tuple(sorted(args.betas)), lambda a, v: replace(a, beta=v),
        say=lambda value: f"beta {value:g}", most="largest",
    )  # fmt: skip
    return sweep.main(args, axis)


def _capacities(args: Args) -> sweep.Axis:
    def at(settings: pretrain.Args, value: float) -> pretrain.Args:
        return replace(settings, objective="capacity", set=(*settings.set, f"nats={value:g}"))

    return sweep.Axis(
        "capacity", "capacity (nats)", tuple(sorted(args.capacity)), at,
        say=lambda value: f"a capacity of {value:g} nats", most="smallest", falling=True,
    )  # fmt: skip
