"""Evaluation on fixed episodes: the same ones for every method, seed and training step.

Episode i starts with ``env.reset(seed=seed + i)``, and actions are deterministic. Episodes run side
by side in batches; one that has ended waits for the others of its batch, uncounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.agents.methods import Method, SavedEncoder, SupervisionBudget, method
from bvae_rl.data.collect import Policy, random_policy
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.runs import Row, Run

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO, "sac": SAC}
RANDOM_POLICY = (
    "random_policy"  # the name of its rows; the method ``random`` is an untrained encoder
)
AGENT_FILE, RECORD, ENCODER = "agent.zip", "agent.json", "encoder"
PARALLEL = 25


@dataclass(frozen=True)
class Episodes:
    """Outcome of n episodes: ``returns`` (n,) and ``success`` (n,) bool, None if not told."""

    returns: np.ndarray
    success: np.ndarray | None

    def metrics(self) -> dict[str, float]:
        """Mean return, and success rate where the environment tells it."""
        found = {"return": float(self.returns.mean())}
        if self.success is not None:
            found["success"] = float(self.success.mean())
        return found


def run_episodes(venv: VecEnv, predict: Policy, n: int, *, seed: int) -> Episodes:
    """Play episodes 0..n-1; episode i is reset with ``seed + i``."""
    if n < 1:
        raise ValueError(f"the number of evaluation episodes must be at least 1, got {n}")
    returns = np.zeros(n)
    success: list[Any] = [None] * n
    for first in range(0, n, venv.num_envs):
        venv.seed(seed + first)  # env k of the batch gets seed + first + k
        observations = venv.reset()
        running = np.arange(venv.num_envs) < n - first
        while running.any():
            assert isinstance(observations, np.ndarray)  # every method shows pictures or vectors
            observations, rewards, dones, infos = venv.step(predict(observations))
            here = np.flatnonzero(running)
            returns[first + here] += rewards[here]
            for k in np.flatnonzero(running & dones):
                success[first + k] = infos[k].get("is_success")
            running &= ~dones
    told = None not in success
    return Episodes(returns, np.array(success, dtype=bool) if told else None)


@dataclass(frozen=True)
class LoadedAgent:
    """A trained agent with all that it needs to act; ``record`` is its ``agent.json``."""

    model: BaseAlgorithm
    method: Method
    encoder: SavedEncoder | None
    record: dict[str, Any]

    def observe(self, env: EnvConfig, n_envs: int, *, seed: int) -> VecEnv:
        """``n_envs`` copies of ``env`` as the agent sees them."""
        return self.method.observe(env.vec(n_envs, seed=seed), self.encoder)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Deterministic actions (n_envs, ...) for observations from ``observe``."""
        return self.model.predict(observations, deterministic=True)[0]

    @property
    def budget(self) -> SupervisionBudget:
        """What the agent was allowed to see."""
        return SupervisionBudget(**self.record["budget"])


def load_agent(folder: str | Path) -> LoadedAgent:
    """Read a folder that ``train_agent`` finished. ValueError if there is none."""
    run = Run(folder)
    if not run.done("train"):
        raise ValueError(f"no finished agent at {folder}; make one: bvae-rl train")
    record = run.read_json(RECORD)
    row = method(record["method"])
    encoder = row.load(run.path(ENCODER)) if row.load else None
    try:
        model = ALGORITHMS[record["algo"]].load(run.path(AGENT_FILE), device="cpu")
    except (OSError, ValueError, KeyError, AssertionError) as error:
        raise ValueError(f"cannot read {run.path(AGENT_FILE)} ({error}); train again") from error
    return LoadedAgent(model, row, encoder, record)


def evaluate_agent(
    folder: str | Path,
    env: EnvConfig,
    domains: Sequence[str | None],
    *,
    episodes: int = 100,
    seed: int,
) -> list[Row]:
    """Rows ``return`` and, where it is told, ``success`` of a trained agent on each visual domain.

    None among ``domain`` means ``env`` as it is given.
    """
    agent = load_agent(folder)
    base = Row(
        study=agent.record["study"],
        method=agent.method.name,
        algo=agent.record["algo"],
        env=env.id,
        vae_seed=agent.record["vae_seed"],
        agent_seed=agent.record["agent_seed"],
        metric="return",
        value=np.nan,
        n=episodes,
        budget=agent.budget.to_dict(),
        command=agent.record["command"],
    )
    rows: list[Row] = []
    for shown_env in _each_domain(env, domains):
        venv = agent.observe(shown_env, min(PARALLEL, episodes), seed=seed)
        rows += _rows(base, shown_env, run_episodes(venv, agent.act, episodes, seed=seed))
        venv.close()
    return rows


def random_policy_rows(
    env: EnvConfig,
    domains: Sequence[str | None],
    *,
    episodes: int = 100,
    seed: int,
    study: str,
    command: str,
) -> list[Row]:
    """The same rows for uniformly random actions, the lowest floor; ``algo`` is "none"."""
    budget = SupervisionBudget(0, 0, "none", paired=False)
    base = Row(
        study=study, method=RANDOM_POLICY, algo="none", env=env.id, metric="return", value=np.nan,
        n=episodes, budget=budget.to_dict(), command=command,
    )  # fmt: skip
    rows: list[Row] = []
    for shown_env in _each_domain(env, domains):
        venv = shown_env.vec(min(PARALLEL, episodes), seed=seed)
        act = random_policy(venv.action_space, np.random.default_rng(seed), venv.num_envs)
        rows += _rows(base, shown_env, run_episodes(venv, act, episodes, seed=seed))
        venv.close()
    return rows


def _each_domain(env: EnvConfig, domains: Sequence[str | None]) -> list[EnvConfig]:
    return [env if name is None else env.with_domain(name) for name in domains]


def _rows(base: Row, env: EnvConfig, episodes: Episodes) -> list[Row]:
    return [
        replace(base, domain=env.domain, metric=metric, value=value)
        for metric, value in episodes.metrics().items()
    ]
