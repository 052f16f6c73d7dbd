"""Compare recipes of pretraining by the scores of VAEs and the transfer of agents, over seeds.

Each recipe (``training/recipes``) and seed is one unit: pretrain, score on independently sampled
factors, train a PPO agent on the latents in the source domain, evaluate it in the others. Units run
side by side, seed by seed, and what is finished is kept: the table grows with the seeds. A recipe
that is hardened at its end goes on from the VAE of the same recipe and seed that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.eval_plan import unending
from bvae_rl.agents.evaluate import random_policy_rows
from bvae_rl.agents.methods import METHODS, MethodInputs, choose_latents, method
from bvae_rl.agents.study import Evaluation, Job, train_and_evaluate, with_scores
from bvae_rl.agents.train import ROWS
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import metric_panels, png
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, require_own
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts.common import aligned, command_line, say, wrote
from bvae_rl.scripts.evaluate import one_code
from bvae_rl.scripts.evaluate.args import Args as EvaluateArgs
from bvae_rl.scripts.evaluate.args import ScoreArgs
from bvae_rl.scripts.evidence.args import Args as Args
from bvae_rl.scripts.evidence.tables import (
    by_factor,
    columns,
    hardenings,
    seeds_of,
    table,
    unscored,
)
from bvae_rl.scripts.evidence.units import (
    FRAMES,
    SCALE,
    Unit,
    known_seeds,
    known_units,
    marked,
    pretraining,
    row_of,
    store_of,
    units_of,
)
from bvae_rl.scripts.evidence.vaes import folder_of, state_rows, teach, vae_of
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.study import EVALUATION_SEED, StudyResult, markdown
from bvae_rl.scripts.worlds import require_shown
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.hardening.checks import refuse
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.table import RECIPES
from bvae_rl.training.train_config import TrainConfig

STUDY = "representation"
FRACTIONS = (0.7, 0.8)  # of a unit's time: until the VAE is trained, until it is scored


def main(args: Args) -> StudyResult:
    """Run what is missing, tabulate, draw."""
    check(args)
    run = Run(args.out)
    known, units = known_units(args.known), units_of(args)
    missing = [one for key, one in units.items() if key not in known]
    if args.known:
        say(f"{len(units) - len(missing)} of {len(units)} units are known already")
    tasks = tasks_of(missing, args)
    planned = {task.name: _seconds(task.args[0], args) for task in tasks}
    progress = Progress(planned, workers=args.workers)

    def show(name: str, fraction: float) -> None:
        progress.update(name, fraction)
        if fraction == 1.0:
            _collected(args, run)

    run_parallel(tasks, workers=args.workers, on_progress=show)
    progress.close()
    rows = _collected(args, run)
    shown = (*args.recipes, *args.beside)
    values = columns(rows, shown, args.agents.domains, args.agents.target)
    labels = {name: _label(name) for name in shown}
    drawn = run.write_file("evidence.png", png(metric_panels(values, labels=labels)))
    tables = table(values, seeds_of(rows, shown)), by_factor(rows, args.recipes)
    for lines in tables:
        say(aligned(lines) + "\n")
    notes = [f"- {words}" for words in hardenings(args)]
    for words in (*notes, *(f"- {words}" for words in unscored(rows, args.agents.domains))):
        say(words)
    page = "\n\n".join([*map(markdown, tables), *(["\n".join(notes)] if notes else [])]) + "\n"
    wrote(run.write_file("evidence.md", page.encode()))
    wrote(drawn)
    wrote(run.folder / "results.json")
    return StudyResult(rows, run.folder)


def check(args: Args) -> None:
    """A ValueError for what would fail in hours, before anything is trained."""
    for name in args.recipes:
        row_of(name)
    for name in args.beside:
        if method(name).needs or name in SCALE:
            raise ValueError(
                f"beside the recipes stand agents that need neither VAE nor frames and do not fix "
                f"the scale, such as pixels, got {name}"
            )
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
    for given in (args.recipes, args.seeds, args.beside):
        if len({*given}) < len(given):
            raise ValueError(f"each recipe and each seed is named once, got {given}")
    if args.beside and not args.agents.total_timesteps:
        raise ValueError("beside the recipes stand agents, and --total-timesteps 0 trains none")
    require_own(args.out, "results.json")
    store = FrameStore.existing(args.store)
    if not store.factor_specs:
        raise ValueError(f"{args.store} holds no factors, so nothing can be scored on it")
    require_shown(store, args.world)
    for domain in (args.domain, *args.agents.domains):
        args.world.config(domain).make().close()  # an unknown visual domain is refused now
    for name in args.beside if args.agents.total_timesteps else ():
        method(name).check(args.world.config(args.agents.source), MethodInputs())
    for name in args.recipes:
        _check_row(name, args, store.shape)
    used = {RecipeName.parse(name).changes.get(FRAMES) for name in args.recipes}
    if unused := [given for given in args.frames if given.partition("=")[0] not in used]:
        raise ValueError(
            f"no row is trained on --frames {' '.join(unused)}; name one, as "
            f"plain:frames={unused[0].partition('=')[0]}"
        )


def _check_row(name: str, args: Args, shape: Sequence[int]) -> None:
    """A ValueError if the frames do not allow a row, or are not of the ``shape`` of all others."""
    store = FrameStore.existing(store_of(name, args))
    require_shown(store, args.world)
    if tuple(store.shape) != tuple(shape):
        raise ValueError(f"{store.folder} holds frames of {store.shape}, {args.store} of {shape}")
    try:
        chosen = recipe_of(pretraining(row_of(name), args.seeds[0], args, Path()), store)
        vae = BetaVAE(chosen.make_config(store))
        rows = Rows(store, validation=TrainConfig().validation)
        chosen.make_objective(args.steps).pairing(rows, vae)
        if chosen.harden is not None:
            refuse(chosen.harden.against, store.shape, store.factor_specs)
            chosen.harden.student(vae.config)
            chosen.harden.objective(vae)
    except ValueError as error:
        raise ValueError(f"recipe {name}: {error}") from error


def tasks_of(missing: Sequence[Unit], args: Args) -> list[Task]:
    """What there is to do: of a unit that hardens a VAE first that VAE, once for all of them."""
    tasks: dict[str, Task] = {}
    for one in missing:
        teacher = one.teacher
        if teacher is not None and teacher.folder not in tasks:
            tasks[teacher.folder] = Task(teacher.folder, teach, (teacher, args))
        after = () if teacher is None else (teacher.folder,)
        tasks[one.folder] = Task(one.folder, measure, (one, args), after=after)
    return list(tasks.values())


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
            n_eval_episodes=at_random.n_eval_episodes, seed=at_random.seed,
            limit=at_random.limit, **how,
        )  # fmt: skip
    elif one.name in METHODS:
        rows = _agent(one, one.name, MethodInputs(), args, run, progress)
    else:
        rows = _recipe_rows(one, one.seed, args, run, progress)
    run.write_rows(rows, name=ROWS)
    run.mark_done("unit", config=config)
    progress(1.0)


def _recipe_rows(
    one: Unit, seed: int, args: Args, run: Run, progress: Callable[[float], None]
) -> list[Row]:
    """Pretrain and score a VAE, and train and evaluate its agent."""
    vae = vae_of(one, args, progress=lambda done: progress(FRACTIONS[0] * done))
    folder = folder_of(one, args)
    scoring = EvaluateArgs(
        str(folder), samples=args.samples, seed=EVALUATION_SEED,
        scoring=ScoreArgs(("infomec",), replicates=0, fit_steps=args.fit_steps),
    )  # fmt: skip
    world = args.world.config(args.domain)
    one_code.task(one.name, one_code.TRAINED, world, scoring, run.path("scores"))
    read = state_rows(one.name, vae, args)
    progress(FRACTIONS[1])
    rows = [*Run(run.path("scores")).rows(one_code.ROWS), *read]
    rows = [replace(found, vae_seed=seed) for found in rows]
    if args.agents.total_timesteps:
        inputs = MethodInputs(vae=folder, vae_seed=seed, latents=choose_latents(folder, None))
        rows += _agent(one, "bvae", inputs, args, run, progress)
    return rows


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
    env = args.world.config(args.agents.source)
    config = AgentConfig.of("ppo", env.id, total_timesteps=total, seed=one.seed, eval_freq=total)
    config = replace(config, eval_limit=unending(env, config.n_eval_episodes))
    job = Job(method, env, inputs, config, key=one.name)
    folder = run.path("agent")

    def later(done: float) -> None:
        progress(FRACTIONS[1] + (1.0 - FRACTIONS[1]) * done)

    train_and_evaluate(job, folder, progress=later, **_how(args))
    return [row for row in Run(folder).rows(ROWS) if row.step is None]


def _how(args: Args) -> dict[str, Any]:
    agents = args.agents
    limit = unending(args.world.config(agents.source), agents.n_eval_episodes)
    evaluation = Evaluation(agents.domains, agents.n_eval_episodes, EVALUATION_SEED, limit)
    return {"evaluation": evaluation, "study": STUDY, "command": command_line()}


def _seconds(one: Unit, args: Args) -> float:
    agent = args.agents.total_timesteps / 1300
    if one.name in METHODS or one.name in SCALE:
        return agent + 1
    harden = row_of(one.name).harden
    steps = args.steps if harden is None else harden.batches(args.steps)
    return agent + 40 + steps * 64 / 1300


def _label(name: str) -> str:
    """What a row is called in the figure."""
    if name in METHODS:
        return METHODS[name].text
    known = RecipeName.parse(name)
    return row_of(name).text if known.row in RECIPES and not known.changes else name


def _collected(args: Args, run: Run) -> list[Row]:
    """All rows that there are by now, with the scores that follow from them; also written."""
    found: list[Row] = []
    known, units = known_units(args.known), units_of(args)
    for key, one in (units | units_of(replace(args, seeds=known_seeds(known)))).items():
        folder = Run(args.out / one.folder)
        done = key in units and folder.done("unit", config=one.config(args))
        found += known.get(key) or marked(folder.rows(ROWS) if done else [], key)
    found = with_scores(found, args.agents.source)
    run.write_rows(found)
    return found
