"""What a way of training buys: scores of the code and transfer of agents, over seeds.

Each recipe (``recipes.py``) and seed is one unit: pretrain, score on drawn factors, train a PPO
agent on the code in the source appearance, evaluate it in the others. Units run side by side, seed by
seed, and what is finished is kept: the table grows with the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.agents.methods import MethodInputs
from bvae_rl.agents.scores import (
    REFERENCE,
    UPPER_BOUND,
    normalised_rows,
    retention_rows,
    scale_methods,
)
from bvae_rl.agents.study import Evaluation, Job, act_at_random, train_and_evaluate
from bvae_rl.agents.train import ROWS
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import metric_panels, png
from bvae_rl.runtime.runs import Row, Run, fingerprint, require_own
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts import evaluate, pretrain
from bvae_rl.scripts.common import EnvArgs, command_line, require_shown, say, wrote
from bvae_rl.scripts.evidence_known import known_seeds, known_units, marked
from bvae_rl.scripts.evidence_tables import by_factor, columns, seeds_of, table, unscored
from bvae_rl.scripts.pretrain_choice import make_config, make_objective
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.recipes import RECIPES, Recipe, common, recipe
from bvae_rl.scripts.study import EVALUATION_SEED, aligned, markdown
from bvae_rl.training.batches import Rows
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.pretrain import TrainConfig

STUDY = "representation"
SHARE = (0.7, 0.8)  # of a unit's time: until the VAE is trained, until it is scored


@dataclass(frozen=True)
class Args:
    """Which recipes, how often, on what budget."""

    store: tyro.conf.Positional[Path]
    """frame store with two views and interventions (bvae-rl collect --policy independent --views 2
    --interventions N)"""
    world: EnvArgs = EnvArgs()
    recipes: tuple[str, ...] = tuple(RECIPES)
    """rows of scripts/recipes.py, or objectives as they come"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """of VAE and agent; from five on intervals are given"""
    steps: int = 6_000
    """batches of pretraining, of 64 images"""
    equal_time: bool = False
    """fewer batches where they cost more, and the other way round (bvae-rl objectives)"""
    domain: str = "pretrain"
    """visual domain to score in: that of the store"""
    source: str = "source"
    """visual domain that agents train in"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """visual domains that agents are evaluated in beside it"""
    samples: int = 8_000
    """frames with independent factors behind the scores"""
    fit_steps: int = 2_000
    """training steps of the small network behind each R2"""
    agent_steps: int = 100_000
    """environment steps of each agent; 0 trains none"""
    episodes: int = 100
    """evaluation episodes, the same ones for every agent"""
    out: Path = Path("runs/evidence")
    """results go here; a killed run goes on there"""
    known: tuple[Path, ...] = ()
    """results.json of earlier runs or other machines: what they hold of the same recipes and
    settings is taken from there, their other seeds too"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""


@dataclass(frozen=True)
class Result:
    """All rows and where they were written."""

    rows: list[Row]
    out: Path


def main(args: Args) -> Result:
    """Run what is missing, tabulate, draw."""
    check(args)
    run = Run(args.out)
    known = known_units(args.known)
    tasks = [task for key, task in _tasks(args).items() if key not in known]
    if args.known:
        say(f"{len(_tasks(args)) - len(tasks)} of {len(_tasks(args))} units are known already")
    progress = Progress(
        {task.name: _seconds(task.name, args) for task in tasks}, workers=args.workers
    )

    def show(name: str, fraction: float) -> None:
        progress.update(name, fraction)
        if fraction == 1.0:
            _collected(args, run)

    run_parallel(tasks, workers=args.workers, on_progress=show)
    progress.close()
    rows = _collected(args, run)
    domain = (args.source, *args.target) if args.agent_steps else ()
    values = columns(rows, args.recipes, domain)
    labels = {name: RECIPES[name].text if name in RECIPES else name for name in args.recipes}
    figure = metric_panels(values, labels=labels)
    drawn = run.write_file("evidence.png", png(figure))
    tables = table(values, seeds_of(rows, args.recipes)), by_factor(rows, args.recipes)
    for lines in tables:
        say(aligned(lines) + "\n")
    for words in unscored(rows, domain):
        say(f"- {words}")
    wrote(run.write_file("evidence.md", ("\n\n".join(map(markdown, tables)) + "\n").encode()))
    wrote(drawn)
    wrote(run.folder / "results.json")
    return Result(rows, run.folder)


