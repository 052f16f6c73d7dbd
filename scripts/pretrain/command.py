"""Train a Beta-VAE on a frame store."""

from __future__ import annotations

from collections.abc import Callable

from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.devices import set_threads
from bvae_rl.scripts.pretrain.args import Args as Args
from bvae_rl.scripts.pretrain.args import check, hardens
from bvae_rl.scripts.pretrain.hardened import train_hardened
from bvae_rl.scripts.pretrain.unhardened import train_unhardened
from bvae_rl.training.loop import check_run


def main(
    args: Args,
    *,
    on_progress: Callable[[float], None] | None = None,
    judged: bool = True,
) -> BetaVAE:
    """Train; ``on_progress`` replaces the bar (the demo has its own).

    ``judged`` says in the end what came of it and what to do next, unless there is ``on_progress``.
    """
    set_threads(args.threads)
    check_run(args.steps, args.seed)
    if args.several.seeds != 1 != args.source.rounds:
        raise ValueError("--seeds chooses between single trainings; leave --rounds out, or --seeds")
    if hardens(args):
        check(args)
        return train_hardened(args, on_progress=on_progress, judged=judged)
    return train_unhardened(args, on_progress=on_progress, judged=judged)


def task(args: Args, *, progress: Callable[[float], None]) -> None:
    """``main`` for a worker process: the VAE stays in its folder."""
    main(args, on_progress=progress)
