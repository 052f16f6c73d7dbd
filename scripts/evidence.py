"""Compare recipes of pretraining by the scores of VAEs and the transfer of agents, over seeds.

Each recipe (``recipes.py``) and seed is one unit: pretrain, score on independently sampled factors,
train a PPO agent on the latents in the source domain, evaluate it in the others. Units run side by
side, seed by seed, and what is finished is kept: the table grows with the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import RANDOM_POLICY, random_policy_rows
from bvae_rl.agents.methods import MethodInputs, choose_latents
from bvae_rl.agents.scores import REFERENCE, UPPER_BOUND, scale_methods
from bvae_rl.agents.study import Evaluation, Job, train_and_evaluate, with_scores
from bvae_rl.agents.train import ROWS
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import metric_panels, png
from bvae_rl.runtime.runs import Row, Run, fingerprint, require_own
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts import evaluate, pretrain
from bvae_rl.scripts.common import EnvArgs, command_line, require_shown, say, wrote
from bvae_rl.scripts.evidence_tables import (
    by_factor,
    columns,
    known_seeds,
    known_units,
    marked,
    seeds_of,
    table,
    unscored,
)
from bvae_rl.scripts.pretrain_choice import make_config, make_objective
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.recipes import RECIPES, Recipe, common, recipe
from bvae_rl.scripts.study import EVALUATION_SEED, StudyResult, aligned, markdown
from bvae_rl.training.batches import Rows
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.pretrain import TrainConfig

STUDY = "representation"
SCALE = (UPPER_BOUND, REFERENCE, RANDOM_POLICY)  # units that fix the scale of the scores
FRACTIONS = (0.7, 0.8)  # of a unit's time: until the VAE is trained, until it is scored


@dataclass(frozen=True)
class AgentArgs:
    """The agents, and where they act."""

    source: str = "source"
    """visual domain that agents train in"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """visual domains that agents are evaluated in beside it"""
    total_timesteps: int = 100_000
    """environment steps of each agent; 0 trains none"""
    n_eval_episodes: int = 100
    """evaluation episodes, the same ones for every agent"""

    @property
    def domains(self) -> tuple[str, ...]:
        """Where agents are evaluated; nowhere if there are none."""
        return (self.source, *self.target) if self.total_timesteps else ()


@dataclass(frozen=True)
class Args:
    """Which recipes, how often, on what budget."""

    store: tyro.conf.Positional[Path]
    """frame store with two views and interventions (bvae-rl collect --policy independent --views 2
    --interventions N)"""
    recipes: tuple[str, ...] = tuple(RECIPES)
    """names of recipes, or of objectives as they come"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """of VAE and agent; from five on intervals are given"""
    steps: int = 6_000
    """gradient steps of pretraining, on batches of 64 images"""
    equal_time: bool = False
    """fewer steps where they cost more, and the other way round (bvae-rl objectives)"""
    domain: str = "pretrain"
    """visual domain to score in: that of the store"""
    samples: int = 8_000
    """frames with independently sampled factors behind the scores"""
    fit_steps: int = 2_000
    """training steps of the MLP probe behind each R2"""
    known: tuple[Path, ...] = ()
    """results.json of earlier runs or other machines: what they hold of the same recipes and
    settings is taken from there, their other seeds too"""
    out: Path = Path("runs/evidence")
    """results go here; a killed run goes on there"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""
    agents: AgentArgs = field(default_factory=AgentArgs)
    world: EnvArgs = field(default_factory=EnvArgs)


