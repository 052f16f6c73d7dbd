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
from bvae_rl.sb3.check_codes import check_codes

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO, "sac": SAC}
RANDOM_POLICY = "random_policy"  # the method of its rows
AGENT_FILE, RECORD, ENCODER = "agent.zip", "agent.json", "encoder"
PARALLEL = 25


@dataclass(frozen=True)
class Episodes:
    """Outcome of n episodes: ``returns`` (n,) and ``success`` (n,) bool, None where unknown."""

    returns: np.ndarray
    success: np.ndarray | None

    def metrics(self) -> dict[str, float]:
        """Mean return, and success rate where it is known."""
        found = {"return": float(self.returns.mean())}
        if self.success is not None:
            found["success"] = float(self.success.mean())
        return found

    def rows(self, base: Row) -> list[Row]:
        """``base`` with each metric."""
        return [replace(base, metric=name, value=value) for name, value in self.metrics().items()]


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
    known = None not in success
    return Episodes(returns, np.array(success, dtype=bool) if known else None)


@dataclass(frozen=True)
class LoadedAgent:
    """A trained agent with all that it needs to act; ``record`` is its ``agent.json``."""

    model: BaseAlgorithm
    method: Method
    encoder: SavedEncoder | None
    record: dict[str, Any]

    def observe(self, venv: VecEnv) -> VecEnv:
        """``venv`` as the agent sees it."""
        return self.method.observe(venv, self.encoder)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Deterministic actions (n_envs, ...) for observations from ``observe``."""
        return self.model.predict(observations, deterministic=True)[0]

    def play(self, env: EnvConfig, n: int, *, seed: int) -> Episodes:
        """Episodes 0..n-1 of ``env``."""
        venv = self.observe(env.vec(min(PARALLEL, n), seed=seed))
        check_codes(self.model, venv)
        played = run_episodes(venv, self.act, n, seed=seed)
        venv.close()
        return played

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
    row = method(record["method"], record["inputs"].get("latents", "all"))
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
    n_eval_episodes: int = 100,
    seed: int,
) -> list[Row]:
    """Rows ``return`` and, where it is known, ``success`` of a trained agent in each visual domain.

    None among ``domains`` means ``env`` as it is given.
    """
    agent = load_agent(folder)
    record = agent.record
    base = Row(
        study=record["study"], method=record["key"], algo=record["algo"], env=env.id,
        vae_seed=record["vae_seed"], agent_seed=record["agent_seed"], metric="return",
        value=np.nan, n=n_eval_episodes, budget=agent.budget.to_dict(), command=record["command"],
    )  # fmt: skip
    rows: list[Row] = []
    for shown in _each_domain(env, domains):
        played = agent.play(shown, n_eval_episodes, seed=seed)
        rows += played.rows(replace(base, domain=shown.domain))
    return rows


def random_policy_rows(
    env: EnvConfig,
    domains: Sequence[str | None],
    *,
    n_eval_episodes: int = 100,
    seed: int,
    study: str,
    command: str,
) -> list[Row]:
    """The same rows for uniformly random actions, the lowest reference; ``algo`` is "none"."""
    budget = SupervisionBudget(0, 0, "none", paired=False)
    base = Row(
        study=study, method=RANDOM_POLICY, algo="none", env=env.id, metric="return", value=np.nan,
        n=n_eval_episodes, budget=budget.to_dict(), command=command,
    )  # fmt: skip
    rows: list[Row] = []
    for shown in _each_domain(env, domains):
        venv = shown.vec(min(PARALLEL, n_eval_episodes), seed=seed)
        act = random_policy(venv.action_space, np.random.default_rng(seed), venv.num_envs)
        played = run_episodes(venv, act, n_eval_episodes, seed=seed)
        rows += played.rows(replace(base, domain=shown.domain))
        venv.close()
    return rows


def _each_domain(env: EnvConfig, domains: Sequence[str | None]) -> list[EnvConfig]:
    return [env if name is None else env.with_domain(name) for name in domains]
