"""The whole pipeline in 5 to 20 minutes: frames, Beta-VAEs, scores, agents, and a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.methods import MethodInputs
from bvae_rl.agents.study import Job
from bvae_rl.data.collecting.plan import INDEPENDENT
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.hub import find_vae
from bvae_rl.report import FigureEntry, write_report
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.workers import Task, run_parallel
from bvae_rl.scripts import collect
from bvae_rl.scripts.common import EnvArgs, command_for, say
from bvae_rl.scripts.demo.report import (
    CONTENT,
    DOMAINS,
    HARDENED,
    PLAIN,
    draw_agents,
    draw_film,
    draw_timelines,
    draw_vae,
    headline,
    training_note,
    vae_label,
)
from bvae_rl.scripts.demo.scale import SCALES, Scale
from bvae_rl.scripts.evaluate import one_code
from bvae_rl.scripts.evaluate.args import Args as EvaluateArgs
from bvae_rl.scripts.evaluate.args import ScoreArgs
from bvae_rl.scripts.evaluate.scoring import PCA, UNTRAINED
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.harden import command as harden
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.progress import Progress, minutes
from bvae_rl.scripts.study import StudyArgs, make_jobs, plan, run_jobs
from bvae_rl.training.recipes.recipe import latent_dims

METHODS = ("state", "blind", "pixels", "pixels_randomised", "bvae")
VAES = {PLAIN: "reach_plain", CONTENT: "reach_crossed"}  # and the checkpoints that they go on from
RECIPES = {PLAIN: "plain", CONTENT: "views_interventions"}
STUDENT = "reach_crossed_hardened"  # the checkpoint that the hardening goes on from
TRAINED = (*VAES, HARDENED)
CODES = (CONTENT, PLAIN, HARDENED, UNTRAINED, PCA)
IN_SOURCE = "score in source"


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
    demo.harden()
    rows = demo.score() + demo.train_agents()
    demo.progress.close()
    demo.run.write_rows(rows)
    lines = headline(rows)
    report = write_report(
        rows,
        demo.draw(rows),
        demo.run,
        title="bvae_rl demo: does a disentangled representation carry a policy to new domains?",
        headline=lines,
        quick=args.quick,
        notes=[demo.about, *demo.conclusions()],
        links=[(demo.explorer().name, "Move the latents of the hardened VAE yourself")],
    )
    if args.quick:
        say("smoke run: the figures mean nothing")
    for line in lines:
        say(f"- {line}")
    say(f"wrote {report}; open it in a browser")
    say(f"next: {command_for('visualize', str(demo.run.folder / CONTENT), domain='ood1')}")
    return Result(rows, report)


class Demo:
    """The steps of a demo, each a command's ``main`` or the tasks behind it."""

    def __init__(self, args: Args, scale: Scale, run: Run) -> None:
        self.args, self.scale, self.run = args, scale, run
        self.env = EnvArgs().config("source")
        self.study = StudyArgs(
            seeds=(args.seed,), total_timesteps=scale.total_timesteps,
            n_eval_episodes=scale.n_eval_episodes, workers=args.workers,
        )  # fmt: skip
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
            else f"two shipped checkpoints ({VAES[CONTENT]}, by cross-reconstruction of two views "
            f"and of interventions; {VAES[PLAIN]}, on single frames) are trained for "
            f"{self.scale.vae_steps:,} further steps each"
        )
        from_where = "" if self.args.from_scratch else f", going on from {STUDENT}"
        return (
            f"{self.scale.rows:,} frames are collected, {how}; the first of them is hardened "
            f"against colour for {self.scale.harden_steps:,} batches{from_where}; all three are "
            "scored beside an untrained "
            f"encoder and PCA; {len(METHODS) + 2} agents are trained for "
            f"{self.scale.total_timesteps:,} environment steps each, with the same heads and "
            f"epochs, and evaluated on {self.scale.n_eval_episodes} fixed episodes in each of "
            "three visual domains."
        )

    def collect(self) -> None:
        """Frames of one state in two appearances, and of one actuator's moves."""
        collect.main(
            collect.Args(
                out=self.run.folder / "frames",
                frames=self.scale.frames,
                policy=INDEPENDENT,
                domain="pretrain",
                seed=self.args.seed,
                views=2,
                interventions=self.scale.interventions,
            ),
            on_progress=partial(self.progress.update, "frames"),
        )
        self.progress.update("frames", 1.0)

    def pretrain(self) -> None:
        """Both VAEs, side by side."""
        store = self.run.folder / "frames"
        content, style = latent_dims(FrameStore.existing(store).factor_specs)
        tasks = []
        for name, shipped in VAES.items():
            settings = pretrain.Args.of(
                store, recipe=RECIPES[name], out=self.run.folder / name, seed=self.args.seed,
                steps=self.scale.vae_steps, content_dim=content, style_dim=style,
            )  # fmt: skip
            if not self.args.from_scratch:
                settings = _going_on(settings, find_vae(shipped))
            tasks.append(Task(f"train {name}", pretrain.task, (settings,)))
        run_parallel(tasks, workers=self.args.workers, on_progress=self.progress.update)

    def harden(self) -> None:
        """The content of one of them, against colour."""
        store = self.run.folder / "frames"
        hardening = harden.Args(
            str(self.run.folder / CONTENT), (store,), out=self.run.folder / HARDENED,
            steps=self.scale.harden_steps, seed=self.args.seed,
            start=None if self.args.from_scratch else STUDENT,
        )  # fmt: skip
        harden_task = Task(f"train {HARDENED}", harden.task, (hardening,))
        run_parallel([harden_task], workers=1, on_progress=self.progress.update)

    def score(self) -> list[Row]:
        """Both VAEs and both references in the pretraining domain, one VAE in the source too."""
        tasks = [
            Task(f"score {name}", one_code.task, self.scoring(name, "pretrain")) for name in CODES
        ]
        tasks.append(Task(IN_SOURCE, one_code.task, self.scoring(CONTENT, "source")))
        run_parallel(tasks, workers=self.args.workers, on_progress=self.progress.update)
        return [row for task in tasks for row in Run(task.args[-1]).rows(one_code.ROWS)]

    def scoring(self, name: str, domain: str) -> tuple[str, str, EnvConfig, EvaluateArgs, Path]:
        """The arguments of ``one_code.task`` for one code."""
        settings = EvaluateArgs(
            str(self.run.folder / (name if name in TRAINED else CONTENT)),
            samples=self.scale.samples,
            seed=self.args.seed,
            scoring=ScoreArgs(fit_steps=self.scale.fit_steps),
        )
        code = one_code.TRAINED if name in TRAINED else name
        out = self.run.folder / "scores" / f"{name}-{domain}"
        return name, code, self.env.with_domain(domain), settings, out

    def jobs(self) -> list[Job]:
        """All agents; both VAEs are there."""
        vaes = [str(self.run.folder / name) for name in TRAINED]
        return make_jobs(self.study, METHODS, vaes, self.env)

    def train_agents(self) -> list[Row]:
        """All methods in the source domain, evaluated in every domain."""
        return run_jobs(
            self.jobs(), self.study, domains=DOMAINS, study="transfer", run=self.run,
            progress=self.progress,
        )  # fmt: skip

    def conclusions(self) -> list[str]:
        """How both VAEs were trained, and what the scores of one allow to say."""
        folder = self.scoring(CONTENT, "pretrain")[-1]
        found: list[str] = Run(folder).read_json(one_code.CONCLUSIONS)
        notes = [training_note(self.run, name) for name in TRAINED]
        return [*notes, f"{vae_label(self.run, CONTENT)}: {'; '.join(found)}."]

    def draw(self, rows: list[Row]) -> list[FigureEntry]:
        """All pictures, as PNG files and as entries of the report."""
        before, after = (f"agents/{job.name}" for job in self.jobs()[-2:])  # on CONTENT, HARDENED
        drawn = [draw_film(self.run, after, beside=before, seed=self.args.seed)]
        drawn += draw_agents(rows, self.run)
        for name in TRAINED:
            folder = self.scoring(name, "pretrain")[-1].relative_to(self.run.folder)
            drawn += draw_vae(name, self.run, scores=str(folder))
        env, seed = self.env.with_domain("ood1"), self.args.seed
        return drawn + [draw_timelines(self.run, who, env=env, seed=seed) for who in (None, after)]

    def explorer(self) -> Path:
        """The page in which the hardened VAE runs, beside its teacher, with its agent's episode."""
        page = self.run.path(explore.PAGE)
        settings = explore.Args(
            str(self.run.folder / HARDENED), beside=(str(self.run.folder / CONTENT),), out=page,
            agent=self.run.folder / "agents" / self.jobs()[-1].name, domain="pretrain",
            domains=DOMAINS, samples=min(2_000, self.scale.samples), seed=self.args.seed,
        )  # fmt: skip
        return page if page.exists() else explore.write_page(settings)

    def _planned(self) -> dict[str, float]:
        """Seconds of each task on one slow core; the pace that is measured corrects them."""
        config = AgentConfig.of(
            "ppo", self.env.id, total_timesteps=self.scale.total_timesteps, seed=self.args.seed
        )
        inputs = MethodInputs(vae_seed=self.args.seed)
        jobs = [Job(name, self.env, inputs, config) for name in METHODS]
        content = replace(inputs, latents="content")
        jobs += [Job("bvae", self.env, content, config, key) for key in (CONTENT, HARDENED)]
        scored = 4 + self.scale.samples / 250
        return {
            "frames": self.scale.rows / 3000,
            **{f"train {name}": 5 + self.scale.vae_steps * 64 / 1200 for name in VAES},
            f"train {HARDENED}": 10 + self.scale.harden_steps * 64 / 1800,
            **{f"score {name}": scored for name in CODES},
            IN_SOURCE: scored,
            **plan(jobs),
        }


def _going_on(settings: pretrain.Args, start: Path) -> pretrain.Args:
    """Gently, from ``start``, under the KL weight that its training ended with.

    Of cross-reconstruction that is a tenth of the recipe's, on all grids, without the rank term.
    """
    if settings.recipe == RECIPES[CONTENT]:
        settings = settings.but(beta=5.0, set=("tc=20", "rank=0", "start=0", "full=0"))
    return settings.but(
        start=start, schedule="constant", release=0.0, learning_rate=1e-4, warmup=50, log_freq=50
    )
