"""One machinery for sweeps: train along one setting, score, draw, and name the value to take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.metrics import score, udr
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.models.vae_config import AUTO
from bvae_rl.plots import png
from bvae_rl.plots.sweep import sweep
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, require_own
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts.common import aligned, command_for, command_line, free_folder, say, wrote
from bvae_rl.scripts.held_frames import held_frames
from bvae_rl.scripts.own_folder import refuse_other_study
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.scripts.pretrain.collected import frames_for
from bvae_rl.scripts.pretrain.hardened import before_last_phase
from bvae_rl.scripts.pretrain.seeds import finished
from bvae_rl.scripts.progress import Progress
from bvae_rl.training.pictures.decoded import active_latents, carried, decode
from bvae_rl.training.recipes.last_phase import NONE
from bvae_rl.training.recipes.recipe import Recipe
from bvae_rl.training.selection import check_enough, last_within
from bvae_rl.training.verdict.explained import pixel_share

SCORES = "sweep.json"
MARGIN = 0.02  # of the score that is chosen by: what a larger KL weight may cost
FIT_STEPS = 2000  # of the MLP probe behind R2
DECODED = 512  # frames behind the explained variance of the pixels
RATE, DISTORTION, ACTIVE = "rate", "distortion", "active_latents"
PIXELS, R2, MIG = "pixel_share", "r2", "mig"
DISENTANGLED, COMPLETE, UDR = "dci/disentanglement", "dci/completeness", "udr"
LABELS = {
    R2: "mean R2", MIG: "MIG", DISENTANGLED: "DCI disentanglement",
    COMPLETE: "DCI completeness", PIXELS: "explained pixel variance", UDR: "UDR",
}  # fmt: skip
Found = Mapping[tuple[float, int], dict[str, float]]  # (value, seed) -> metrics


@dataclass(frozen=True)
class Axis:
    """What is swept: ``values`` in rising order, and how each is set.

    ``say`` names a value ("beta 4"), ``most`` the end at which latents are constrained most
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


def main(typed: pretrain.Args, axis: Axis, store: FrameStore | None = None) -> Result:
    """Train and score what is missing, tabulate, draw, choose; all VAEs on the same frames."""
    store = store or frames_of(typed, axis.name)
    args = before_last_phase(typed.on(store.folder), store)
    several = args.several
    if several.seeds < 1 or args.seed < 0:
        raise ValueError(
            f"seeds must be at least 1, from 0 on, got {several.seeds} from {args.seed}"
        )
    if len({*axis.values}) < max(2, len(axis.values)):
        raise ValueError(f"a sweep needs two or more different values, got {axis.values}")
    if args.harden not in ((AUTO,), (NONE,)):
        raise ValueError(
            f"a sweep compares VAEs before a last phase, got --harden {' '.join(args.harden)}; "
            "harden the one that it chooses: bvae-rl harden VAE STORE"
        )
    held = held_frames(store, validation=args.train.validation)
    check_enough(len(held.frames))
    points, seeds = _points(args, axis, store), range(args.seed, args.seed + several.seeds)
    tasks = [Task(point.out.name, measured, (point,)) for point in points.values()]
    planned = 10 + args.steps * args.train.batch_size / 1300
    progress = Progress({task.name: planned for task in tasks}, workers=several.workers)
    done = run_parallel(tasks, workers=several.workers, on_progress=progress.update)
    progress.close()
    outcomes = dict(zip(points, done, strict=True))
    failed = {points[k].out.name: words for k, words in outcomes.items() if isinstance(words, str)}
    found = {key: metrics for key, metrics in outcomes.items() if not isinstance(metrics, str)}
    if not found:
        raise ValueError(f"every training failed: {next(iter(failed.values()))}")
    if not held.labelled and several.seeds > 1:
        _add_agreement(found, points, held.frames.frames)
    env = store.meta.get("env", str(store.folder))
    base = Row(
        study=f"sweep-{axis.name}", method="", algo="none", env=env, metric="", value=0.0,
        domain=store.meta.get("domain"), n=len(held.frames), command=command_line(),
    )  # fmt: skip
    rows = [
        replace(base, method=f"{axis.name}={value:g}", vae_seed=seed, metric=metric, value=number)
        for (value, seed), metrics in found.items()
        for metric, number in metrics.items()
    ]
    run = Run(args.out)
    run.write_rows(rows)
    shown = axis.scores if held.labelled else (PIXELS, UDR)
    arrays = {
        name: _array(found, axis.values, seeds, name) for name in (RATE, DISTORTION, ACTIVE, *shown)
    }
    shown = tuple(name for name in shown if np.isfinite(arrays[name]).any())
    place, why = choice(axis, shown[0], arrays[shown[0]], arrays[ACTIVE])
    taken = axis.at(_plain(typed), axis.values[place])
    taken = taken.but(out=free_folder(Path("runs/vae")), seeds=5)
    say(_table(axis, arrays, shown, place))
    for name, words in failed.items():
        say(f"- {name}: {words}")
    say(f"- {why}")
    shown_recipe = recipe_of(axis.at(_plain(args), axis.values[place]), store)
    figure = sweep(
        axis.values, arrays[RATE], arrays[DISTORTION], arrays[ACTIVE],
        {LABELS[name]: arrays[name] for name in shown}, label=axis.label, chosen=place,
        title=f"T{why[1:].partition(';')[0]}",
        note=_about(args, shown_recipe, len(held.frames)),
    )  # fmt: skip
    wrote(run.write_file("sweep.png", png(figure)))
    wrote(run.path("results.json"), command_for("pretrain", **vars(taken)))
    return Result(rows, axis.values[place], why, args.out)