@dataclass(frozen=True)
class Unit:
    """A recipe, or what fixes the scale of the scores, with a seed (a random policy has none)."""

    name: str
    seed: int | None

    @property
    def folder(self) -> str:
        return self.name if self.seed is None else f"{self.name}-seed{self.seed}"

    def config(self, args: Args) -> dict[str, Any]:
        """All that its numbers depend on."""
        store = FrameStore.existing(args.store)
        shared = {
            "steps": args.steps, "equal_time": args.equal_time, "domain": args.domain,
            "samples": args.samples, "fit_steps": args.fit_steps, "agents": asdict(args.agents),
            "world": asdict(args.world), "store": store.meta, "rows": len(store),
        }  # fmt: skip
        how: dict[str, Any] = {}
        if self.name not in SCALE:
            how = {**common(args.store), **recipe(self.name).settings}
        return {"settings": shared, "name": self.name, "recipe": how, "seed": self.seed}


def main(args: Args) -> StudyResult:
    """Run what is missing, tabulate, draw."""
    check(args)
    run = Run(args.out)
    known, units = known_units(args.known), units_of(args)
    missing = [one for key, one in units.items() if key not in known]
    if args.known:
        say(f"{len(units) - len(missing)} of {len(units)} units are known already")
    planned = {one.folder: _seconds(one, args) for one in missing}
    progress = Progress(planned, workers=args.workers)

    def show(name: str, fraction: float) -> None:
        progress.update(name, fraction)
        if fraction == 1.0:
            _collected(args, run)

    tasks = [Task(one.folder, measure, (one, args)) for one in missing]
    run_parallel(tasks, workers=args.workers, on_progress=show)
    progress.close()
    rows = _collected(args, run)
    values = columns(rows, args.recipes, args.agents.domains)
    labels = {name: RECIPES[name].text if name in RECIPES else name for name in args.recipes}
    drawn = run.write_file("evidence.png", png(metric_panels(values, labels=labels)))
    tables = table(values, seeds_of(rows, args.recipes)), by_factor(rows, args.recipes)
    for lines in tables:
        say(aligned(lines) + "\n")
    for words in unscored(rows, args.agents.domains):
        say(f"- {words}")
    wrote(run.write_file("evidence.md", ("\n\n".join(map(markdown, tables)) + "\n").encode()))
    wrote(drawn)
    wrote(run.folder / "results.json")
    return StudyResult(rows, run.folder)


