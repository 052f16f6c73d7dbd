"""An agent moved to looks that its encoder never saw: frozen, or fine-tuned online in some ways.

Each seed has one VAE, pretrained on the source appearance, and one agent, trained there on its latents.
Every treatment starts from copies of both, learns on in the new appearances, and is evaluated on the same
episodes and frames. Agents act over ``LatentVecEnv``, whose last observation is encoded anew after
each update, so that this equals an encoder inside the policy, at half the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import PARALLEL, LoadedAgent, load_agent, run_episodes
from bvae_rl.agents.methods import MethodInputs, SupervisionBudget, method
from bvae_rl.agents.train import CURVE_SEED, ROWS, AtRollout, train_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec, require_factor_env
from bvae_rl.data.frame_layout import frames_to_x
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import mig, score
from bvae_rl.metrics.inputs import changing
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Row, Run
from bvae_rl.runtime.workers import OnProgress, Task, run_parallel
from bvae_rl.sb3.online import OnlineBetaVAE
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.schedules import Constant, Linear, Schedule

PROBE_SEED, EVALUATION_SEED = 77_000, 10_000


@dataclass(frozen=True)
class Treatment:
    """What happens to the encoder after the move. ``beta`` makes a schedule of peak and steps."""

    name: str
    text: str
    beta: Callable[[float, int], Schedule] | None = None
    mixed: bool = False


def _annealed(beta: float, steps: int) -> Schedule:
    return Linear(0.1 * beta, beta, steps // 2)


def _Constant(beta: float, steps: int) -> Schedule:
    return Constant(beta)


TREATMENTS = {
    row.name: row
    for row in (
        Treatment("frozen", "encoder as pretrained"),
        Treatment("online", "online, beta annealed, new frames only", _annealed),
        Treatment("online_mixed", "online, beta annealed, half old frames", _annealed, mixed=True),
        Treatment("online_constant", "online, beta constant, half old frames", _constant, True),
    )
}


@dataclass(frozen=True)
class AdaptConfig:
    """How long, and how the VAE is fine-tuned: the same for all treatments."""

    steps: int = 40_000
    beta: float = 1.0
    every: int = 1_000
    tune: FineTuneConfig = field(
        default_factory=lambda: FineTuneConfig(gradient_steps=20, learning_rate=5e-4)
    )
    eval_every: int = 10_000
    eval_episodes: int = 20
    episodes: int = 100
    probe_frames: int = 2_000


@dataclass(frozen=True)
class Move:
    """One run: a treatment, the visual domain moved to, and the seed's VAE and trained agent."""

    treatment: str
    domain: str
    seed: int
    vae: Path
    agent: Path

    @property
    def name(self) -> str:
        return f"{self.treatment}-{self.domain}-seed{self.seed}"


def run_adaptation(
    vaes: dict[int, Path],
    env: EnvConfig,
    domain: Sequence[str],
    store: Path,
    config: AdaptConfig,
    out: Path,
    *,
    agent: AgentConfig,
    treatments: Sequence[str] = tuple(TREATMENTS),
    command: str,
    workers: int = 2,
    on_progress: OnProgress = lambda name, fraction: None,
) -> list[Row]:
    """Train a source agent per seed of ``vaes``, move it under every treatment, return all rows.

    The ``study`` of a row names the move ("adapt-ood1"), its ``domain`` where it was evaluated.
    What is finished under ``out`` is not done again.
    """
    sources = [
        Task(f"source-seed{seed}", _train_source, (seed, vae, env, agent, out, command))
        for seed, vae in vaes.items()
    ]
    run_parallel(sources, workers=workers, on_progress=on_progress)
    moves = [
        Move(name, target, seed, vae, out / f"source-seed{seed}")
        for seed, vae in vaes.items()
        for target in domain
        for name in treatments
    ]
    tasks = [Task(move.name, _move, (move, env, store, config, out, command)) for move in moves]
    run_parallel(tasks, workers=workers, on_progress=on_progress)
    rows = [row for move in moves for row in Run(out / move.name).rows(ROWS)]
    return [replace(row, command=command) for row in rows]  # also of moves finished before a kill


def _train_source(
    seed: int,
    vae: Path,
    env: EnvConfig,
    config: AgentConfig,
    out: Path,
    command: str,
    *,
    progress: Callable[[float], None],
) -> None:
    inputs = MethodInputs(vae=vae, vae_seed=seed)
    train_agent(
        method("bvae"), env, inputs, replace(config, seed=seed), Run(out / f"source-seed{seed}"),
        study="adapt", command=command, progress=progress,
    )  # fmt: skip


