"""Train a Beta-VAE on a frame store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from bvae_rl.data.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.covered import doubts, tell_coverage
from bvae_rl.data.episodes import tell
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.plan import RANDOM, Plan
from bvae_rl.data.sources import fill, refuse_more
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import WEIGHTS_FILE
from bvae_rl.sb3 import PretrainingProbe, Probe
from bvae_rl.scripts.acting import acting, acts_of, shares_given
from bvae_rl.scripts.common import command_for, command_line, say, say_single, wrote
from bvae_rl.scripts.pretrain.args import Args as Args
from bvae_rl.scripts.pretrain.args import check, hardens, recipe_of
from bvae_rl.scripts.progress import Progress, counted
from bvae_rl.scripts.worlds import shown_by
from bvae_rl.training.last_phase import refuse_hardened
from bvae_rl.training.loop import check_run, train_vae
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.pictures import RECONSTRUCTIONS, can_draw, write_vae_pictures
from bvae_rl.training.shown_frames import frames_to_show
from bvae_rl.training.snapshots import keep_snapshots, marks
from bvae_rl.training.training_pictures import PretrainingPictures
from bvae_rl.training.verdict_words import outcome, sentences
from bvae_rl.training.watch import Callback

TENSORBOARD = "tensorboard"
IMAGES_PER_SECOND = 1300  # a guess, until the first ones were measured

Show = Callable[[float, dict[str, float]], None]  # fraction done, metrics

logger = logging.getLogger(__name__)


def main(
    args: Args,
    *,
    on_progress: Callable[[float], None] | None = None,
    judged: bool = True,
    prune: bool = True,
) -> BetaVAE:
    """Train; ``on_progress`` replaces the bar (the demo has its own).

    ``judged`` says in the end what came of it and what to do next, unless there is ``on_progress``.
    ``prune`` cuts out idle latents where the recipe does.
    """
    if args.threads is not None:
        if args.threads < 1:
            raise ValueError(f"threads must be at least 1, got {args.threads}")
        torch.set_num_threads(args.threads)
    check_run(args.steps, args.seed)
    if args.several.seeds != 1 != args.source.rounds:
        raise ValueError("--seeds chooses between single trainings; leave --rounds out, or --seeds")
    if hardens(args):
        from bvae_rl.scripts.pretrain.hardened import train_hardened  # which calls this command

        check(args)
        return train_hardened(args, on_progress=on_progress, judged=judged)
    if args.several.seeds != 1:
        from bvae_rl.scripts.select_seed import train_seeds  # likewise

        return train_seeds(args, on_progress=on_progress)
    if args.source.rounds != 1:
        from bvae_rl.scripts.pretrain.rounds import train_rounds  # likewise

        return train_rounds(args, on_progress=on_progress)
    store = frames(args)
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
    draw = partial(_draw, progress)
    show = draw if on_progress is None else lambda done, metrics: on_progress(done)
    refuse_hardened(args.out, chosen.objective)
    vae = train_vae(
        store, config, objective, steps=args.steps, seed=args.seed, out=args.out,
        train=args.train, start=start, weighting=chosen.make_weighting(store),
        command=command_line(),
        prune=prune and chosen.prune and start is None and not args.snapshots,
        callbacks=[
            _every_step(args.steps, show),
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


def task(args: Args, *, progress: Callable[[float], None]) -> None:
    """``main`` for a worker process: the VAE stays in its folder."""
    main(args, on_progress=progress)


def frames(args: Args) -> FrameStore:
    """The store that is named, or one that is collected in the environment that is named."""
    source = args.source
    if (args.store is None) == (source.env is None):
        raise ValueError(
            "frames come from a store or from an environment; name one: bvae-rl pretrain "
            "runs/frames, or bvae-rl pretrain --env bvae_rl/PlanarReach-v0"
        )
    check(args)
    acts = source.policy, source.shares, source.max_episode_steps, source.skip_steps
    if args.store is not None and acts != (RANDOM, (), MAX_EPISODE_STEPS, 0):
        raise ValueError(
            "--policy, --shares, --max-episode-steps and --skip-steps act in an environment, and "
            f"the frames in {args.store} are there already; leave them out, or give --env"
        )
    if args.store is not None:
        return FrameStore.existing(args.store)
    refuse_more(args.out / "frames", source.frames)
    store = FrameStore(args.out / "frames")
    plan = Plan(
        source.frames, source.policy, seed=args.seed, shares=shares_given(source.shares),
        acts=acts_of(source.policy),
        max_episode_steps=source.max_episode_steps, skip_steps=source.skip_steps,
    )  # fmt: skip
    progress = Progress({"frames": source.frames / 3000})
    say_single(source)
    env = source.config(source.domain)
    fill(
        store, env, plan, acting=acting(source.policy, env),
        progress=counted(partial(progress.update, "frames"), source.frames, done=len(store)),
    )  # fmt: skip
    progress.close()
    tell(store, plan.max_episode_steps)
    tell_coverage(store)
    return store


def verdict(vae: BetaVAE, out: Path) -> None:
    """Say what came of the training, and what the VAE in ``out`` shows and leaves out."""
    for line in (outcome(vae), *sentences(vae, picture=out / RECONSTRUCTIONS)):
        say(line)


def pictures(store: FrameStore, out: Path, steps: int, *, validation: float) -> Callback:
    """Reconstructions and traversals as PNG, four times in training; none without matplotlib."""
    if not can_draw():
        return lambda step, vae, metrics: None
    shown = frames_to_show(store, validation=validation)
    marks = {round(steps * quarter / 4) for quarter in range(1, 5)}
    seen: set[int] = set()

    def draw(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        due = {mark for mark in marks if mark <= step} - seen
        if due:
            seen.update(due)
            write_vae_pictures(vae, shown, out, elsewhere=step == steps)

    return draw


def _draw_pruned(vae: BetaVAE, store: FrameStore, args: Args) -> None:
    """The pictures once more where they show latents that were cut out after they were drawn."""
    drawn, weights = args.out / RECONSTRUCTIONS, args.out / WEIGHTS_FILE
    if can_draw() and not (
        drawn.exists() and drawn.stat().st_mtime_ns > weights.stat().st_mtime_ns
    ):
        shown = frames_to_show(store, validation=args.train.validation)
        write_vae_pictures(vae, shown, args.out)


def kept_snapshots(args: Args) -> list[Callback]:
    """What keeps VAEs on the way, where they are asked for."""
    if not args.snapshots:
        return []
    asked, every = args.snapshots, args.train.log_freq
    if (there := len(marks(args.steps, asked, every=every))) < asked:
        say(
            f"{there} of {asked} snapshots can be kept, one a row of the log: for more, "
            f"--log-freq {max(1, args.steps // asked)} (it is {every})"
        )
    return [keep_snapshots(args.out, args.steps, asked, log_freq=every)]


def tensorboard(out: Path) -> Callback:
    """Every logged metric as a TensorBoard scalar."""
    writer = require("torch.utils.tensorboard", extra="log").SummaryWriter(out / TENSORBOARD)

    def log(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return log


def logged_pictures(store: FrameStore, args: Args) -> list[Callback]:
    """Pictures in TensorBoard, where they are asked for."""
    if args.log_pictures is None:
        return []
    shown = frames_to_show(store, validation=args.train.validation)
    return [PretrainingPictures(shown, args.out / TENSORBOARD, freq=args.log_pictures)]


def probe(store: FrameStore, args: Args) -> PretrainingProbe:
    """Scores in the environment that the store was collected in, in its domain."""
    if "env" not in store.meta:
        raise ValueError(
            f"{store.folder} does not say which environment it shows, so there is nothing to "
            "probe; leave out --probe-freq"
        )
    env = shown_by(store).config(store.meta.get("domain")).make()
    return PretrainingProbe(Probe(env, every=args.probe_freq or 0, seed=args.seed), args.out)


def _every_step(steps: int, show: Show) -> Callback:
    return lambda step, vae, metrics: show(step / steps, metrics)


def _draw(progress: Progress, done: float, metrics: dict[str, float]) -> None:
    """The bar, with the evidence lower bound, or the reconstruction where that is no bound."""
    bound = f"lower bound {metrics['vae/elbo']:.0f} nats"
    loss = f"reconstruction {metrics['vae/validation_recon']:.0f} nats"
    progress.update("training", done, note=bound if metrics["vae/beta"] else loss)