def check(args: Args) -> None:
    """A ValueError for what would fail in hours, before anything is trained."""
    for name in args.recipes:
        recipe(name)
    for name, value, least in (
        ("steps", args.steps, 1),
        ("samples", args.samples, 200),
        ("fit_steps", args.fit_steps, 1),
        ("total_timesteps", args.agents.total_timesteps, 0),
        ("n_eval_episodes", args.agents.n_eval_episodes, 1),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
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
    for domain in (args.domain, *args.agents.domains):
        args.world.config(domain).make().close()  # an unknown visual domain is refused now
    rows = Rows(store, validation=TrainConfig().validation)
    for name in args.recipes:
        settings = _pretraining(recipe(name), args.seeds[0], args, Path())
        vae = BetaVAE(make_config(settings, store))
        try:
            make_objective(settings).pairing(rows, vae)
        except ValueError as error:
            raise ValueError(f"recipe {name}: {error}") from error


def units_of(args: Args) -> dict[str, Unit]:
    """By the fingerprint of their settings, what fixes the scale of the scores first.

    Seed by seed, so that what a cut leaves is balanced.
    """
    units = [Unit(RANDOM_POLICY, None)] if args.agents.total_timesteps else []
    scale = scale_methods(args.world.config()) if args.agents.total_timesteps else ()
    units += [Unit(name, seed) for seed in args.seeds for name in (*scale, *args.recipes)]
    return {fingerprint(one.config(args)): one for one in units}


def measure(
    one: Unit, args: Args, *, progress: Callable[[float], None] = lambda fraction: None
) -> None:
    """One unit, into its folder; what is there already is kept."""
    run, config = Run(args.out / one.folder), one.config(args)
    if run.done("unit", config=config):
        return progress(1.0)
    if one.seed is None:
        how = _how(args)
        at_random = how.pop("evaluation")
        rows = random_policy_rows(
            args.world.config(args.agents.source), at_random.domains,
            n_eval_episodes=at_random.n_eval_episodes, seed=at_random.seed, **how,
        )  # fmt: skip
    elif one.name in SCALE:
        rows = _agent(one, one.name, MethodInputs(), args, run, progress)
    else:
        rows = _recipe_rows(one, one.seed, args, run, progress)
    run.write_json(ROWS, [found.to_dict() for found in rows])
    run.mark_done("unit", config=config)
    progress(1.0)


def _recipe_rows(
    one: Unit, seed: int, args: Args, run: Run, progress: Callable[[float], None]
) -> list[Row]:
    """Pretrain and score a VAE, and train and evaluate its agent."""
    vae = run.path("vae")
    settings = _pretraining(recipe(one.name), seed, args, vae)
    pretrain.main(settings, on_progress=lambda done: progress(FRACTIONS[0] * done))
    scoring = evaluate.Args(
        str(vae), samples=args.samples, seed=EVALUATION_SEED,
        scoring=evaluate.ScoreArgs(("infomec",), replicates=0, fit_steps=args.fit_steps),
    )  # fmt: skip
    world = args.world.config(args.domain)
    evaluate.task(one.name, evaluate.TRAINED, world, scoring, run.path("scores"))
    progress(FRACTIONS[1])
    rows = Run(run.path("scores")).rows(evaluate.ROWS)
    rows = [replace(found, vae_seed=seed) for found in rows]
    if args.agents.total_timesteps:
        inputs = MethodInputs(vae=vae, vae_seed=seed, latents=choose_latents(vae, None))
        rows += _agent(one, "bvae", inputs, args, run, progress)
    return rows


def _pretraining(row: Recipe, seed: int, args: Args, out: Path) -> pretrain.Args:
    return pretrain.Args(
        args.store, out=out, steps=batches(row, args), seed=seed, train=TrainConfig(log_freq=500),
        **{**common(args.store), **row.settings},
    )  # fmt: skip


def batches(row: Recipe, args: Args) -> int:
    """How many steps a recipe trains for."""
    cost = entry(row.settings["objective"]).cost if args.equal_time else 1.0
    return round(args.steps / cost)


def _agent(
    one: Unit,
    method: str,
    inputs: MethodInputs,
    args: Args,
    run: Run,
    progress: Callable[[float], None],
) -> list[Row]:
    """Train and evaluate a PPO agent; its final rows, without the learning curve."""
    assert one.seed is not None
    total = args.agents.total_timesteps
    config = AgentConfig(total_timesteps=total, seed=one.seed, eval_freq=total)
    job = Job(method, args.world.config(args.agents.source), inputs, config, key=one.name)
    folder = run.path("agent")

    def later(done: float) -> None:
        progress(FRACTIONS[1] + (1.0 - FRACTIONS[1]) * done)

    train_and_evaluate(job, folder, progress=later, **_how(args))
    return [row for row in Run(folder).rows(ROWS) if row.step is None]


def _how(args: Args) -> dict[str, Any]:
    agents = args.agents
    evaluation = Evaluation(agents.domains, agents.n_eval_episodes, EVALUATION_SEED)
    return {"evaluation": evaluation, "study": STUDY, "command": command_line()}


def _seconds(one: Unit, args: Args) -> float:
    agent = args.agents.total_timesteps / 1300
    return agent + (1 if one.name in SCALE else 40 + args.steps * 64 / 1300)


def _collected(args: Args, run: Run) -> list[Row]:
    """All rows that there are by now, with the scores that follow from them; also written."""
    found: list[Row] = []
    known, units = known_units(args.known), units_of(args)
    for key, one in (units | units_of(replace(args, seeds=known_seeds(known)))).items():
        folder = Run(args.out / one.folder)
        done = key in units and folder.done("unit", config=one.config(args))
        found += known.get(key) or marked(folder.rows(ROWS) if done else [], key)
    found = with_scores(found, args.agents.source)
    run.write_json("results.json", [row.to_dict() for row in found])
    return found
