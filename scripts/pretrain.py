"""Train a Beta-VAE on a frame store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.models.losses import Likelihood, beta_norm
from bvae_rl.models.networks import DecoderName, EncoderName
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.optional import require
from bvae_rl.sb3 import PretrainingProbe, Probe
from bvae_rl.scripts.common import command_line, say, shown_by, wrote
from bvae_rl.scripts.pretrain_choice import hyperparameters, make_config, make_objective, weighting
from bvae_rl.scripts.progress import Progress
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.pictures import write_vae_pictures
from bvae_rl.training.pretrain import Callback, PretrainResult, TrainConfig, pretrain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Args:
    """What to train, on what, how long."""

    store: tyro.conf.Positional[Path]
    """folder of a frame store (bvae-rl collect)"""
    out: Path = Path("runs/vae")
    """folder of the VAE; a killed training goes on there"""
    objective: str = "beta"
    """what to train by; docs/objectives.md tells what each is for"""
    preset: Literal["tuned", "paper"] = "tuned"
    """hyperparameters for RL frames on this budget, or the paper's (with its likelihood: bernoulli, s = 1)"""
    beta: float | None = None
    """weight of the KL, for the likelihood and its weight below; by default the objective's own"""
    set: tuple[str, ...] = ()
    """further hyperparameters of the objective, as NAME=VALUE"""
    pairs: str | None = None
    """which frames go together: views, interventions, consecutive, augment, or several joined by +;
    by default the objective's own"""
    steps: int = 24_000
    """batches"""
    content_dim: int = 24
    """latents for the state (with pairs), the first ones"""
    style_dim: int = 8
    """latents for the style (with pairs), the last ones; 0 without pairs for one group"""
    per_actuator: int = 1
    """of the content, latents for what each actuator drives (with actuator pairs)"""
    schedule: Literal["constant", "linear", "cosine", "geometric", "cyclical"] = "linear"
    """how beta (or the capacity) gets there; geometric: by the same factor each step, late"""
    ramp: float = 0.2
    """fraction of the steps that this takes"""
    relax: float = 0.0
    """fraction of the steps, at the end, in which beta falls back to a tenth: what was sorted under
    pressure stays sorted, and detail comes back"""
    likelihood: Likelihood | None = None
    """gaussian: squared error; bernoulli: cross-entropy; summed over pixels"""
    recon_weight: float | None = None
    """weight of the reconstruction (20); gaussian: 1 / (2 sigma^2)"""
    weighting: Literal["none", "foreground", "motion"] = "none"
    """pixels that count more: what stands before the background, or what moves in a pair"""
    weighting_factor: float = 10.0
    """how much more they count"""
    encoder: EncoderName = "space_to_depth"
    """architecture of the encoder"""
    decoder: DecoderName = "pixel_shuffle"
    """pixel_shuffle mirrors the encoder; broadcast is Watters 2019"""
    channels: tuple[int, int, int] = (32, 64, 64)
    """widths of the three strided convolutions"""
    hidden: int = 256
    """width of the fully connected layer"""
    channel_order: Literal["RGB", "BGR", "other"] = "RGB"
    """what the channels of the stored frames are"""
    start: Path | None = None
    """go on from this VAE's weights; its architecture, groups, likelihood and its weight then hold"""
    seed: int = 0
    """weights, batches and noise depend on it"""
    seeds: int = 1
    """how many seeds to train from there on, each in OUT/seed-K; the best becomes OUT"""
    select: Literal["udr", "mig", "r2"] = "udr"
    """what the best of several seeds is judged by; udr, their agreement, needs no factors"""
    workers: int = 2
    """several seeds: processes side by side, each with its share of the cores"""
    probe_every: int | None = None
    """batches between two scores (MIG, DCI, R2; OUT/probe.csv) in the store's environment"""
    tensorboard: bool = False
    """also log to OUT/tensorboard (extra: log)"""
    threads: int | None = None
    """CPU threads; by default torch's choice"""
    train: TrainConfig = TrainConfig()


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> PretrainResult:
    """Train; ``on_progress`` replaces the bar (the demo has its own)."""
    if args.threads is not None:
        if args.threads < 1:
            raise ValueError(f"threads must be at least 1, got {args.threads}")
        torch.set_num_threads(args.threads)
    if args.seed < 0:
        raise ValueError(f"seed must not be negative, got {args.seed}")
    if args.seeds != 1:
        from bvae_rl.scripts.select_seed import train_seeds  # which calls this command

        return train_seeds(args, on_progress=on_progress)
    store = FrameStore.existing(args.store)
    if store.missing:
        logger.warning(
            "%s holds %d of %d frames: its collection was interrupted, and the same command goes "
            "on with it", store.folder, len(store), len(store) + store.missing,
        )  # fmt: skip
    start = BetaVAE.load(find_vae(args.start)) if args.start else None
    config = start.config if start else make_config(args, store)
    if entry(args.objective).groups and not config.groups:
        raise ValueError(
            f"objective {args.objective} needs latents for content and for style, and the VAE "
            f"at {args.start} has no groups; start from one that was trained on pairs"
        )
    probes = [] if args.probe_every is None else [probe(store, args)]
    if config.levels != (levels := int(hyperparameters(args).get("levels", 0))):
        raise ValueError(
            f"objective {args.objective} takes latents of {levels} levels (0: continuous), and the "
            f"VAE at {args.start} has {config.levels}"
        )
    progress = Progress({"training": args.steps * args.train.batch_size / 1300})
    show = on_progress or (lambda fraction: progress.update("training", fraction))
    result = pretrain(
        store,
        config,
        make_objective(args),
        steps=args.steps,
        seed=args.seed,
        out=args.out,
        train=args.train,
        start=start,
        weighting=weighting(args),
        settings=_settings(args),
        command=command_line(),
        callbacks=[
            _every_step(args.steps, show),
            pictures(store, args.out, args.steps),
            *([tensorboard(args.out)] if args.tensorboard else []),
            *probes,
        ],
    )
    progress.close()
    for each in probes:
        each.say_if_none()
    if on_progress is None:
        m = result.metrics
        beta = m["vae/beta"]
        norm = beta_norm(beta, latent_dim=config.latent_dim, pixels=config.pixels)
        likelihood = f"a {config.likelihood} likelihood, s = {config.recon_weight:g}"
        say(
            f"evidence lower bound {m['vae/elbo']:.1f} nats, KL {m['vae/validation_kl']:.1f}, "
            f"{m['vae/active_latents']:g} of {config.latent_dim} latents active; beta {beta:g} "
            f"with {likelihood} (normalised {norm:.2g})"
            if beta
            else f"reconstruction {m['vae/validation_recon']:.1f} nats with {likelihood}; nothing "
            "presses on the KL, so neither it nor a bound says anything"
        )
        env = shown_by(store)
        domain = f" --domain {store.meta['domain']}" if store.meta.get("domain") else ""
        wrote(args.out, f"bvae-rl evaluate {args.out} {env.flags}{domain}")
    return result


