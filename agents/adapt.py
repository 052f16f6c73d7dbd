"""An agent moved to visual domains that its encoder never saw: frozen, or fine-tuned online.

Each seed has one VAE, pretrained in the source domain, and one agent, trained there on its latents.
Every treatment starts from copies of both, learns on in the new domain, and is evaluated on the
same episodes and frames. Agents act over ``LatentVecEnv``, whose last observation is encoded anew
after each update, so that this equals an encoder inside the policy, at half the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.eval_plan import unending
from bvae_rl.agents.evaluate import LoadedAgent, agent_digest, load_agent
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.train import CURVE_SEED, ROWS, AtRollout, train_agent
from bvae_rl.agents.treatments import TREATMENTS
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec, require_factor_env
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import mig, score
from bvae_rl.metrics.inputs import changing
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.identity import identity, refuse_changes
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.workers import OnProgress, Task, run_parallel
from bvae_rl.sb3.online import OnlineBetaVAE
from bvae_rl.training.fine_tune import FineTuneConfig

PROBE_SEED, EVALUATION_SEED = 77_000, 10_000
MADE_OF = "move.json"
SCORES = {
    "mig": "mig", "dci": "dci/disentanglement", "r2": "r2", "linear_r2": "linear_r2",
}  # fmt: skip


@dataclass(frozen=True)
class AdaptConfig:
    """How long agents learn after the move, how the VAE is fine-tuned: equal for all treatments.

    ``total_timesteps``, ``train_freq`` and ``eval_freq`` are environment steps; a point of a curve
    takes ``curve_episodes``, the final evaluation ``n_eval_episodes``.
    """

    total_timesteps: int = 40_000
    beta: float = 1.0
    train_freq: int = 1_000
    tune: FineTuneConfig = field(
        default_factory=lambda: FineTuneConfig(gradient_steps=20, learning_rate=5e-4)
    )
    eval_freq: int = 10_000
    curve_episodes: int = 20
    n_eval_episodes: int = 100
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
    domains: Sequence[str],
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

    After a move the agent learns for whole rollouts. The ``study`` of a row names the move
    ("adapt-ood1"), its ``domain`` where it was evaluated. What is finished under ``out`` is not
    done again.
    """
    taken = replace(agent, total_timesteps=config.total_timesteps).rounded_timesteps
    config = replace(config, total_timesteps=taken)
    folders = {seed: out / f"source-seed{seed}" for seed in vaes}
    sources = [
        Task(folders[seed].name, _train_source, (seed, vae, env, agent, folders[seed], command))
        for seed, vae in vaes.items()
    ]
    run_parallel(sources, workers=workers, on_progress=on_progress)
    moves = [
        Move(name, domain, seed, vae, folders[seed])
        for seed, vae in vaes.items()
        for domain in domains
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
    folder: Path,
    command: str,
    *,
    progress: Callable[[float], None],
) -> None:
    train_agent(
        method("bvae"), env, MethodInputs(vae=vae, vae_seed=seed), replace(config, seed=seed),
        Run(folder), study="adapt", command=command, progress=progress,
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
    treatment = TREATMENTS[move.treatment]
    old = FrameStore.existing(store) if treatment.mixed else None
    made_of = {
        "move": move, "env": env.identity(), "config": config, "old": old,
        "harden": treatment.harden, "vae": BetaVAE.load(move.vae),
        "trained": agent_digest(move.agent),
    }  # fmt: skip
    if run.done("move", config=made_of) and run.rows(ROWS):
        return
    if run.path(MADE_OF).exists():
        refuse_changes(run.folder, "a move", run.read_json(MADE_OF), made_of)
    run.write_json(MADE_OF, identity(made_of))
    agent = load_agent(move.agent)
    vae = agent.encoder
    assert isinstance(vae, BetaVAE)
    evaluator = _Evaluator(move, agent, env, config, command)
    model: Any = agent.model
    model.set_env(agent.observe(env.with_domain(move.domain).vec(model.n_envs, seed=move.seed)))
    model.set_random_seed(move.seed)
    model.set_logger(Logger(None, []))
    rows: list[Row] = []

    def at_rollout(step: int) -> None:
        if step % config.eval_freq == 0:
            rows.extend(evaluator.point(step))
        progress(0.95 * step / config.total_timesteps)

    callbacks: list[BaseCallback] = [AtRollout(at_rollout)]
    updates: list[dict[str, float]] = []
    if not treatment.frozen:
        beta = treatment.beta and treatment.beta(config.beta, config.total_timesteps)
        online = OnlineBetaVAE(
            vae, beta=beta, harden=treatment.harden, train_freq=config.train_freq,
            config=config.tune, old=old, seed=move.seed,
        )  # fmt: skip
        callbacks.insert(0, online)
        updates = online.history
        evaluator.vae = online.tuner.seen_by_policy  # the decoder learns there
    model.learn(config.total_timesteps, callback=callbacks)
    rows += [*evaluator.point(config.total_timesteps), *evaluator.final()]
    run.write_json("updates.json", updates)
    run.write_rows(rows, name=ROWS)
    run.mark_done("move", config=made_of)


class _Evaluator:
    """Returns on fixed episodes, reconstruction and scores on fixed frames, new and old domain."""

    def __init__(
        self, move: Move, agent: LoadedAgent, env: EnvConfig, config: AdaptConfig, command: str
    ) -> None:
        self.move, self.agent, self.config = move, agent, config
        assert isinstance(agent.encoder, BetaVAE)
        pretrained = agent.encoder
        self.vae: Callable[[], BetaVAE] = lambda: pretrained
        source = env.domain or "source"
        self.envs = {name: env.with_domain(name) for name in (move.domain, source)}
        self.frames = {
            name: probe_set(shown.make(), config.probe_frames, seed=PROBE_SEED)
            for name, shown in self.envs.items()
        }
        seen = "" if move.treatment == "frozen" else f", then {move.domain}"
        budget = replace(
            agent.budget,
            env_steps=agent.budget.env_steps + config.total_timesteps,
            domain=f"encoder: {source}{seen}; agent: {source}, then {move.domain}",
        )
        self.row = Row(
            study=f"adapt-{move.domain}", method=move.treatment, algo="ppo", env=env.id,
            vae_seed=move.seed, agent_seed=move.seed, domain=move.domain, metric="return",
            value=np.nan, n=config.curve_episodes, budget=budget.to_dict(), command=command,
        )  # fmt: skip

    def point(self, step: int) -> list[Row]:
        """Return, success, reconstruction and MIG in the new domain, as points of a curve."""
        name = self.move.domain
        found = self._play(name, self.config.curve_episodes, CURVE_SEED)
        found |= {"recon": self._recon(name), "mig": self._mig(name)}
        return _rows(replace(self.row, step=step), found)

    def final(self) -> list[Row]:
        """Everything, in the new domain and in the old."""
        rows = []
        for name in self.envs:
            found = self._play(name, self.config.n_eval_episodes, EVALUATION_SEED)
            found |= {"recon": self._recon(name), **self._scores(name)}
            rows += _rows(replace(self.row, domain=name, n=self.config.n_eval_episodes), found)
        return rows

    def _play(self, domain: str, episodes: int, seed: int) -> dict[str, float]:
        limit = unending(self.envs[domain], episodes)
        return self.agent.play(self.envs[domain], episodes, seed=seed, limit=limit).metrics()

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
        return require_factor_env(self.envs[domain].make()).factor_specs

    def _scores(self, domain: str) -> dict[str, float]:
        probe, specs = self.frames[domain], self._specs(domain)
        rows = score(self.vae().encode_frames(probe.frames), probe.factors, specs).to_rows_dict()
        named = [f"r2/{spec.name}" for spec in specs if spec.role == "state"]
        state = [rows[key] for key in named if key in rows]  # some worlds hold a factor still
        found = {name: rows[key] for name, key in SCORES.items()}
        return {**found, "state_r2": float(np.mean(state))} if state else found


def _rows(base: Row, found: dict[str, float]) -> list[Row]:
    return [replace(base, metric=metric, value=value) for metric, value in found.items()]
