"""One machinery for sweeps: train along one setting, score, draw, and name the value to take."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.metrics import score, udr
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.plots import png
from bvae_rl.plots.sweep import sweep
from bvae_rl.runtime.runs import Row, Run, require_own
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts import pretrain
from bvae_rl.scripts.common import command_line, flags, say, wrote
from bvae_rl.scripts.held_frames import held_frames
from bvae_rl.scripts.pretrain_choice import make_config, make_objective
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.select_seed import finished
from bvae_rl.scripts.study import aligned
from bvae_rl.training.pictures import decode
from bvae_rl.training.selection import check_enough, last_within, pixel_share
from bvae_rl.training.validation import ACTIVE_KL

SCORES = "sweep.json"
MARGIN = 0.02  # of the score that is chosen by: what pressure may cost
FIT_STEPS = 2000  # of the network behind R2
DECODED = 512  # frames behind the share of the pixels' variance
RATE, DISTORTION, ACTIVE = "rate", "distortion", "active_latents"
PIXELS, R2, MIG = "pixel_share", "r2", "mig"
DISENTANGLED, COMPLETE, UDR = "dci/disentanglement", "dci/completeness", "udr"
LABELS = {
    R2: "mean R2", MIG: "MIG", DISENTANGLED: "DCI disentanglement",
    COMPLETE: "DCI completeness", PIXELS: "share of the pixels' variance", UDR: "UDR",
}  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """What is swept: ``values`` in rising order, and how each is set.

    ``say`` names a value ("beta 4"), ``most`` the end at which the code is pressed hardest
    ("largest"), which is the first value if ``falling``.
    """

    name: str
    label: str
    values: tuple[float, ...]
    at: Callable[[pretrain.Args, float], pretrain.Args]
    say: Callable[[float], str]
    most: str
    falling: bool = False
    scores: tuple[str, ...] = (R2, MIG, DISENTANGLED)


@dataclass(frozen=True)
class Result:
    """All rows, the value to take, why, and where everything is."""

    rows: list[Row]
    chosen: float
    why: str
    out: Path


def main(args: pretrain.Args, axis: Axis) -> Result:
    """Train and score what is missing, tabulate, draw, choose."""
    store = FrameStore.existing(args.store)
    if args.seeds < 1 or args.seed < 0:
        raise ValueError(f"seeds must be at least 1, from 0 on, got {args.seeds} from {args.seed}")
    if len({*axis.values}) < max(2, len(axis.values)):
        raise ValueError(f"a sweep needs two or more different values, got {axis.values}")
    require_own(args.out, "results.json")
    held = held_frames(store, validation=args.train.validation)
    check_enough(len(held.frames))
    points, seeds = _points(args, axis, store), range(args.seed, args.seed + args.seeds)
    tasks = [Task(point.out.name, measured, (point,)) for point in points.values()]
    planned = 10 + args.steps * args.train.batch_size / 1300
    progress = Progress({task.name: planned for task in tasks}, workers=args.workers)
    done = run_parallel(tasks, workers=args.workers, on_progress=progress.update)
    progress.close()
    found = dict(zip(points, done, strict=True))
    told = {points[key].out.name: value for key, value in found.items() if isinstance(value, str)}
    known = {key: value for key, value in found.items() if not isinstance(value, str)}
    if not known:
        raise ValueError(f"nothing came of any value: {next(iter(told.values()))}")
    if not held.labelled and args.seeds > 1:
        _add_agreement(known, points, held.frames.frames)
    run = Run(args.out)
    rows = [
        _row(axis, value, seed, metric, number, len(held.frames), store)
        for (value, seed), metrics in known.items()
        for metric, number in metrics.items()
    ]
    run.write_json("results.json", [row.to_dict() for row in rows])
    shown = axis.scores if held.labelled else (PIXELS, UDR)
    arrays = {
        name: _array(known, axis.values, seeds, name) for name in (RATE, DISTORTION, ACTIVE, *shown)
    }
    shown = tuple(name for name in shown if np.isfinite(arrays[name]).any())
    place, why = choice(axis, shown[0], arrays[shown[0]], arrays[ACTIVE])
    say(_table(axis, arrays, shown, place))
    for name, words in told.items():
        say(f"- {name}: {words}")
    say(f"- {why}")
    figure = sweep(
        axis.values, arrays[RATE], arrays[DISTORTION], arrays[ACTIVE],
        {LABELS[name]: arrays[name] for name in shown}, label=axis.label, chosen=place,
        title=f"T{why[1:].partition(';')[0]}", note=_about(args, len(held.frames)),
    )  # fmt: skip
    wrote(run.write_file("sweep.png", png(figure)))
    wrote(run.path("results.json"), _next(args, axis, axis.values[place]))
    return Result(rows, axis.values[place], why, args.out)


def _points(
    args: pretrain.Args, axis: Axis, store: FrameStore
) -> dict[tuple[float, int], pretrain.Args]:
    """The settings of each value and seed; what they ask for is refused before any training."""
    plain = _plain(args)
    points = {}
    for value in axis.values:
        settings = axis.at(plain, value)
        make_objective(settings)
        make_config(settings, store)
        for seed in range(args.seed, args.seed + args.seeds):
            folder = args.out / f"{axis.name}-{value:g}-seed-{seed}"
            points[value, seed] = replace(settings, seeds=1, seed=seed, out=folder)
    return points


def _plain(args: pretrain.Args) -> pretrain.Args:
    """What ``pretrain`` takes of the arguments of a sweep."""
    return pretrain.Args(**{f.name: getattr(args, f.name) for f in fields(pretrain.Args)})


def measured(args: pretrain.Args, *, progress: Callable[[float], None]) -> dict[str, float] | str:
    """Train one VAE and score it on held-out frames; in words why it came to nothing."""
    words = finished(args, progress=lambda done: progress(0.95 * done))
    if words:
        return words
    run, weights = Run(args.out), read_config(args.out)["weights_sha256"]
    if not run.done("sweep", config=weights):
        run.write_json(SCORES, _scored(args))
        run.mark_done("sweep", config=weights)
    found: dict[str, float] = run.read_json(SCORES)
    return found


def _scored(args: pretrain.Args) -> dict[str, float]:
    vae = BetaVAE.load(args.out)
    store = FrameStore.existing(args.store)
    held = held_frames(store, validation=args.train.validation)
    frames = held.frames.frames
    mu, logvar = vae.posterior_frames(frames)
    trained = vae.meta["scores"]["validation"]
    found = {
        RATE: trained["vae/validation_kl"],
        DISTORTION: trained["vae/validation_recon"],
        "elbo": trained["vae/elbo"],
        PIXELS: pixel_share(frames[:DECODED], decode(vae, mu[:DECODED])),
    }
    if held.labelled:
        scores = score(
            mu, held.frames.factors, held.specs, groups=vae.config.groups,
            active=mean_kl(mu, logvar) > ACTIVE_KL, episode=held.group,
            steps=FIT_STEPS,
        )  # fmt: skip
        found |= scores.to_rows_dict()
    return {**found, ACTIVE: int((mean_kl(mu, logvar) > ACTIVE_KL).sum())}


def choice(axis: Axis, metric: str, scores: np.ndarray, active: np.ndarray) -> tuple[int, str]:
    """The place of the value to take, by the mean over seeds of ``metric`` (P, S), and why.

    A code of no ``active`` (P, S) latents carries nothing, whatever its score, and is not taken
    where there is another.
    """
    alive = np.where(active >= 1, scores, np.nan)
    dead = not np.isfinite(alive).any()
    alive = scores if dead else alive
    there = [row[np.isfinite(row)] for row in alive]
    means = np.array([row.mean() if len(row) else np.nan for row in there])
    pressed = means[::-1] if axis.falling else means  # from little pressure to much
    place = last_within(pressed.tolist(), MARGIN)
    at_the_end = place == len(means) - 1
    place = len(means) - 1 - place if axis.falling else place
    best = int(np.nanargmax(means))
    taken, beside = axis.say(axis.values[place]), axis.say(axis.values[best])
    why = (
        f"take {taken}: the {axis.most} within {MARGIN:g} of the best {LABELS[metric]}, and itself "
        f"the best ({means[place]:.2f})"
        if place == best
        else f"take {taken}: the {axis.most} at which {LABELS[metric]} ({means[place]:.2f}) is "
        f"within {MARGIN:g} of the best ({means[best]:.2f}, {beside})"
    )
    if len(there[place]) > 1:
        why += f"; its seeds go from {there[place].min():.2f} to {there[place].max():.2f}"
    if at_the_end:
        why += "; that is the end of the sweep, and the next one may do as well"
    if dead:
        why += "; no code has an active latent: press less, or train for more --steps"
    if metric == PIXELS:
        why += (
            "; no factors are known, and what is small in a picture is little of its variance: "
            "look at reconstructions.png before you believe it"
        )
    return place, why


def _array(
    found: Mapping[tuple[float, int], Mapping[str, float]],
    values: Sequence[float],
    seeds: Sequence[int],
    metric: str,
) -> np.ndarray:
    """(P, S), of the content latents where the code has some; NaN for what is not known."""

    def number(value: float, seed: int) -> float:
        metrics = found.get((value, seed), {})
        return metrics.get(f"content/{metric}", metrics.get(metric, np.nan))

    return np.array([[number(value, seed) for seed in seeds] for value in values], dtype=float)


def _add_agreement(
    found: Mapping[tuple[float, int], dict[str, float]],
    points: Mapping[tuple[float, int], pretrain.Args],
    frames: np.ndarray,
) -> None:
    """UDR of the seeds of each value, beside the metrics of each."""
    for value in dict.fromkeys(value for value, _ in found):
        keys = [key for key in found if key[0] == value]
        if len(keys) < 2:
            continue
        vaes = [BetaVAE.load(points[key].out) for key in keys]
        codes = [vae.posterior_frames(frames[:1000]) for vae in vaes]
        agreed = udr([mu for mu, _ in codes], kl=[mean_kl(*code) for code in codes], seed=0)
        for key, agreement in zip(keys, agreed.scores, strict=True):
            found[key][UDR] = float(agreement)


def _row(
    axis: Axis, value: float, seed: int, metric: str, number: float, n: int, store: FrameStore
) -> Row:
    return Row(
        study=f"sweep-{axis.name}", method=f"{axis.name}={value:g}", algo="none",
        env=store.meta.get("env", str(store.folder)), vae_seed=seed,
        domain=store.meta.get("domain"), metric=metric, value=number, n=n, command=command_line(),
    )  # fmt: skip


def _table(axis: Axis, arrays: Mapping[str, np.ndarray], shown: Sequence[str], place: int) -> str:
    """Means over the seeds, one line a value."""

    def cell(metric: str, p: int, digits: int) -> str:
        row = arrays[metric][p][np.isfinite(arrays[metric][p])]
        return f"{row.mean():.{digits}f}" if len(row) else "-"

    heads = [axis.label, "rate", "distortion", "active", *(LABELS[name] for name in shown), ""]
    lines: list[list[str]] = [heads]
    for p, value in enumerate(axis.values):
        scores = [cell(name, p, 3) for name in shown]
        sizes = [cell(RATE, p, 1), cell(DISTORTION, p, 1), cell(ACTIVE, p, 1)]
        lines.append([f"{value:g}", *sizes, *scores, "take" if p == place else ""])
    return aligned(lines)


def _about(args: pretrain.Args, frames: int) -> str:
    pairs = f" on pairs {args.pairs}" if args.pairs else ""
    return (
        f"objective {args.objective}{pairs}, {args.steps:,} steps, {args.seeds} "
        f"seed{'s' * (args.seeds > 1)}, scored on {frames:,} held-out frames"
    )


def _next(args: pretrain.Args, axis: Axis, value: float) -> str:
    """The command that trains the chosen one for good."""
    chosen = replace(axis.at(_plain(args), value), out=Path("runs/vae"), seeds=5)
    given = flags(chosen, pretrain.Args(args.store))
    return shlex.join(["bvae-rl", "pretrain", str(args.store), *given])
