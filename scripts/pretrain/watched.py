"""What is looked at while a VAE trains: pictures, snapshots, scores, TensorBoard, the bar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.optional import require
from bvae_rl.sb3 import PretrainingProbe, Probe
from bvae_rl.scripts.common import say
from bvae_rl.scripts.pretrain.args import Args
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.worlds import shown_by
from bvae_rl.training.pictures.of_vae import can_draw, write_vae_pictures
from bvae_rl.training.pictures.shown_frames import frames_to_show
from bvae_rl.training.pictures.while_training import PretrainingPictures
from bvae_rl.training.snapshots import keep_snapshots, marks
from bvae_rl.training.watch import Callback

TENSORBOARD = "tensorboard"


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


def every_step(steps: int, show: Callable[[float, dict[str, float]], None]) -> Callback:
    """``show`` the fraction that is done, and the metrics."""
    return lambda step, vae, metrics: show(step / steps, metrics)


def bound_shown(progress: Progress, done: float, metrics: dict[str, float]) -> None:
    """The bar, with the evidence lower bound, or the reconstruction where that is no bound."""
    bound = f"lower bound {metrics['vae/elbo']:.0f} nats"
    loss = f"reconstruction {metrics['vae/validation_recon']:.0f} nats"
    progress.update("training", done, note=bound if metrics["vae/beta"] else loss)
