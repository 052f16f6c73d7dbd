"""What ``compare``, ``transfer`` and ``demo`` share: jobs, pictures and tables of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bvae_rl.agents.config import AgentConfig, check_seeds
from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.agents.methods import Method, MethodInputs, method
from bvae_rl.agents.scores import auc, steps_to
from bvae_rl.agents.study import Evaluation, Job, run_study
from bvae_rl.data.environments import EnvConfig
from bvae_rl.plots import learning_curves, method_label, png, transfer_bars
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import RESULTS, Run
from bvae_rl.runtime.spread import interval, iqm
from bvae_rl.scripts.common import DEFAULT, aligned, command_line, say
from bvae_rl.scripts.own_folder import left_out
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.training_args import TrainingArgs
from bvae_rl.scripts.vae_keys import keyed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EVALUATION_SEED = 10_000
SHIPPED = {DEFAULT: "reach_crossed"}  # the VAE that is taken where none is named


@dataclass(frozen=True)
class StudyArgs(TrainingArgs):
    """How every agent of the study is trained."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """one agent a seed and method; from five seeds on intervals are given"""
    latents: str | None = None
    """which latents agents see: all, or a group; by default content where the VAE has that group"""
    vae_per_seed: bool = False
    """the VAEs are of one method, one a seed; by default each is a method of its own"""
    store: Path | None = None
    """frame store, for pca and untrained"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""


@dataclass(frozen=True)
class StudyResult:
    """All rows of a study and where they were written."""

    rows: list[Row]
    out: Path


def make_jobs(
    args: StudyArgs, methods: Sequence[str], vaes: Sequence[str], env: EnvConfig
) -> list[Job]:
    """One job a method, VAE and seed; a mistake in them is refused before any work."""
    if not methods or not args.seeds or len({*args.seeds}) < len(args.seeds):
        raise ValueError(f"give one method and seeds, each once, got {methods} and {args.seeds}")
    check_seeds(args.seeds)
    if args.vae_per_seed and len(vaes) != len(args.seeds):
        raise ValueError(
            f"give one VAE a seed ({len(args.seeds)}), got {len(vaes)}; without --vae-per-seed "
            "each VAE is a method of its own"
        )
    rows: list[tuple[str, str, list[MethodInputs]]] = []
    for name in dict.fromkeys(methods):
        if method(name).needs == "vae" and vaes:
            rows += [
                (name, key, inputs)
                for key, inputs in keyed(
                    vaes, args.seeds, latents=args.latents, per_seed=args.vae_per_seed
                ).items()
            ]
        else:
            rows.append((name, "", [MethodInputs(store=args.store)] * len(args.seeds)))
    config = args.config(env)
    jobs = []
    for index, seed in enumerate(args.seeds):
        for name, key, inputs in rows:
            mine = inputs[index] if inputs[index].vae else replace(inputs[index], vae_seed=seed)
            jobs.append(Job(name, env, mine, replace(config, seed=seed), key))
    for job in jobs[: len(rows)] if not args.vae_per_seed else jobs:
        job.row.check(env, job.inputs, job.config)
    return jobs


def run_jobs(
    jobs: Sequence[Job],
    args: StudyArgs,
    *,
    domains: tuple[str | None, ...],
    study: str,
    run: Run,
    progress: Progress | None = None,
) -> list[Row]:
    """Run the jobs under a progress bar (or within a longer one) and write ``results.json``."""
    plan_of = args.plan(jobs[0].env, len(domains))
    if progress is None:
        keys = dict.fromkeys(job.key or job.row.key for job in jobs)
        say(f"{len(jobs)} agents: {', '.join(keys)}, {len(jobs) // len(keys)} of each")
    bar = progress or Progress(plan(jobs), workers=args.workers)
    evaluation = Evaluation(domains, plan_of.n_eval_episodes, EVALUATION_SEED, plan_of.final_limit)
    rows = run_study(
        jobs,
        run.folder / "agents",
        evaluation=evaluation,
        study=study,
        command=command_line(),
        workers=args.workers,
        on_progress=bar.update,
    )
    if progress is None:
        bar.close()
    there = run.folder / RESULTS
    found = run.rows(RESULTS) if there.exists() else []
    if gone := left_out([row for row in found if row.study == study], rows):
        say(
            f"{there} had rows of {gone}, too, which were not asked for now: name them beside the "
            "others to have all (finished agents are not trained again; where there are several "
            "VAEs, agents are called by theirs)"
        )
    run.write_rows(rows)
    return rows


