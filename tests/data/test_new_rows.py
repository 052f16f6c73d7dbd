"""Law 1: a new metric, recipe or environment is one new row or file; no existing loop changes.

(A new objective: ``test_pretrain.py``; a new method of a comparison: ``test_agents.py``.)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl
from bvae_rl.data.factor_wrapper import FactorWrapper, uniform
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import ARRAY_METRICS, MetricReport
from bvae_rl.training.recipes.recipe import Recipe
from bvae_rl.training.recipes.table import RECIPES
from bvae_rl.training.train_config import TrainConfig

SPECS = (FactorSpec("x", low=0.0, high=28.0), FactorSpec("tone", role="appearance"))


class Dot(gym.Env):
    """A dot at a place and in a tone."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    at = np.zeros(2)

    def picture(self) -> np.ndarray:
        frame = np.full((32, 32, 3), int(255 * self.at[1]), np.uint8)
        frame[8:12, int(self.at[0]) : int(self.at[0]) + 4] = (250, 0, 0)
        return frame

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        return self.picture(), {}

    def step(self, action: int) -> Any:
        return self.picture(), 0.0, False, False, {}


def with_factors() -> FactorWrapper:
    def go(env: Any, factors: np.ndarray) -> np.ndarray:
        env.unwrapped.at = factors
        return env.unwrapped.picture()

    return FactorWrapper(
        Dot(), SPECS, read=lambda env: env.unwrapped.at, sample=uniform(SPECS), set=go
    )


def test_a_new_environment_and_a_new_metric_stand_in_a_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        ARRAY_METRICS, "answer", lambda part: {"answer": float(part.codes.shape[1])}
    )
    frames = probe_set(with_factors(), 400, seed=0)
    assert frames.factors is not None
    report = MetricReport(frames.factors, SPECS, metrics=["answer"])
    scores = report.add("truth", np.asarray(frames.factors))
    assert scores.to_rows_dict()["answer"] == 2.0
    assert "answer" in report.table()


def test_a_new_recipe_is_one_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = Recipe("mine", "few latents, a large beta", hyperparameters={"beta": 7.0}, content_dim=3)
    monkeypatch.setitem(RECIPES, "mine", mine)
    env = gym.wrappers.TimeLimit(Dot(), 10)
    quick = TrainConfig(batch_size=8, compile=False)
    vae = bvae_rl.pretrain(env, out=tmp_path, frames=64, recipe="mine", steps=2, train=quick)
    assert vae.meta["training"]["objective"]["beta"]["end"] == 7.0
    assert vae.latent_dim == 3 + 8