def _move(
    move: Move,
    env: EnvConfig,
    store: Path,
    config: AdaptConfig,
    out: Path,
    command: str,
    *,
    progress: Callable[[float], None],
) -> None:
    run = Run(out / move.name)
    identity = {"move": asdict(move), "env": asdict(env), "config": asdict(config)}
    if run.done("move", config=identity):
        return
    agent = load_agent(move.agent)
    vae = agent.encoder
    assert isinstance(vae, BetaVAE)
    evaluator = _Evaluator(move, agent, env, config, command)
    model: Any = agent.model
    model.set_env(agent.observe(env.with_domain(move.domain), model.n_envs, seed=move.seed))
    model.set_random_seed(move.seed)
    model.set_logger(Logger(None, []))
    rows: list[Row] = []

    def at_rollout(step: int) -> None:
        if step % config.eval_every == 0:
            rows.extend(evaluator.point(step))
        progress(0.95 * step / config.steps)

    callbacks: list[BaseCallback] = [AtRollout(at_rollout)]
    updates: list[dict[str, float]] = []
    treatment = TREATMENTS[move.treatment]
    if treatment.beta is not None:
        beta = treatment.beta(config.beta, config.steps)
        old = FrameStore.existing(store) if treatment.mixed else None
        online = OnlineBetaVAE(
            vae, beta=beta, train_freq=config.every, config=config.tune, old=old, seed=move.seed
        )
        callbacks.insert(0, online)
        updates = online.history
        evaluator.vae = online.tuner.seen_by_policy  # the decoder learns there
    model.learn(config.steps, callback=callbacks)
    rows += [*evaluator.point(config.steps), *evaluator.final()]
    run.write_json("updates.json", updates)
    run.write_json(ROWS, [row.to_dict() for row in rows])
    run.mark_done("move", config=identity)


class _Evaluator:
    """Returns on fixed episodes, reconstruction and scores on fixed frames, new and old appearances."""

    def __init__(
        self, move: Move, agent: LoadedAgent, env: EnvConfig, config: AdaptConfig, command: str
    ) -> None:
        self.move, self.agent, self.env, self.config = move, agent, env, config
        assert isinstance(agent.encoder, BetaVAE)
        pretrained = agent.encoder
        self.vae: Callable[[], BetaVAE] = lambda: pretrained
        self.domain = (move.domain, env.domain or "source")
        self.frames = {
            name: probe_set(env.with_domain(name).make(), config.probe_frames, seed=PROBE_SEED)
            for name in self.domain
        }
        budget = agent.budget
        seen = "" if move.treatment == "frozen" else f", then {move.domain}"
        budget = SupervisionBudget(
            budget.pretrain_frames,
            budget.env_steps + config.steps,
            f"encoder: {self.domain[1]}{seen}; agent: {self.domain[1]}, then {move.domain}",
            paired=False,
        )
        self.row = Row(
            study=f"adapt-{move.domain}", method=move.treatment, algo="ppo", env=env.id,
            vae_seed=move.seed, agent_seed=move.seed, domain=move.domain, metric="return",
            value=np.nan, n=config.eval_episodes, budget=budget.to_dict(), command=command,
        )  # fmt: skip

    def point(self, step: int) -> list[Row]:
        """Return, success, reconstruction and MIG in the new appearances, as points of a curve."""
        name = self.move.domain
        found = self._play(name, self.config.eval_episodes, CURVE_SEED)
        found["recon"], found["mig"] = self._recon(name), self._mig(name)
        base = replace(self.row, step=step)
        return [replace(base, metric=metric, value=value) for metric, value in found.items()]

    def final(self) -> list[Row]:
        """Everything, in the new appearances and in the old."""
        rows = []
        for name in self.domain:
            found = self._play(name, self.config.episodes, EVALUATION_SEED)
            found["recon"] = self._recon(name)
            found |= self._scores(name)
            base = replace(self.row, domain=name, n=self.config.episodes)
            rows += [replace(base, metric=metric, value=value) for metric, value in found.items()]
        return rows

    def _play(self, domain: str, episodes: int, seed: int) -> dict[str, float]:
        venv = self.agent.observe(self.env.with_domain(domain), min(PARALLEL, episodes), seed=seed)
        played = run_episodes(venv, self.agent.act, episodes, seed=seed)
        venv.close()
        return played.metrics()

    @torch.no_grad()
    def _recon(self, domain: str) -> float:
        """Squared error of the mean reconstruction, summed over a frame."""
        vae = self.vae()
        x = frames_to_x(self.frames[domain].frames[:500])
        mu, _ = vae.encode(x)
        return float((vae.decode(mu) - x).square().flatten(1).sum(1).mean())

    def _mig(self, domain: str) -> float:
        factors, specs = changing(self.frames[domain].factors, self._specs(domain))
        codes = self.vae().encode_frames(self.frames[domain].frames)
        return mig(codes, factors, kinds=[spec.kind for spec in specs]).score

    def _specs(self, domain: str) -> tuple[FactorSpec, ...]:
        return require_factor_env(self.env.with_domain(domain).make()).factor_specs

    def _scores(self, domain: str) -> dict[str, float]:
        probe = self.frames[domain]
        specs = self._specs(domain)
        rows = score(self.vae().encode_frames(probe.frames), probe.factors, specs).to_rows_dict()
        return {
            "mig": rows["mig"], "dci": rows["dci/disentanglement"], "r2": rows["r2"],
            "linear_r2": rows["linear_r2"],
            "state_r2": float(
                np.mean([rows[f"r2/{s.name}"] for s in specs if s.role == "state"])
            ),
        }  # fmt: skip
