"""Train along the number of latents, and choose: few mix factors, many split a factor in two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.scripts.sweep import along as sweep
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.recipes.recipe import CONTENT, STYLE


@dataclass(frozen=True)
class Args(pretrain.Args):
    """What to sweep; everything else as ``pretrain`` takes it."""

    out: Path = Path("runs/sweep-latents")
    """a folder for each VAE, results.json and sweep.png; a killed sweep goes on there"""
    steps: int = 6_000
    """gradient steps of each VAE"""
    latents: tuple[int, ...] = (8, 12, 16, 24, 32)
    """values to sweep, each with --seeds seeds; shared out over content and style in the ratio of
    --content-dim and --style-dim"""


def main(args: Args) -> sweep.Result:
    """Train, score, draw, and name the fewest latents that cost little."""
    store = sweep.frames_of(args, "latents")
    chosen = recipe_of(args, store)
    if args.start is not None or entry(chosen.objective).factors:
        by = "--start" if args.start is not None else f"objective {chosen.objective}"
        raise ValueError(f"the number of latents is fixed by {by}; leave it out")
    content, style = _ratio(args)
    if content < 1 or style < 0 or min(args.latents, default=0) < 2:
        raise ValueError(
            f"latents of 2 and more are shared out over content and style, got {args.latents} over "
            f"{content} and {style}"
        )
    axis = sweep.Axis(
        "latents", "latents", tuple(map(float, sorted(args.latents))), shared_out,
        say=lambda value: f"{value:g} latents", most="fewest", falling=True,
        scores=(sweep.R2, sweep.MIG, sweep.DISENTANGLED, sweep.COMPLETE),
    )  # fmt: skip
    return sweep.main(args, axis, store)


def _ratio(args: pretrain.Args) -> tuple[int, int]:
    model = args.model
    return (
        CONTENT if model.content_dim is None else model.content_dim,
        STYLE if model.style_dim is None else model.style_dim,
    )


def shared_out(args: pretrain.Args, latents: float) -> pretrain.Args:
    """The same ratio of content and style, at least one each of what there is."""
    total, (content, style) = int(latents), _ratio(args)
    kept = round(total * style / (content + style))
    kept = min(max(kept, 1 if style else 0), total - 1)
    return args.but(content_dim=total - kept, style_dim=kept)
