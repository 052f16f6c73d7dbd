"""Train along beta (or the capacity), score, and choose: rate, distortion and scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.scripts.sweep import along as sweep


@dataclass(frozen=True)
class Args(pretrain.Args):
    """What to sweep; everything else as ``pretrain`` takes it."""

    out: Path = Path("runs/sweep-beta")
    """a folder for each VAE, results.json and sweep.png; a killed sweep goes on there"""
    steps: int = 6_000
    """gradient steps of each VAE"""
    betas: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    """values to sweep, each with --seeds seeds"""
    capacity: tuple[float, ...] = ()
    """sweep these capacities (nats) with the capacity objective instead, for example 5 10 20 40"""


def main(args: Args) -> sweep.Result:
    """Train, score, draw, and name the largest beta (or smallest capacity) that costs little."""
    if args.loss.beta is not None:
        raise ValueError("the sweep sets beta: give --betas 0.5 1 2, and leave out --beta")
    if args.capacity and args.betas != Args.betas:
        raise ValueError(f"--capacity sweeps instead of --betas, got {args.betas}; leave one out")
    if args.capacity:
        if args.loss.objective not in (None, "beta", "capacity"):
            raise ValueError(
                f"--capacity sweeps the capacity objective, not {args.loss.objective}; leave one "
                "out"
            )
        return sweep.main(args, _capacities(args))
    store = sweep.frames_of(args, "beta")
    if recipe_of(args, store).objective == "capacity":
        raise ValueError("the capacity objective has no beta: give --capacity 5 10 20 40, in nats")
    axis = sweep.Axis(
        "beta", "beta", tuple(sorted(args.betas)), lambda a, v: a.but(beta=v),
        say=lambda value: f"beta {value:g}", most="largest",
    )  # fmt: skip
    return sweep.main(args, axis, store)


def _capacities(args: Args) -> sweep.Axis:
    def at(settings: pretrain.Args, value: float) -> pretrain.Args:
        return settings.but(objective="capacity", set=(*settings.loss.set, f"nats={value:g}"))

    return sweep.Axis(
        "capacity", "capacity (nats)", tuple(sorted(args.capacity)), at,
        say=lambda value: f"a capacity of {value:g} nats", most="smallest", falling=True,
    )  # fmt: skip