def check(args: Args) -> None:
    """A ValueError for what would fail in hours, before anything is trained."""
    for name in args.recipes:
        recipe(name)
    for name, least in (
        ("steps", 1),
        ("samples", 200),
        ("fit_steps", 1),
        ("agent_steps", 0),
        ("episodes", 1),
    ):
        if getattr(args, name) < least:
            raise ValueError(f"{name} must be at least {least}, got {getattr(args, name)}")
    if not args.recipes or not args.seeds or min(args.seeds) < 0:
        raise ValueError(
            f"one recipe and one seed are the least, got {args.recipes} and seeds {args.seeds}"
        )
    for given in (args.recipes, args.seeds):
        if len({*given}) < len(given):
            raise ValueError(f"each recipe and each seed is named once, got {given}")
    require_own(args.out, "results.json")
    store = FrameStore.existing(args.store)
    if not store.factor_specs:
        raise ValueError(f"{args.store} holds no factors, so nothing can be scored on it")
    require_shown(store, args.world)
    for domain in (args.domain, *((args.source, *args.target) if args.agent_steps else ())):
        args.world.config(domain).make().close()  # an unknown visual domain is said now
    rows = Rows(store, validation=TrainConfig().validation)
    for name in args.recipes:
        settings = _pretraining(recipe(name), args.seeds[0], args, Run(args.out))
        vae = BetaVAE(make_config(settings, store))
        try:
            make_objective(settings).pairing(rows, vae)
        except ValueError as error:
            raise ValueError(f"recipe {name}: {error}") from error


def unit(
    name: str, seed: int, args: Args, *, progress: Callable[[float], None] = lambda fraction: None
) -> None:
    """One recipe with one seed, into its folder; what is there already is kept."""
    row, run = recipe(name), Run(args.out / f"{name}-seed{seed}")
    config = _unit_config(name, seed, args)
    if run.done("unit", config=config):
        return progress(1.0)
    vae = run.path("vae")
    settings = _pretraining(row, seed, args, run)
    pretrain.main(settings, on_progress=lambda done: progress(SHARE[0] * done))
    scoring = evaluate.Args(
        str(vae), samples=args.samples, metrics=("infomec",), replicates=0,
        fit_steps=args.fit_steps, seed=EVALUATION_SEED,
    )  # fmt: skip
    world = args.world.config(args.domain)
    evaluate.task(name, evaluate.TRAINED, world, scoring, run.path("scores"))
    progress(SHARE[1])
    rows = Run(run.path("scores")).rows(evaluate.ROWS)
    rows = [replace(found, vae_seed=seed) for found in rows]
    if args.agent_steps:
        inputs = MethodInputs(
            **{("vae" if row.method == "bvae" else "vae_pairs"): vae}, vae_seed=seed
        )
        rows += [
            replace(found, method=name)
            for found in _agent(row.method, inputs, seed, args, run, progress)
        ]
    run.write_json(ROWS, [found.to_dict() for found in rows])
    run.mark_done("unit", config=config)
    progress(1.0)


def _pretraining(row: Recipe, seed: int, args: Args, run: Run) -> pretrain.Args:
    return pretrain.Args(
        args.store, out=run.path("vae"), steps=batches(row, args), seed=seed,
        train=TrainConfig(log_freq=500), **{**common(args.store), **row.settings},
    )  # fmt: skip


def batches(row: Recipe, args: Args) -> int:
    """How many batches a recipe trains on."""
    cost = entry(row.settings["objective"]).cost if args.equal_time else 1.0
    return round(args.steps / cost)