def plan(jobs: Sequence[Job]) -> dict[str, float]:
    """Expected seconds of each task of a study, to weigh its progress."""
    planned = {job.name: 5 + planned_seconds(job.row, job.config) for job in jobs}
    return {**planned, RANDOM_POLICY: 5.0}


def planned_seconds(row: Method, config: AgentConfig) -> float:
    """Expected seconds of a training on one core; progress is corrected by the measured pace."""
    rate = 400 if row.policy == "CnnPolicy" else 1200 if row.needs else 2500
    if config.algo == "sac":
        rate = 5 if row.policy == "CnnPolicy" else 80
    return 5 + config.rounded_timesteps / rate


def curves(rows: Sequence[Row], metric: str = "return") -> dict[str, tuple[list[int], np.ndarray]]:
    """method -> (steps (T,), values (seeds, T)) of the curves of ``metric`` among ``rows``.

    Where seeds were evaluated at other steps, as after whole episodes, values between two are on
    the line between them, and what comes after the last is as the last.
    """
    found = {}
    for name, by_seed in curves_by_seed(rows, metric).items():
        steps = sorted({step for curve in by_seed.values() for step in curve})
        values = [np.interp(steps, [*of], [*of.values()]) for of in by_seed.values()]
        found[name] = (steps, np.array(values))
    return found


