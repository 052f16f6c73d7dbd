"""Train a Beta-VAE on a frame store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro

from bvae_rl import schedules
from bvae_rl.frames import FrameStore
from bvae_rl.hub import find_vae
from bvae_rl.losses import Likelihood, beta_norm
from bvae_rl.model import BetaVAE
from bvae_rl.networks import DecoderName, EncoderName
from bvae_rl.objectives import Objective
from bvae_rl.objectives.entry import Ramped
from bvae_rl.objectives.table import OBJECTIVES, entry
from bvae_rl.optional import require
from bvae_rl.pictures import write_vae_pictures
from bvae_rl.pixel_weights import Weighting
from bvae_rl.plug import PretrainingProbe, Probe
from bvae_rl.pretrain import Callback, PretrainResult, TrainConfig, pretrain
from bvae_rl.schedules import Schedule
from bvae_rl.scripts.common import EnvArgs, command_line, say, wrote
from bvae_rl.scripts.progress import Progress
from bvae_rl.vae_config import VAEConfig, actuator_part

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
    """knobs for RL frames on this budget, or the paper's (with its likelihood: bernoulli, s = 1)"""
    beta: float | None = None
    """weight of the KL, for the likelihood and s below; by default the objective's own"""
    set: tuple[str, ...] = ()
    """further knobs of the objective, as NAME=VALUE"""
    pairs: str | None = None
    """which frames go together: looks, actuators, consecutive, augment, or several joined by +;
    by default the objective's own"""
    steps: int = 24_000
    """batches"""
    content: int = 24
    """latents for the state (with pairs), the first ones"""
    look: int = 8
    """latents for the look (with pairs), the last ones; 0 without pairs for one group"""
    per_actuator: int = 1
    """of the content, latents for what each actuator drives (with actuator pairs)"""
    schedule: Literal["constant", "linear", "cosine", "cyclical"] = "linear"
    """how beta (or the capacity) gets there"""
    ramp: float = 0.2
    """fraction of the steps that this takes"""
    likelihood: Likelihood | None = None
    """gaussian: s * squared error; bernoulli: s * cross-entropy; summed over pixels"""
    s: float | None = None
    """weight of the likelihood (20); gaussian: 1 / (2 sigma^2)"""
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
    """go on from this VAE's weights; its architecture, groups, likelihood and s then hold"""
    seed: int = 0
    """weights, batches and noise depend on it"""
    probe_every: int | None = None
    """batches between two scores (MIG, DCI, R2; OUT/probe.csv) in the store's environment"""
    tensorboard: bool = False
    """also log to OUT/tensorboard (extra: log)"""
    threads: int | None = None
    """CPU threads; by default torch's choice"""
    train: TrainConfig = TrainConfig()


BETA_SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": lambda beta, steps: schedules.constant(beta),
    "linear": lambda beta, steps: schedules.linear(0.0, beta, steps),
    "cosine": lambda beta, steps: schedules.cosine(0.0, beta, steps),
    "cyclical": lambda beta, steps: schedules.cyclical(beta, steps),
}


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> PretrainResult:
    """Train; ``on_progress`` replaces the bar (the demo has its own)."""
    if args.threads is not None:
        if args.threads < 1:
            raise ValueError(f"threads must be at least 1, got {args.threads}")
        torch.set_num_threads(args.threads)
    if args.seed < 0:
        raise ValueError(f"seed must not be negative, got {args.seed}")
    store = FrameStore.existing(args.store)
    start = BetaVAE.load(find_vae(args.start)) if args.start else None
    config = start.config if start else _config(args, store)
    progress = Progress({"training": args.steps * args.train.batch / 1300})
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
            *([probe(store, args)] if args.probe_every is not None else []),
        ],
    )
    progress.close()
    if on_progress is None:
        m = result.metrics
        beta = m["vae/beta"]
        norm = beta_norm(beta, latents=config.latents, pixels=config.pixels)
        say(
            f"evidence lower bound {m['vae/elbo']:.1f} nats, KL {m['vae/validation_kl']:.1f}, "
            f"{m['vae/active_latents']:g} of {config.latents} latents active; beta {beta:g} "
            f"with a {config.likelihood} likelihood, s = {config.s:g} (normalised {norm:.2g})"
        )
        env = _world(store)
        looks = f" --looks {store.meta['looks']}" if store.meta.get("looks") else ""
        wrote(args.out, f"bvae-rl evaluate {args.out} {env.flags}{looks}")
    return result


