"""Train one agent of one method, with the same heads, budget and evaluation as every other method.

A run folder holds ``agent.json`` (everything that led to it), ``agent.zip`` (SB3), ``encoder/``
(a copy, so that the folder is all one needs) and ``rows.json`` (the learning curve). A killed
training, called again, goes on from its last checkpoint, of which there are ten or more: from the
saved weights, optimizer and, for SAC, replay buffer, in fresh episodes.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecNormalize

from bvae_rl.agents.config import CURVE_POINTS, AgentConfig
from bvae_rl.agents.eval_plan import TENTH, side_by_side
from bvae_rl.agents.evaluate import AGENT_FILE, ENCODER, RECORD, run_episodes
from bvae_rl.agents.identities import as_written_now
from bvae_rl.agents.methods import Method, MethodInputs
from bvae_rl.agents.models import make_model, reload_model, scaled_rewards, zipped
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.identity import identity, refuse_changes
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.versions import environment

logger = logging.getLogger(__name__)

ROWS, CHECKPOINT, REPLAY = "rows.json", "checkpoint.zip", "replay.pkl"
REWARDS = "rewards.pkl"  # the scale of normalised rewards
CURVE_SEED = 5_000_000  # the episodes of the learning curve; final evaluations use other ones


def train_agent(
    method: Method,
    env: EnvConfig,
    inputs: MethodInputs,
    config: AgentConfig,
    run: Run,
    *,
    key: str = "",
    study: str = "train",
    command: str = "",
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Train in ``run.folder`` and return it; goes on where it was stopped.

    Evaluates on ``env`` as given (the source domain) every ``eval_freq`` steps. ``key`` is what its
    rows call the method, by default ``method.key``. ``progress`` gets fractions in [0, 1].
    ValueError if the folder holds another agent, RunError while another process trains into it.
    """
    made_of = identity({
        "method": method.name, "env": env.identity(), "config": config,
        "inputs": method.identity(inputs),
    })  # fmt: skip
    about = {"key": key or method.key, "study": study, "command": command}
    with owned(run.folder):
        if run.path(RECORD).exists():
            found = run.read_json(RECORD)
            there = {name: found.get(name) for name in made_of}
            there["config"] = as_written_now(there["config"])
            refuse_changes(run.folder, "an agent", there, made_of)
            if run.done("train") or run.path(AGENT_FILE).exists():  # which is written last
                if not run.done("train"):
                    run.mark_done("train")
                _clear(run)
                return run.folder
        training = _Training(method, env, inputs, config, run, {**made_of, **about})
        training.learn(progress or (lambda fraction: None))
    return run.folder