def curves_by_seed(
    rows: Sequence[Row], metric: str = "return"
) -> dict[str, dict[str, dict[int, float]]]:
    """method -> seed, in words -> value by step, in rising order."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for row in sorted(rows, key=lambda row: row.step or 0):
        if row.step is not None and row.metric == metric:
            seed = f"{row.agent_seed}"
            if row.vae_seed not in (None, row.agent_seed):
                seed = f"{seed} (VAE {row.vae_seed})"
            found.setdefault(row.method, {}).setdefault(seed, {})[row.step] = row.value
    return found


def finals(rows: Sequence[Row], metric: str) -> dict[str, dict[str, list[float]]]:
    """method -> visual domain -> value of each seed, of the final evaluations of one metric."""
    found: dict[str, dict[str, dict[object, float]]] = {}
    for row in rows:  # one that stands twice counts once
        if row.step is None and row.metric == metric:
            where = row.domain or "as given"
            found.setdefault(row.method, {}).setdefault(where, {})[row.key] = row.value
    return {name: {k: [*v.values()] for k, v in each.items()} for name, each in found.items()}


def labels(rows: Sequence[Row]) -> dict[str, str]:
    """method -> what figures and tables call it; a VAE by what it was trained by."""
    found = {}
    for row in rows:
        encoder = row.budget.get("encoder", "none")
        of_vae = row.method.startswith("bvae") and encoder != "none"
        found[row.method] = f"Beta-VAE, {encoder}" if of_vae else method_label(row.method)
    repeated = [label for label in found.values() if [*found.values()].count(label) > 1]
    return {
        key: f"{label} ({key.partition('-')[2]})" if label in repeated else label
        for key, label in found.items()
    }


def draw_curves(rows: Sequence[Row], run: Run, *, domain: str | None) -> Path:
    """``curves.png``."""
    where = "" if domain is None else f" in {domain}"
    counts = sorted({row.n for row in rows if row.step is not None})
    episodes = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    ylabel = f"return{where} (deterministic, {episodes} episodes)"
    at_random = finals(rows, "return").get(RANDOM_POLICY, {}).get(domain or "as given")
    references = {"random policy": float(np.mean(at_random))} if at_random else None
    figure = learning_curves(
        curves(rows), ylabel=ylabel, references=references, labels=labels(rows)
    )
    return run.write_file("curves.png", png(_footed(figure, rows)))


def draw_transfer(rows: Sequence[Row], run: Run) -> Path | None:
    """``transfer.png``; None where nothing could be normalised (no state or blind method)."""
    scores = finals(rows, "score")
    if not scores:
        return None
    figure = transfer_bars(scores, labels=labels(rows))
    return run.write_file("transfer.png", png(_footed(figure, rows)))


def efficiency_table(rows: Sequence[Row], thresholds: Sequence[float]) -> str:
    """Area under the curve and steps to each threshold, a line a method and seed.

    "untrained" says that the curve begins there: no training has reached it.
    """
    named = {f"steps to {t:g}": t for t in thresholds}
    lines = [["method", "seed", "area", *named]]
    label = labels(rows)
    for name, by_seed in curves_by_seed(rows).items():
        for seed, points in by_seed.items():
            steps, curve = [*points], [*points.values()]
            reached = [steps_to(steps, curve, t) for t in named.values()]
            cells = ["never" if s is None else f"{s:,.0f}" if s else "untrained" for s in reached]
            lines.append([label[name], seed, f"{auc(steps, curve):.1f}", *cells])
    return aligned(lines)


def transfer_table(rows: Sequence[Row]) -> str:
    """Score, return, success, retention of each method in each visual domain, by seed below five.

    Retention, the fraction of the source score that is left, stands only where that is 0.3 or more.
    """
    named = {name: finals(rows, name) for name in ("score", "return", "success", "retention")}
    lines = [["method", "domain", *named]]
    label = labels(rows)
    for name, by_domain in named["return"].items():
        for domain in by_domain:
            cells = [
                spread(found.get(name, {}).get(domain, []), 1 if metric == "return" else 2)
                for metric, found in named.items()
            ]
            lines.append([label[name], domain, *cells])
    return aligned(lines)


def budget_table(rows: Sequence[Row]) -> str:
    """What each method was allowed to see, a line a method."""
    found = {row.method: row.budget for row in rows if row.budget and row.method != RANDOM_POLICY}
    lines = [["allowed to see", "pretraining frames", "steps", "domains", "pairs", "labels"]]
    label = labels(rows)
    for name, budget in found.items():
        numbers = [f"{budget[key]:,}" for key in ("pretrain_frames", "env_steps")]
        pairs = "yes" if budget["paired"] else "no"
        lines.append([label[name], *numbers, budget["domain"], pairs, budget["labels"]])
    return aligned(lines)


def _footed(figure: Figure, rows: Sequence[Row]) -> Figure:
    """The figure with the supervision budget below it: no score without what was allowed for it."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    text = budget_table(rows)
    room = 0.15 * (text.count("\n") + 2)  # inches
    height = figure.get_figheight() + room
    figure.set_figheight(height)
    layout = figure.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(rect=(0.0, room / height, 1.0, 1.0 - room / height))
    figure.text(0.01, 0.01, text, va="bottom", fontsize=6.5, family="monospace", color="#555555")
    return figure


def spread(values: Sequence[float], digits: int) -> str:
    """The middle, and behind it the interval (from five seeds on) or every seed's value."""
    if not values:
        return "-"

    def shown(value: float) -> str:
        return f"{round(float(value), digits) + 0.0:.{digits}f}"  # no -0.00

    middle, band = shown(float(iqm(values))), interval(values)
    if band is not None:
        return f"{middle} [{shown(float(band[0]))}, {shown(float(band[1]))}]"
    return middle if len(values) == 1 else f"{middle} ({' '.join(map(shown, values))})"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Cells as a table of Markdown, the first line its header."""
    head, *rest = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rest))
