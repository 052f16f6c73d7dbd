"""The whole pipeline, live, in at most 15 minutes: frames, Beta-VAE, agents, transfer report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bvae_rl.agents.methods import MethodInputs
from bvae_rl.agents.study import Job
from bvae_rl.agents.train import AgentConfig
from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import method_label
from bvae_rl.report import FigureEntry, write_report
from bvae_rl.runtime.runs import Row, Run
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts import collect, evaluate, pretrain
from bvae_rl.scripts.common import EnvArgs, say, wrote
from bvae_rl.scripts.demo_report import (
    DOMAINS,
    draw_agents,
    draw_timelines,
    draw_vae,
    headline,
)
from bvae_rl.scripts.progress import Progress, minutes
from bvae_rl.scripts.recipes import common, recipe
from bvae_rl.scripts.study import StudyArgs, make_jobs, plan, run_jobs
from bvae_rl.training.pretrain import TrainConfig

AGENT_METHODS = ("state", "blind", "pixels", "pixels_randomised", "bvae", "bvae_pairs")
AT_HOME = "score at home"
CODES = ("bvae_pairs", "bvae", evaluate.UNTRAINED, evaluate.PCA)
SHIPPED = {"bvae_pairs": "reach_crossed", "bvae": "reach_plain"}
TRAINED_AS = {"bvae_pairs": "views_interventions", "bvae": "plain"}  # rows of recipes.py


@dataclass(frozen=True)
class Args:
    """How much of it."""

    out: Path | None = None
    """default runs/demo (with --quick runs/demo-quick, with --from-scratch runs/demo-scratch)"""
    from_scratch: bool = False
    """train the VAEs from nothing instead of going on from the shipped checkpoints (an hour)"""
    quick: bool = False
    """every step for a moment only: under 2 minutes, and the figures mean nothing"""
    seed: int = 0
    """of frames, VAEs and agents"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""


@dataclass(frozen=True)
class Scale:
    """Sizes: store, VAE steps, scored frames, R2 fits, agent steps, evaluation episodes."""

    frames: int
    interventions: int
    vae_steps: int
    samples: int
    fit_steps: int
    agent_steps: int
    episodes: int

    @property
    def rows(self) -> int:
        """Frames in the store: of drawn states, and four to each intervention."""
        return self.frames + 4 * self.interventions


SCALES = {
    "demo": Scale(12_000, 2_000, 500, 6000, 1500, 100_000, 100),
    "demo-scratch": Scale(120_000, 20_000, 40_000, 6000, 1500, 100_000, 100),
    "demo-quick": Scale(1_200, 200, 20, 600, 50, 4_000, 10),
}


@dataclass(frozen=True)
class Result:
    """Everything that was measured, and the page that shows it."""

    rows: list[Row]
    report: Path


def main(args: Args) -> Result:
    """Collect, pretrain, score, train agents, evaluate, report; reuses what is finished."""
    if args.quick and args.from_scratch:
        raise ValueError("choose one of --quick and --from-scratch")
    name = "demo-quick" if args.quick else "demo-scratch" if args.from_scratch else "demo"
    demo = Demo(args, SCALES[name], Run(args.out or Path("runs") / name))
    demo.collect()
    demo.pretrain()
    rows = demo.score() + demo.train_agents()
    demo.progress.close()
    demo.run.write_json("results.json", [row.to_dict() for row in rows])
    lines = headline(rows)
    report = write_report(
        rows,
        demo.draw(rows),
        demo.run,
        title="bvae_rl demo: does a disentangled code carry a policy to new appearances?",
        headline=lines,
        quick=args.quick,
        notes=[demo.about, *demo.conclusions()],
    )
    if args.quick:
        say("smoke run: the figures mean nothing")
    for line in lines:
        say(f"- {line}")
    pairs = demo.run.folder / "bvae_pairs"
    wrote(report, f"open it in a browser; then: bvae-rl visualize {pairs} --domain ood1")
    return Result(rows, report)