def task(args: Args, *, progress: Callable[[float], None]) -> None:
    """``main`` for a worker process: the VAE stays in its folder."""
    main(args, on_progress=progress)


def pictures(store: FrameStore, out: Path, steps: int) -> Callback:
    """Reconstructions and traversals as PNG, four times in training; none without matplotlib."""
    try:
        require("matplotlib", extra="plots")
    except ImportError as error:
        logger.info("no pictures are drawn: %s", error)
        return lambda step, vae, metrics: None
    frames = store.read(slice(0, 256)).frames
    marks = {round(steps * quarter / 4) for quarter in range(1, 5)}
    seen: set[int] = set()

    def draw(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        due = {mark for mark in marks if mark <= step} - seen
        if due:
            seen.update(due)
            write_vae_pictures(vae, frames, out)

    return draw


def tensorboard(out: Path) -> Callback:
    """Every logged metric as a TensorBoard scalar."""
    writer = require("torch.utils.tensorboard", extra="log").SummaryWriter(out / "tensorboard")

    def log(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return log


def probe(store: FrameStore, args: Args) -> PretrainingProbe:
    """Scores in the environment that the store was collected in, in its looks."""
    if "env" not in store.meta:
        raise ValueError(
            f"{args.store} does not say which environment it shows, so there is nothing to probe; "
            "leave out --probe-every"
        )
    env = shown_by(store).config(store.meta.get("domain")).make()
    return PretrainingProbe(Probe(env, every=args.probe_every or 0, seed=args.seed), args.out)


def _settings(args: Args) -> dict[str, Any]:
    relax = {"relax": args.relax} if args.relax else {}
    found = {"preset": args.preset, "schedule": args.schedule, "ramp": args.ramp, **relax}
    return {**found, **hyperparameters(args)}


def _every_step(steps: int, show: Callable[[float], None]) -> Callback:
    return lambda step, vae, metrics: show(step / steps)
