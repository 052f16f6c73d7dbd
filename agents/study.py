"""A study: many agents trained and evaluated side by side, and all their rows.

Each job has its own folder under the study's, whose ``rows.json`` is complete once the job is
done; a study that was killed, called again, only does what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bvae_rl.agents.config import AgentConfig, StepLimit
from bvae_rl.agents.evaluate import RANDOM_POLICY, evaluate_agent, random_policy_rows
from bvae_rl.agents.methods import Method, MethodInputs, method
from bvae_rl.agents.scores import normalised_rows, retention_rows
from bvae_rl.agents.train import ROWS, train_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.workers import OnProgress, Task, run_parallel

TRAINED = 0.97  # the fraction of a job's time that training takes, for its progress


@dataclass(frozen=True)
class Job:
    """One agent: a method by name, its source environment, its encoders and how to train it.

    The seed of the encoder is ``inputs.vae_seed``, that of the agent ``config.seed``. ``key`` is
    what rows call the method, by default the method's own key.
    """

    method: str
    env: EnvConfig
    inputs: MethodInputs
    config: AgentConfig
    key: str = ""

    @property
    def row(self) -> Method:
        """The method, with the chosen latents."""
        return method(self.method, self.inputs.latents)

    @property
    def name(self) -> str:
        """The job's folder: key, algorithm, seed of the encoder (if any) and of the agent."""
        vae = f"-vae{self.inputs.vae_seed}" if self.row.build else ""
        return f"{self.key or self.row.key}-{self.config.algo}{vae}-seed{self.config.seed}"


@dataclass(frozen=True)
class Evaluation:
    """Which visual domains, how many fixed episodes, and from which seed on they are reset.

    ``limit`` is that of the environment steps in each domain; None: no limit.
    """

    domains: tuple[str | None, ...] = (None,)
    n_eval_episodes: int = 100
    seed: int = 10_000
    limit: StepLimit | None = None

    def identity(self) -> dict[str, Any]:
        """Plain values; without a limit as in earlier folders."""
        plain = asdict(self)
        if self.limit is None:
            del plain["limit"]
        return plain


def run_study(
    jobs: Sequence[Job],
    out: str | Path,
    *,
    evaluation: Evaluation,
    study: str,
    command: str,
    workers: int = 2,
    on_progress: OnProgress = lambda name, fraction: None,
) -> list[Row]:
    """Train and evaluate all ``jobs`` (of one environment) under ``out`` and return their rows.

    These are learning curves (with ``step``), final ``return`` and ``success``, those of the random
    policy, and derived ``score`` and ``retention``, whose source is the environment's own domain.
    Own methods have to be rows of ``METHODS`` in the workers too: add them where their functions
    live.
    """
    envs = {job.env for job in jobs}
    if len(envs) != 1:
        raise ValueError(
            f"a study has one source environment, got {len(envs)}: {sorted(map(str, envs))}"
        )
    env = envs.pop()
    folder = Path(out)
    shared = {"evaluation": evaluation, "study": study, "command": command}
    # pixels, then what encodes, then vectors: what is short fills the gaps at the end
    slow_first = sorted(jobs, key=lambda job: (job.row.policy != "CnnPolicy", not job.row.needs))
    tasks = [
        Task(job.name, train_and_evaluate, (job, folder / job.name), shared) for job in slow_first
    ]
    tasks.append(Task(RANDOM_POLICY, act_at_random, (env, folder / RANDOM_POLICY), shared))
    run_parallel(tasks, workers=workers, on_progress=on_progress)
    names = [RANDOM_POLICY, *(job.name for job in jobs)]
    rows = [row for name in names for row in Run(folder / name).rows(ROWS)]
    # also of agents that another study has finished here
    return with_scores([replace(row, study=study, command=command) for row in rows], env.domain)


def with_scores(rows: list[Row], source: str | None) -> list[Row]:
    """``rows`` and the normalised scores and retentions that follow from them."""
    scores = normalised_rows(rows)
    return [*rows, *scores, *retention_rows(scores, source=source)]


def train_and_evaluate(
    job: Job,
    folder: Path,
    *,
    evaluation: Evaluation,
    study: str,
    command: str,
    progress: Callable[[float], None],
) -> None:
    """One agent into ``folder``: trained, evaluated, its rows written; what is done is kept."""
    run = Run(folder)
    train_agent(
        job.row, job.env, job.inputs, job.config, run, key=job.key, study=study, command=command,
        progress=lambda fraction: progress(TRAINED * fraction),
    )  # fmt: skip
    there = any(row.step is None for row in run.rows(ROWS))  # and not deleted since
    if not (there and run.done("evaluate", config=evaluation)):
        rows = evaluate_agent(
            folder, job.env, evaluation.domains, n_eval_episodes=evaluation.n_eval_episodes,
            seed=evaluation.seed, limit=evaluation.limit,
            progress=lambda fraction: progress(TRAINED + (1.0 - TRAINED) * fraction),
        )  # fmt: skip
        curve = [row for row in run.rows(ROWS) if row.step is not None]
        run.write_rows((*curve, *rows), name=ROWS)
        run.mark_done("evaluate", config=evaluation)


def act_at_random(
    env: EnvConfig,
    folder: Path,
    *,
    evaluation: Evaluation,
    study: str,
    command: str,
    progress: Callable[[float], None],
) -> None:
    """The rows of the random policy, into ``folder``."""
    run = Run(folder)
    config = {"env": env.identity(), **evaluation.identity()}
    if not (run.rows(ROWS) and run.done("evaluate", config=config)):
        rows = random_policy_rows(
            env, evaluation.domains, n_eval_episodes=evaluation.n_eval_episodes,
            seed=evaluation.seed, study=study, command=command, limit=evaluation.limit,
            progress=progress,
        )  # fmt: skip
        run.write_rows(rows, name=ROWS)
        run.mark_done("evaluate", config=config)