class Demo:
    """The steps of a demo, each a command's ``main`` or the tasks behind it."""

    def __init__(self, args: Args, scale: Scale, run: Run) -> None:
        self.args, self.scale, self.run = args, scale, run
        self.env = EnvArgs().config("source")
        self.study = StudyArgs(
            seeds=(args.seed,),
            vae=(str(run.folder / "bvae"),),
            vae_pairs=(str(run.folder / "bvae_pairs"),),
            steps=scale.agent_steps,
            episodes=scale.episodes,
            workers=args.workers,
        )
        self.progress = Progress(self._planned(), workers=args.workers)
        say(self.about)
        say(
            f"It takes about {minutes(self.progress.seconds_left())} on two cores; interrupt it "
            f"and call it again as you like. Everything goes to {run.folder}/"
        )

    @property
    def about(self) -> str:
        """What is done live, in a sentence or two."""
        how = (
            f"two VAEs are trained from scratch for {self.scale.vae_steps:,} steps each"
            if self.args.from_scratch
            else f"two shipped checkpoints ({SHIPPED['bvae_pairs']}, on grids: states in two "
            f"looks, and what one actuator did; {SHIPPED['bvae']}, on single frames) are trained "
            f"for {self.scale.vae_steps:,} further steps each"
        )
        return (
            f"{self.scale.rows:,} frames are collected, {how} and scored beside an untrained "
            f"encoder and PCA; {len(AGENT_METHODS)} agents are trained for "
            f"{self.scale.agent_steps:,} environment steps each, with the same heads and epochs, "
            f"and evaluated on {self.scale.episodes} fixed episodes in each of three visual domains."
        )

    def collect(self) -> None:
        """Frames of one state in two appearances, and of one actuator's moves."""
        collect.main(
            collect.Args(
                out=self.run.folder / "frames",
                frames=self.scale.frames,
                policy="drawn",
                views=2,
                interventions=self.scale.interventions,
                domain="pretrain",
                seed=self.args.seed,
            ),
            on_progress=partial(self.progress.update, "frames"),
        )
        self.progress.update("frames", 1.0)

    def pretrain(self) -> None:
        """Both VAEs, side by side."""
        tasks = []
        for name, shipped in SHIPPED.items():
            store = self.run.folder / "frames"
            settings = pretrain.Args(
                store,
                out=self.run.folder / name,
                steps=self.scale.vae_steps,
                seed=self.args.seed,
                **{**common(store), **recipe(TRAINED_AS[name]).settings},
            )
            if not self.args.from_scratch:
                settings = _going_on(settings, find_vae(shipped))
            tasks.append(Task(f"train {name}", pretrain.task, (settings,)))
        run_parallel(tasks, workers=self.args.workers, on_progress=self.progress.update)

    def score(self) -> list[Row]:
        """Both VAEs and both floors over the pretraining appearances; the paired one also at home."""
        tasks = [
            Task(f"score {name}", evaluate.task, self.scoring(name, "pretrain")) for name in CODES
        ]
        tasks.append(Task(AT_HOME, evaluate.task, self.scoring("bvae_pairs", "source")))
        run_parallel(tasks, workers=self.args.workers, on_progress=self.progress.update)
        folders = [task.args[-1] for task in tasks]
        return [row for folder in folders for row in Run(folder).rows(evaluate.ROWS)]

    def train_agents(self) -> list[Row]:
        """All methods in the source appearance, evaluated everywhere."""
        jobs = make_jobs(self.study, AGENT_METHODS, self.env)
        return run_jobs(
            jobs, self.study, domain=DOMAINS, study="transfer", run=self.run, progress=self.progress
        )

    def conclusions(self) -> list[str]:
        """How both VAEs were trained, and what the scores of the paired one allow to say."""
        folder = self.scoring("bvae_pairs", "pretrain")[-1]
        said: list[str] = Run(folder).read_json(evaluate.CONCLUSIONS)
        return [*map(self._training, SHIPPED), f"{method_label('bvae_pairs')}: {'; '.join(said)}."]

    def _training(self, name: str) -> str:
        vae = BetaVAE.load(self.run.folder / name)
        training = vae.meta["training"]
        objective, before = training["objective"], training["continued_from"]
        after = f", after {before['steps']:,} of seed {before['seed']}" if before else ""
        tc = f", total correlation {objective['tc']:g}" if objective.get("tc") else ""
        return (
            f"{method_label(name)}: objective {objective['name']} on "
            f"{objective.get('pairs') or 'single frames'}, {training['steps']:,} batches{after}; "
            f"beta {objective['beta']:g}{tc}, with a {vae.config.likelihood} likelihood "
            f"of weight s = {vae.config.recon_weight:g}; {training['frames']:,} frames seen in pretraining."
        )

    def draw(self, rows: list[Row]) -> list[FigureEntry]:
        """All pictures, as PNG files and as entries of the report."""
        drawn = draw_agents([row for row in rows if row.study == "transfer"], self.run)
        for name in SHIPPED:
            folder = self.scoring(name, "pretrain")[-1].relative_to(self.run.folder)
            drawn += draw_vae(name, self.run, scores=str(folder))
        (job,) = make_jobs(self.study, ["bvae_pairs"], self.env)
        env = self.env.with_domain("ood1")
        for agent in (None, f"agents/{job.name}"):
            drawn.append(
                draw_timelines(
                    self.run, agent=agent, vae="bvae_pairs", env=env, seed=self.args.seed
                )
            )
        return drawn

    def scoring(self, name: str, domain: str) -> tuple[str, str, EnvConfig, evaluate.Args, Path]:
        code = evaluate.TRAINED if name in SHIPPED else name
        vae = self.run.folder / (name if name in SHIPPED else "bvae_pairs")
        settings = evaluate.Args(
            str(vae),
            samples=self.scale.samples,
            fit_steps=self.scale.fit_steps,
            seed=self.args.seed,
        )
        out = self.run.folder / "scores" / f"{name}-{domain}"
        return name, code, self.env.with_domain(domain), settings, out

    def _planned(self) -> dict[str, float]:
        """Seconds of each task on one slow core; the pace that is measured corrects them."""
        config = AgentConfig(total_timesteps=self.scale.agent_steps, seed=self.args.seed)
        inputs = MethodInputs(vae_seed=self.args.seed)
        jobs = [Job(name, self.env, inputs, config) for name in AGENT_METHODS]
        scored = 4 + self.scale.samples / 250
        return {
            "frames": self.scale.rows / 3000,
            **{f"train {name}": 5 + self.scale.vae_steps * 64 / 1200 for name in SHIPPED},
            **{f"score {name}": scored for name in CODES},
            AT_HOME: scored,
            **plan(jobs),
        }


def _going_on(settings: pretrain.Args, start: Path) -> pretrain.Args:
    """Gently, from ``start``, under the pressure that its training ended with.

    Of crossed grids that is a tenth of the recipe's (``--relax``), all of them crossed, no rank.
    """
    gentle = TrainConfig(learning_rate=1e-4, warmup=50, log_freq=50)
    if settings.objective == "crossed":
        settings = replace(settings, beta=5.0, set=("tc=20", "rank=0", "start=0", "full=0"))
    return replace(settings, start=start, schedule="constant", relax=0.0, train=gentle)
