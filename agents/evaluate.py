"""Evaluation on fixed episodes: the same ones for every method, seed and training step.

Episode i starts with ``env.reset(seed=seed + i)``, and actions are deterministic. Episodes run side
by side in batches; one that has ended waits for the others of its batch, uncounted. Where steps are
limited, a batch that does not end in time is left out whole: leaving out only what had not
ended would count short episodes alone. Only if there is nothing else it counts as it was cut.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.agents.config import StepLimit
from bvae_rl.agents.eval_plan import side_by_side
from bvae_rl.agents.methods import Method, SavedEncoder, SupervisionBudget, method
from bvae_rl.agents.settings import ALGORITHMS
from bvae_rl.data.collecting.collect import Policy, random_policy
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3.check_codes import check_codes

RANDOM_POLICY = "random_policy"  # the method of its rows
CUT = "cut"  # the metric that says how many episodes of an evaluation were cut off
AGENT_FILE, RECORD, ENCODER = "agent.zip", "agent.json", "encoder"


@dataclass(frozen=True)
class Episodes:
    """Outcome of n episodes: ``returns`` (n,) and ``success`` (n,) bool, None where unknown.

    ``cut`` of them were cut off by a limit of steps: their returns are those so far.
    """

    returns: np.ndarray
    success: np.ndarray | None
    cut: int = 0

    def metrics(self) -> dict[str, float]:
        """Mean return, success rate where it is known, and how many were cut where any were."""
        found = {"return": float(self.returns.mean())}
        if self.success is not None:
            found["success"] = float(self.success.mean())
        if self.cut:
            found[CUT] = float(self.cut)
        return found

    def rows(self, base: Row) -> list[Row]:
        """``base`` with each metric; ``n`` is how many episodes were played."""
        n = len(self.returns)
        return [
            replace(base, metric=name, value=value, n=n) for name, value in self.metrics().items()
        ]


def run_episodes(
    venv: VecEnv,
    predict: Policy,
    n: int,
    *,
    seed: int,
    limit: StepLimit | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Episodes:
    """Play episodes 0..n-1, or as many whole batches of them as end within ``limit``.

    Episode i is reset with ``seed + i``. The limit counts the steps of all environments together.
    If not even the first batch ends in time, its returns so far count and ``cut`` says so, and so
    do those of episodes that are longer than one may be (``StepLimit.each``).
    ``progress`` gets fractions in [0, 1].
    """
    if n < 1:
        raise ValueError(f"the number of evaluation episodes must be at least 1, got {n}")
    returns = np.zeros(n)
    success: list[Any] = [None] * n
    unfinished: set[int] = set()
    used = longest = played = cut = 0
    late = False
    while played < n and not late:
        if limit and played and used + longest * venv.num_envs > limit.enough:
            break
        size = min(venv.num_envs, n - played)
        most = max(1, (limit.most - used) // venv.num_envs) if limit else math.inf
        venv.seed(seed + played)  # env k of the batch gets seed + played + k
        observations = venv.reset()
        running = np.arange(venv.num_envs) < size
        length = 0
        most = min(most, limit.each) if limit and limit.each else most
        while running.any() and length < most:
            assert isinstance(observations, np.ndarray)  # every method shows pictures or vectors
            observations, rewards, dones, infos = venv.step(predict(observations))
            length += 1
            here = np.flatnonzero(running)
            returns[played + here] += rewards[here]
            for k in np.flatnonzero(running & dones):
                success[played + k] = infos[k].get("is_success")
            running &= ~dones
            done = (played + size - running.sum()) / n
            share = (used + length * venv.num_envs) / limit.enough if limit else 0.0
            progress(min(1.0, max(done, share)))
        late = bool(running.any()) and not (limit and length == limit.each)
        if late and played:
            break
        for k in () if late else np.flatnonzero(running):  # longer than one may be: as far as it is
            success[played + k] = infos[k].get("is_success")
            unfinished.add(played + int(k))
        cut += int(running.sum())
        used += length * venv.num_envs
        longest = max(longest, length)
        played += size
    progress(1.0)
    silent = {k for k in range(played) if success[k] is None}  # a cut one may tell at its end only
    known = silent <= unfinished and len(silent) < played
    found = np.array(success[:played], dtype=bool) if known else None
    return Episodes(returns[:played], found, cut)


@dataclass(frozen=True)
class LoadedAgent:
    """A trained agent with all that it needs to act; ``record`` is its ``agent.json``."""

    model: BaseAlgorithm
    method: Method
    encoder: SavedEncoder | None
    record: dict[str, Any]

    @property
    def env(self) -> EnvConfig:
        """Where it was trained."""
        known: dict[str, Any] = self.record["env"]
        made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
        return EnvConfig(**made)

    def observe(self, venv: VecEnv) -> VecEnv:
        """``venv`` as the agent sees it."""
        stack = self.record.get("env", {}).get("frame_stack", 1)
        return self.method.observe(venv, self.encoder, stack)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Deterministic actions (n_envs, ...) for observations from ``observe``."""
        return self.model.predict(observations, deterministic=True)[0]

    def play(
        self,
        env: EnvConfig,
        n: int,
        *,
        seed: int,
        limit: StepLimit | None = None,
        progress: Callable[[float], None] = lambda fraction: None,
    ) -> Episodes:
        """Episodes 0..n-1 of ``env``, or what of them ends within ``limit`` (``run_episodes``)."""
        venv = self.observe(env.vec(side_by_side(env, n, limit), seed=seed))
        check_codes(self.model, venv)
        played = run_episodes(venv, self.act, n, seed=seed, limit=limit, progress=progress)
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