def reference(method: str, seed: int, args: Args, *, progress: Callable[[float], None]) -> None:
    """An agent that needs no encoder: the scale of the scores."""
    run = Run(args.out / f"{method}-seed{seed}")
    rows = _agent(method, MethodInputs(), seed, args, run, progress)
    run.write_json(ROWS, [row.to_dict() for row in rows])


def _agent(
    method: str,
    inputs: MethodInputs,
    seed: int,
    args: Args,
    run: Run,
    progress: Callable[[float], None],
) -> list[Row]:
    """Train and evaluate a PPO agent; its final rows, without the learning curve."""
    config = AgentConfig(total_timesteps=args.agent_steps, seed=seed, eval_freq=args.agent_steps)
    job = Job(method, args.world.config(args.source), inputs, config)
    folder = run.path("agent")

    def later(done: float) -> None:
        progress(SHARE[1] + (1.0 - SHARE[1]) * done)

    train_and_evaluate(job, folder, progress=later, **_how(args))
    return [row for row in Run(folder).rows(ROWS) if row.step is None]


def _how(args: Args) -> dict[str, Any]:
    domain = (args.source, *args.target)
    evaluation = Evaluation(domain, args.episodes, EVALUATION_SEED)
    return {"evaluation": evaluation, "study": STUDY, "command": command_line()}


def _shared(args: Args) -> dict[str, Any]:
    """The settings that make two units comparable."""
    kept = {
        "steps", "equal_time", "domain", "source", "target", "samples", "fit_steps", "agent_steps",
        "episodes", "world",
    }  # fmt: skip
    store = FrameStore.existing(args.store)
    found = {key: value for key, value in asdict(args).items() if key in kept}
    return {**found, "store": store.meta, "rows": len(store)}


def _unit_config(name: str, seed: int | None, args: Args) -> dict[str, Any]:
    """All that a unit's numbers depend on."""
    row = {"common": common(args.store), **asdict(recipe(name))} if name in args.recipes else name
    return {"settings": _shared(args), "recipe": row, "seed": seed}


def _tasks(args: Args) -> dict[str, Task]:
    """By the fingerprint of their settings, the scale of the scores first.

    Seed by seed, so that what a cut leaves is balanced.
    """
    tasks: dict[str, Task] = {}

    def add(name: str, seed: int | None, task: Task) -> None:
        tasks[fingerprint(_unit_config(name, seed, args))] = task

    if args.agent_steps:
        env, folder = args.world.config(args.source), args.out / RANDOM_POLICY
        task = Task(RANDOM_POLICY, act_at_random, (env, folder), _how(args))
        add(RANDOM_POLICY, None, task)
    for seed in args.seeds:
        for method in scale_methods(args.world.config()) if args.agent_steps else ():
            add(method, seed, Task(f"{method}-seed{seed}", reference, (method, seed, args)))
        for name in args.recipes:
            add(name, seed, Task(f"{name}-seed{seed}", unit, (name, seed, args)))
    return tasks


def _seconds(name: str, args: Args) -> float:
    method = name.partition("-seed")[0]
    agent = args.agent_steps / 1300
    if method in (UPPER_BOUND, REFERENCE, RANDOM_POLICY):
        return agent + 1
    return agent + 40 + args.steps * 64 / 1300


def _collected(args: Args, run: Run) -> list[Row]:
    """All rows that there are by now, with the scores that follow from them; also written."""
    found: list[Row] = []
    known, tasks = known_units(args.known), _tasks(args)
    more = replace(args, seeds=known_seeds(known))
    for key, task in (tasks | _tasks(more)).items():
        folder = Run(args.out / task.name)
        done = key in tasks and (task.function is not unit or folder.done("unit"))
        found += known.get(key) or marked(folder.rows(ROWS) if done else [], key)
    scores = normalised_rows(found)
    found += [*scores, *retention_rows(scores, source=args.source)]
    run.write_json("results.json", [row.to_dict() for row in found])
    return found