class _Training:
    """One training under way: the model, its evaluation and what is written."""

    def __init__(
        self,
        method: Method,
        env: EnvConfig,
        inputs: MethodInputs,
        config: AgentConfig,
        run: Run,
        known: Mapping[str, Any],
    ) -> None:
        self.config, self.run = config, run
        resuming = run.path(CHECKPOINT).exists()
        if method.build and method.load and not resuming:
            method.build(inputs).save(run.path(ENCODER))
        encoder = method.load(run.path(ENCODER)) if method.load else None
        train_env = method.train_env(env)
        seen = method.observe(
            train_env.vec(config.n_envs, seed=config.seed), encoder, env.frame_stack
        )
        buffer: Mapping[str, Any] = {}
        if method.recolouring:
            seen = method.recolouring.of_environment(seen, config)
            buffer = method.recolouring.of_buffer(config)
        if not resuming:  # of a training that was stopped before its first checkpoint was whole
            _clear(run)
        self.venv = scaled_rewards(seen, config, run.path(REWARDS))
        copies = side_by_side(env, config.n_eval_episodes, config.eval_limit)
        self.eval_venv = method.observe(env.vec(copies, seed=CURVE_SEED), encoder, env.frame_stack)
        self.model = (
            reload_model(run.path(CHECKPOINT), run.path(REPLAY), config, self.venv)
            if resuming
            else make_model(method.policy, config, self.venv, seed=config.seed, buffer=buffer)
        )
        vae_seed = inputs.vae_seed if method.build else None
        budget = method.budget(env, encoder, env_steps=config.rounded_timesteps).to_dict()
        self.record: dict[str, Any] = {
            **known, "algo": config.algo, "vae_seed": vae_seed, "agent_seed": config.seed,
            "budget": budget, "versions": environment(), "threads": torch.get_num_threads(),
            "steps": 0, "train_seconds": 0.0, "eval_seconds": 0.0,
        }  # fmt: skip
        if resuming:
            logger.info(
                "%s: the training goes on at step %d, in fresh episodes, so it ends as another "
                "agent than one that was never stopped", run.folder, self.model.num_timesteps,
            )  # fmt: skip
            spent = run.read_json(RECORD)
            for name in ("steps", "train_seconds", "eval_seconds"):
                self.record[name] = spent[name]
        else:
            run.write_rows([], name=ROWS)
            run.write_json(RECORD, self.record)
        self.row = Row(
            study=known["study"], method=known["key"], algo=config.algo, env=env.id,
            vae_seed=vae_seed, agent_seed=config.seed, domain=env.domain, metric="return",
            value=math.nan, n=config.n_eval_episodes, budget=budget, command=known["command"],
        )  # fmt: skip

    def learn(self, progress: Callable[[float], None]) -> None:
        """Train to the end of the budget, evaluating and saving on the way."""
        total = self.config.rounded_timesteps
        begun = self.model.num_timesteps
        every = min(self.config.eval_freq, math.ceil(total / CURVE_POINTS))
        due, save = self._next_point(begun), begun + every
        self.clock = time.monotonic()
        self.model.set_logger(Logger(None, []))  # SB3's own makes a folder in /tmp each time
        points = max(1, math.ceil(total / self.config.eval_freq))  # beside that of the beginning

        def show(step: int, evaluated: float) -> None:
            """A tenth of the progress is evaluation, ``evaluated`` points of the curve so far."""
            share = min(1.0, evaluated / (points + 1))
            progress((1.0 - TENTH) * min(1.0, step / total) + TENTH * share)

        def evaluate(step: int) -> None:
            before = min(points, round(step / self.config.eval_freq))
            self.evaluate(lambda fraction: show(step, before + fraction))

        def at_rollout(step: int) -> None:
            nonlocal due, save
            if step >= due:
                evaluate(step)
                due = step + self.config.eval_freq
            if step >= save:
                self.checkpoint()
                save = step + every
            show(step, min(points, step // self.config.eval_freq + 1))

        self.model.learn(
            total - self.model.num_timesteps,
            callback=AtRollout(at_rollout),
            reset_num_timesteps=self.model.num_timesteps == 0,
        )
        evaluate(total)
        self.write_record()
        self.run.write_file(AGENT_FILE, zipped(self.model))
        self.run.mark_done("train")
        _clear(self.run)
        self.venv.close()
        self.eval_venv.close()
        progress(1.0)

    def _next_point(self, begun: int) -> int:
        """When to evaluate next; points after ``begun``, of what a kill has lost, are left out."""
        rows = [row for row in self.run.rows(ROWS) if row.step is not None and row.step <= begun]
        self.run.write_rows(rows, name=ROWS)
        points = [row.step for row in rows if row.step is not None]
        return max(points) + self.config.eval_freq if points else 0

    def evaluate(self, progress: Callable[[float], None]) -> None:
        """Add a point to the learning curve."""
        self._spend("train_seconds")
        played = run_episodes(
            self.eval_venv,
            lambda seen: self.model.predict(seen, deterministic=True)[0],
            self.config.n_eval_episodes,
            seed=CURVE_SEED,
            limit=self.config.eval_limit,
            progress=progress,
        )
        point = replace(self.row, step=self.model.num_timesteps)
        self.run.append_rows(played.rows(point), name=ROWS)
        self._spend("eval_seconds")

    def checkpoint(self) -> None:
        """Save what a resumed training needs."""
        self._spend("train_seconds")
        if isinstance(self.model, SAC):
            temporary = self.run.path(f".{REPLAY}")
            self.model.save_replay_buffer(temporary)
            os.replace(temporary, self.run.path(REPLAY))
        if isinstance(self.venv, VecNormalize):
            temporary = self.run.path(f".{REWARDS}")
            self.venv.save(str(temporary))
            os.replace(temporary, self.run.path(REWARDS))
        self.write_record()
        self.run.write_file(CHECKPOINT, zipped(self.model))
        self._spend("eval_seconds")

    def write_record(self) -> None:
        """Write ``agent.json`` with the steps and seconds so far."""
        self.record["steps"] = self.model.num_timesteps
        seconds = max(self.record["train_seconds"], 1e-9)
        self.record["steps_per_second"] = self.record["steps"] / seconds
        self.run.write_json(RECORD, self.record)

    def _spend(self, name: str) -> None:
        now = time.monotonic()
        self.record[name] += now - self.clock
        self.clock = now


def _clear(run: Run) -> None:
    """Away with what only a stopped training needs."""
    for name in (CHECKPOINT, REPLAY, REWARDS):
        run.path(name).unlink(missing_ok=True)


class AtRollout(BaseCallback):
    """Calls ``function(num_timesteps)`` before each rollout: after an update, before new data."""

    def __init__(self, function: Callable[[int], None]) -> None:
        super().__init__()
        self.function = function

    def _on_rollout_start(self) -> None:
        self.function(self.model.num_timesteps)

    def _on_step(self) -> bool:
        return True