def agent_digest(agent: Path) -> str:
    """Which model a zip, or an agent's folder, holds: trained again it is another one."""
    file = agent / AGENT_FILE if agent.is_dir() else agent
    return hashlib.sha256(file.read_bytes()).hexdigest()


def evaluate_agent(
    agent: str | Path | LoadedAgent,
    env: EnvConfig,
    domains: Sequence[str | None],
    *,
    n_eval_episodes: int = 100,
    seed: int,
    limit: StepLimit | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[Row]:
    """Rows ``return`` and, where it is known, ``success`` of a trained agent in each visual domain.

    ``agent``: its folder, or one that is loaded. None among ``domains`` means ``env`` as it is
    given. ``limit`` is that of the environment steps
    in each domain, and with them of the episodes (``run_episodes``); a row says how many they were.
    """
    agent = agent if isinstance(agent, LoadedAgent) else load_agent(agent)
    record = agent.record
    base = Row(
        study=record["study"], method=record["key"], algo=record["algo"], env=env.id,
        vae_seed=record["vae_seed"], agent_seed=record["agent_seed"], metric="return",
        value=np.nan, n=n_eval_episodes, budget=agent.budget.to_dict(), command=record["command"],
    )  # fmt: skip
    rows: list[Row] = []
    for index, shown in enumerate(_each_domain(env, domains)):
        played = agent.play(
            shown, n_eval_episodes, seed=seed, limit=limit,
            progress=part_of(progress, index, len(domains)),
        )  # fmt: skip
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
    limit: StepLimit | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[Row]:
    """The same rows for uniformly random actions, the lowest reference; ``algo`` is "none"."""
    budget = SupervisionBudget(0, 0, "none", paired=False)
    base = Row(
        study=study, method=RANDOM_POLICY, algo="none", env=env.id, metric="return", value=np.nan,
        n=n_eval_episodes, budget=budget.to_dict(), command=command,
    )  # fmt: skip
    rows: list[Row] = []
    for index, shown in enumerate(_each_domain(env, domains)):
        copies = side_by_side(shown, n_eval_episodes, limit)
        venv = shown.vec(copies, seed=seed)
        act = random_policy(venv.action_space, np.random.default_rng(seed), venv.num_envs)
        played = run_episodes(
            venv, act, n_eval_episodes, seed=seed, limit=limit,
            progress=part_of(progress, index, len(domains)),
        )  # fmt: skip
        rows += played.rows(replace(base, domain=shown.domain))
        venv.close()
    return rows


def _each_domain(env: EnvConfig, domains: Sequence[str | None]) -> list[EnvConfig]:
    return [env if name is None else env.with_domain(name) for name in domains]


def part_of(progress: Callable[[float], None], index: int, count: int) -> Callable[[float], None]:
    """Progress of the part ``index`` of ``count`` equal ones."""
    return lambda fraction: progress((index + fraction) / count)