def task(args: Args, *, progress: Callable[[float], None]) -> None:
    """``main`` for a worker process: the VAE stays in its folder."""
    main(args, on_progress=progress)


def make_objective(args: Args) -> Objective:
    """The objective that the arguments describe."""
    if not 0.0 <= args.ramp <= 1.0:
        raise ValueError(
            f"ramp is the fraction of the steps that beta takes to get there, from 0 to 1, got "
            f"{args.ramp}: it would end before it begins, or after the training"
        )
    ramp = max(1, round(args.ramp * args.steps))
    ramped = Ramped(BETA_SCHEDULES[args.schedule], ramp, args.steps)
    return entry(args.objective).make(ramped, knobs(args), pairs(args))


def weighting(args: Args) -> Weighting | None:
    """Which pixels count more; None if all count the same."""
    if args.weighting == "none":
        return None
    return Weighting(args.weighting, args.weighting_factor)


def knobs(args: Args) -> dict[str, float]:
    """The values of all knobs of the objective."""
    given = dict(map(_knob, args.set))
    if args.beta is not None:
        given["beta"] = args.beta
    return entry(args.objective).knobs(args.preset, given)


def pairs(args: Args) -> str:
    """The pairs to train on, "" for single frames."""
    row = entry(args.objective)
    if args.pairs is not None and not row.pairs:
        takers = [other.name for other in OBJECTIVES.values() if other.pairs]
        raise ValueError(
            f"objective {row.name} takes single frames, not --pairs {args.pairs}; these take "
            f"pairs: {', '.join(takers)}"
        )
    return row.pairs if args.pairs is None else args.pairs


def _knob(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        return name, float(value if equals else "no number")
    except ValueError as error:
        raise ValueError(f"a knob is NAME=NUMBER, for example gamma=10, got {text!r}") from error


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


def probe(store: FrameStore, args: Args) -> Callback:
    """Scores in the environment that the store was collected in, in its looks."""
    if "env" not in store.meta:
        raise ValueError(
            f"{args.store} does not say which environment it shows, so there is nothing to probe; "
            "leave out --probe-every"
        )
    env = _world(store).config(store.meta.get("looks")).make()
    return PretrainingProbe(Probe(env, every=args.probe_every or 0, seed=args.seed), args.out)


def _world(store: FrameStore) -> EnvArgs:
    meta = store.meta
    return EnvArgs.of(
        meta.get("env", "ENV"), tuple(meta.get("wrappers", ())), tuple(meta.get("kwargs", ()))
    )


def _config(args: Args, store: FrameStore) -> VAEConfig:
    content, look = _sizes(args, store)
    latents, paper = content + look, args.preset == "paper"
    groups, parts = {}, {}
    if entry(args.objective).groups:
        groups = {"content": (0, content), "look": (content, latents)}
        if "actuators" in pairs(args).split("+"):
            parts = _actuator_parts(store, args.per_actuator)
    return VAEConfig(
        shape=store.shape,
        latents=latents,
        groups=groups,
        parts=parts,
        channels=args.channels,
        hidden=args.hidden,
        encoder=args.encoder,
        decoder=args.decoder,
        levels=int(knobs(args).get("levels", 0)),
        likelihood=args.likelihood or ("bernoulli" if paper else "gaussian"),
        s=args.s or (1.0 if paper else 20.0),
        channel_order=args.channel_order,
    )


def _sizes(args: Args, store: FrameStore) -> tuple[int, int]:
    """Latents for content and look: as asked for, or one a factor if the objective is told them."""
    if not entry(args.objective).factors:
        return args.content, args.look
    roles = [spec.role for spec in store.factor_specs]
    state = roles.count("state")
    if not state or state == len(roles) or roles[:state] != ["state"] * state:
        raise ValueError(
            f"objective {args.objective} regresses state factors, then look factors; {args.store} "
            f"holds {', '.join(roles) or 'no factors'}"
        )
    return state, len(roles) - state


def _actuator_parts(store: FrameStore, width: int) -> dict[str, tuple[int, int]]:
    """The first latents, ``width`` for each actuator of the store; none if it has no actions."""
    try:
        actuators = store.array("actions").shape[1]
    except KeyError:
        actuators = 0
    return {actuator_part(i): (i * width, (i + 1) * width) for i in range(actuators)}


def _settings(args: Args) -> dict[str, Any]:
    return {"preset": args.preset, "schedule": args.schedule, "ramp": args.ramp, **knobs(args)}


def _every_step(steps: int, show: Callable[[float], None]) -> Callback:
    return lambda step, vae, metrics: show(step / steps)
