"""One training of one VAE, which all that ``bvae-rl pretrain`` does is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bvae_rl.data.coverage.of_store import doubts
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import WEIGHTS_FILE
from bvae_rl.scripts.common import command_for, command_line, say, wrote
from bvae_rl.scripts.pretrain.args import Args, recipe_of
from bvae_rl.scripts.pretrain.collected import frames_for
from bvae_rl.scripts.pretrain.watched import (
    bound_shown,
    every_step,
    kept_snapshots,
    logged_pictures,
    pictures,
    probe,
    tensorboard,
)
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.worlds import shown_by
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.pictures.of_vae import RECONSTRUCTIONS, can_draw, write_vae_pictures
from bvae_rl.training.pictures.shown_frames import frames_to_show
from bvae_rl.training.recipes.last_phase import refuse_hardened
from bvae_rl.training.verdict.words import outcome, sentences

IMAGES_PER_SECOND = 1300  # a guess, until the first ones were measured


def train_once(
    args: Args,
    *,
    on_progress: Callable[[float], None] | None = None,
    judged: bool = True,
    prune: bool = True,
) -> BetaVAE:
    """Train; ``on_progress`` and ``judged`` as in ``command.main``.

    ``prune`` cuts out idle latents where the recipe does.
    """
    store = frames_for(args)
    start = BetaVAE.load(find_vae(args.start)) if args.start else None
    chosen = recipe_of(args, store, say_why=on_progress is None)
    config = start.config if start else chosen.make_config(store)
    objective = chosen.make_objective(args.steps)
    if start and entry(chosen.objective).groups and not config.groups:
        raise ValueError(
            f"objective {chosen.objective} needs latents for content and for style, and the VAE "
            f"at {args.start} has no groups; start from one that was trained on pairs"
        )
    probes = [] if args.probe_freq is None else [probe(store, args)]
    progress = Progress({"training": args.steps * args.train.batch_size / IMAGES_PER_SECOND})
    draw = partial(bound_shown, progress)
    show = draw if on_progress is None else lambda done, metrics: on_progress(done)
    refuse_hardened(args.out, chosen.objective)
    vae = train_vae(
        store, config, objective, steps=args.steps, seed=args.seed, out=args.out,
        train=args.train, start=start, weighting=chosen.make_weighting(store),
        command=command_line(),
        prune=prune and chosen.prune and start is None and not args.snapshots,
        callbacks=[
            every_step(args.steps, show),
            pictures(store, args.out, args.steps, validation=args.train.validation),
            *([tensorboard(args.out)] if args.tensorboard else []),
            *logged_pictures(store, args),
            *kept_snapshots(args),
            *probes,
        ],
    )  # fmt: skip
    progress.close()
    if vae.latent_dim < config.latent_dim:
        _draw_pruned(vae, store, args)
    for each in probes:
        each.say_if_none()
    if on_progress is None and judged:
        verdict(vae, args.out)
        for line in doubts(store):
            say(line)
        wrote(args.out, next_command(args.out, store))
    return vae


def next_command(out: Path, store: FrameStore) -> str:
    """What to do with the VAE in the environment of its frames, or on the frames themselves."""
    if "env" not in store.meta:
        return command_for("visualize", str(out), store=store.folder)
    domain = store.meta.get("domain")
    return command_for("visualize", str(out), world=shown_by(store), domain=domain)


def verdict(vae: BetaVAE, out: Path) -> None:
    """Say what came of the training, and what the VAE in ``out`` shows and leaves out."""
    for line in (outcome(vae), *sentences(vae, picture=out / RECONSTRUCTIONS)):
        say(line)


def _draw_pruned(vae: BetaVAE, store: FrameStore, args: Args) -> None:
    """The pictures once more where they show latents that were cut out after they were drawn."""
    drawn, weights = args.out / RECONSTRUCTIONS, args.out / WEIGHTS_FILE
    if can_draw() and not (
        drawn.exists() and drawn.stat().st_mtime_ns > weights.stat().st_mtime_ns
    ):
        shown = frames_to_show(store, validation=args.train.validation)
        write_vae_pictures(vae, shown, args.out)
