"""Measure speed and size against targets, alternating in one run: medians, ratios, profiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
import tyro

from bvae_rl.models.hub import find_vae
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.versions import environment
from bvae_rl.scripts.bench.figures import Figure, table
from bvae_rl.scripts.common import EnvArgs, command_line, say, wrote


@dataclass(frozen=True)
class Args:
    """What to measure, with which VAE and environment."""

    what: tyro.conf.Positional[
        Literal["plugin", "envs", "metrics", "networks", "objectives", "pretrain"]
    ]
    """plugin: PPO, SAC, encoding and replay memory with the Beta-VAE against raw pixels;
    envs: frames a second of every kind of world in every kind of appearance;
    metrics: seconds that scores take;
    networks: cost and worth of encoders and decoders, each trained on a frame store;
    objectives: time of a training step of each;
    pretrain: images a second of pretraining against a plain loop"""
    vae: str = "reach_pairs"
    """plugin: a VAE's folder, a shipped name or a Hub id"""
    store: Path = Path("runs/frames")
    """networks, objectives, pretrain: frame store (bvae-rl collect); for networks with factors, for
    objectives with two views too"""
    steps: int = 1200
    """networks: gradient steps of each training, on batches of 64 images"""
    rounds: int = 5
    """alternating rounds; the median counts"""
    threads: int = 1
    """CPU threads"""
    profile: bool = False
    """show where the time goes even where the target is reached"""
    out: Path = Path("runs/bench")
    """results go here"""
    world: EnvArgs = EnvArgs()


class Bench(Protocol):
    """What one subject is to offer, warmed up; ``sizes`` is a dataclass of settings."""

    sizes: Any

    def figures(self, rounds: int) -> list[Figure]:
        """Time everything in turn, ``rounds`` times."""
        ...

    def profile(self, name: str) -> list[str]:
        """Where the time behind the figure called ``name`` goes, a line each."""
        ...


def _module(what: str) -> Any:
    return import_module(f"bvae_rl.scripts.bench.{what}")


BENCHES: dict[str, Callable[[Any, Args], Bench]] = {  # of the module of that name
    "plugin": lambda bench, args: bench.Bench(find_vae(args.vae), args.world.config()),
    "envs": lambda bench, args: bench.Bench(),
    "metrics": lambda bench, args: bench.Bench(),
    "networks": lambda bench, args: bench.Bench(args.store, steps=args.steps, out=args.out),
    "objectives": lambda bench, args: bench.Bench(args.store),
    "pretrain": lambda bench, args: bench.Bench(args.store, threads=args.threads),
}


@dataclass(frozen=True)
class Result:
    """All figures by name."""

    figures: dict[str, Figure]


def main(args: Args) -> Result:
    """Measure, print one table, say why where a target is missed, and write it all down."""
    if min(args.rounds, args.threads, args.steps) < 1:
        raise ValueError(
            f"rounds, threads and steps must be at least 1, got {args.rounds}, {args.threads} and "
            f"{args.steps}"
        )
    before = torch.get_num_threads()
    torch.set_num_threads(args.threads)
    try:
        module = _module(args.what)
        bench = BENCHES[args.what](module, args)
        figures = bench.figures(args.rounds)
        say(getattr(module, "table", table)(figures))
        profiles = {
            figure.name: bench.profile(figure.name)
            for figure in figures
            if figure.missed or (args.profile and figure.target is not None)
        }
    finally:
        torch.set_num_threads(before)
    for name, lines in profiles.items():
        say(f"\n{name}: where the time goes\n" + "\n".join(f"  {line}" for line in lines))
    run = Run(args.out)
    file = f"bench_{args.what}.json"
    run.write_json(
        file,
        {
            "command": command_line(),
            "figures": {figure.name: asdict(figure) for figure in figures},
            "missed": [figure.name for figure in figures if figure.missed],
            "profiles": profiles,
            "settings": asdict(bench.sizes),
            "rounds": args.rounds,
            "threads": args.threads,
            "versions": environment(),
        },
    )
    wrote(run.path(file))
    return Result({figure.name: figure for figure in figures})
