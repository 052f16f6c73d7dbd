"""``bvae-rl pretrain --rounds N``: one training for each round (``training/rounds.py``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bvae_rl.data.collecting.plan import Plan
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.common import say
from bvae_rl.scripts.pretrain.args import Args, check
from bvae_rl.scripts.pretrain.once import train_once
from bvae_rl.scripts.progress import Progress, counted
from bvae_rl.training.rounds import check_rounds, in_rounds


def train_rounds(args: Args, *, on_progress: Callable[[float], None] | None = None) -> BetaVAE:
    """The last round's VAE, in ``args.out``; ValueError without an environment."""
    source, rounds = args.source, args.source.rounds
    if source.env is None or args.store is not None:
        raise ValueError(
            f"--rounds {rounds} lets an agent act between the trainings, so name the environment "
            "and no store: bvae-rl pretrain --env ID --rounds 2"
        )
    check(args)
    bounds = {name: getattr(source, name) for name in ("max_episode_steps", "skip_steps")}
    plan = Plan(source.frames, source.policy, seed=args.seed, **bounds)
    check_rounds(rounds, plan, steps=args.steps)
    progress = Progress({"frames": source.frames / 1000})

    def first(folder: Path, frames: int, steps: int) -> BetaVAE:
        one = args.but(out=folder, frames=frames, steps=steps, rounds=1)
        return train_once(one, on_progress=on_progress, judged=False, prune=False)

    def again(folder: Path, store: FrameStore, steps: int, earlier: Path) -> BetaVAE:
        progress.close()
        one = replace(args.on(store.folder), out=folder, steps=steps, start=earlier)
        return train_once(one, on_progress=on_progress, judged=folder == args.out)

    show = counted(partial(progress.update, "frames"), plan.frames - plan.frames // rounds)
    return in_rounds(
        rounds, source.config(source.domain), plan, args.out, steps=args.steps, first=first,
        again=again, say=say if on_progress is None else lambda text: None, progress=show,
    )  # fmt: skip