def frames_of(args: pretrain.Args, name: str) -> FrameStore:
    """The frames of all VAEs of the sweep ``name``; ValueError where its folder is another's."""
    require_own(args.out, "results.json")
    refuse_other_study(Run(args.out), f"sweep-{name}")
    return frames_for(args)


def _points(
    args: pretrain.Args, axis: Axis, store: FrameStore
) -> dict[tuple[float, int], pretrain.Args]:
    """The settings of each value and seed; what they ask for is refused before any training."""
    points = {}
    for value in axis.values:
        settings = axis.at(_plain(args), value)
        chosen = recipe_of(settings, store)
        chosen.make_objective(args.steps)
        chosen.make_config(store)
        for seed in range(args.seed, args.seed + args.several.seeds):
            folder = args.out / f"{axis.name}-{value:g}-seed-{seed}"
            points[value, seed] = settings.but(seeds=1, seed=seed, out=folder, harden=(NONE,))
    return points


def _plain(args: pretrain.Args) -> pretrain.Args:
    """What ``pretrain`` takes of the arguments of a sweep."""
    return pretrain.Args(**{f.name: getattr(args, f.name) for f in fields(pretrain.Args)})


def measured(args: pretrain.Args, *, progress: Callable[[float], None]) -> dict[str, float] | str:
    """Train one VAE and score it on held-out frames; in words why its training failed."""
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
    held = held_frames(frames_for(args), validation=args.train.validation)
    frames = held.frames.frames
    mu = vae.encode_frames(frames)
    active = active_latents(vae, mu)
    trained = vae.meta["scores"]["validation"]
    found = {
        RATE: float(carried(vae, *vae.posterior_frames(frames[:DECODED]))[0].sum())
        if vae.config.levels
        else trained["vae/validation_kl"],
        DISTORTION: trained["vae/validation_recon"],
        "elbo": trained["vae/elbo"],
        PIXELS: pixel_share(frames[:DECODED], decode(vae, mu[:DECODED])),
    }
    if held.labelled:
        found |= score(
            mu, held.frames.factors, held.specs, groups=vae.config.groups, active=active,
            episode=held.group, steps=FIT_STEPS,
        ).to_rows_dict()  # fmt: skip
    return {**found, ACTIVE: int(active.sum())}


def choice(axis: Axis, metric: str, scores: np.ndarray, active: np.ndarray) -> tuple[int, str]:
    """The place of the value to take, by the mean over seeds of ``metric`` (P, S), and why.

    VAEs whose posterior collapsed, without ``active`` latents (P, S), are not taken where there
    are others.
    """
    alive = np.where(active >= 1, scores, np.nan)
    collapsed = not np.isfinite(alive).any()
    there = [row[np.isfinite(row)] for row in (scores if collapsed else alive)]
    means = np.array([row.mean() if len(row) else np.nan for row in there])
    in_order = means[::-1] if axis.falling else means  # the least constrained first
    place = last_within(in_order.tolist(), MARGIN)
    at_the_end = place == len(means) - 1
    if collapsed:
        place = len(means) - 1 if axis.falling else 0
        return place, (
            f"take {axis.say(axis.values[place])} for the least bad: every posterior collapsed; "
            "sweep smaller KL weights, or train for more --steps"
        )
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
    if metric == PIXELS and means[best] < 0:
        why += "; but each reconstructs worse than one mean picture would: train for more --steps"
    if metric == PIXELS:
        why += (
            "; no factors are known, and what is small in a picture is little of its variance: "
            "check reconstructions.png before you believe it"
        )
    return place, why


def _array(found: Found, values: Sequence[float], seeds: Sequence[int], metric: str) -> np.ndarray:
    """(P, S), of the content latents where the VAE has some; NaN for what is not known."""

    def number(value: float, seed: int) -> float:
        metrics = found.get((value, seed), {})
        return metrics.get(f"content/{metric}", metrics.get(metric, np.nan))

    return np.array([[number(value, seed) for seed in seeds] for value in values], dtype=float)


def _add_agreement(
    found: Found, points: Mapping[tuple[float, int], pretrain.Args], frames: np.ndarray
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


def _table(axis: Axis, arrays: Mapping[str, np.ndarray], shown: Sequence[str], place: int) -> str:
    """Means over the seeds, one line a value."""
    columns = {RATE: 1, DISTORTION: 1, ACTIVE: 1, **dict.fromkeys(shown, 3)}
    heads = ["rate", "distortion", "active", *(LABELS[name] for name in shown)]
    lines = [[axis.label, *heads, ""]]
    for p, value in enumerate(axis.values):
        rows = {name: arrays[name][p][np.isfinite(arrays[name][p])] for name in columns}
        cells = [
            f"{rows[name].mean():.{digits}f}" if len(rows[name]) else "-"
            for name, digits in columns.items()
        ]
        lines.append([f"{value:g}", *cells, "take" if p == place else ""])
    return aligned(lines)


def _about(args: pretrain.Args, chosen: Recipe, frames: int) -> str:
    pairs, seeds = "+".join(chosen.kinds), args.several.seeds
    return (
        f"objective {chosen.objective}{f' on pairs {pairs}' if pairs else ''}, {args.steps:,} "
        f"steps, {seeds} seed{'s' * (seeds > 1)}, scored on {frames:,} held-out frames"
    )
