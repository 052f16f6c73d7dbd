"""Agents are evaluated on fixed episodes, and a study does only what is missing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.agents import study
from bvae_rl.agents.evaluate import (
    RANDOM_POLICY,
    evaluate_agent,
    load_agent,
    random_policy_rows,
    run_episodes,
)
from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.agents.scores import normalised_rows
from bvae_rl.agents.study import Evaluation, Job, run_study
from bvae_rl.agents.train import ROWS
from bvae_rl.runtime.runs import Run
from tests.agent_cases import REACH, TINY, Counting, tiny_inputs, train_tiny
from tests.plug_cases import make_vae


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> MethodInputs:
    return tiny_inputs(tmp_path_factory.mktemp("inputs"))


def test_episode_i_is_reset_with_seed_plus_i_whatever_the_batch():
    expected = []
    for i in range(7):
        env, done, total = Counting(), False, 0.0
        env.reset(seed=40 + i)
        while not done:
            _, reward, done, _, _ = env.step(0)
            total += reward
        expected.append(total)
    assert len(set(expected)) > 3
    for n_envs in (1, 3, 7, 9):
        venv = DummyVecEnv([Counting] * n_envs)
        played = run_episodes(venv, lambda seen: np.zeros(len(seen), int), 7, seed=40)
        assert played.returns.tolist() == expected and played.success is None
    assert set(played.metrics()) == {"return"}
    with pytest.raises(ValueError, match="at least 1, got 0"):
        run_episodes(venv, lambda seen: seen, 0, seed=0)


def test_success_is_that_of_the_last_step():
    class Passing(Counting):
        def step(self, action):
            *rest, info = super().step(action)
            return *rest, {**info, "is_success": self.left == 2 or (self.left == 0 and self.even)}

        def reset(self, *, seed=None, options=None):
            self.even = seed % 2 == 0 if seed is not None else True
            return super().reset(seed=seed)

    played = run_episodes(DummyVecEnv([Passing] * 2), lambda s: np.zeros(len(s), int), 5, seed=0)
    assert played.success.tolist() == [True, False, True, False, True]
    assert played.metrics()["success"] == pytest.approx(0.6)


def test_an_agent_folder_is_all_one_needs(inputs, tmp_path):
    store = shutil.copytree(inputs.store, tmp_path / "store")
    train_tiny("pca", replace(inputs, store=store), tmp_path / "old")
    domain = ["source", "ood1", "ood2", None]
    before = evaluate_agent(tmp_path / "old", REACH, domain, n_eval_episodes=3, seed=9)
    shutil.rmtree(store)
    (tmp_path / "old").rename(tmp_path / "new")
    rows = evaluate_agent(tmp_path / "new", REACH, domain[:3], n_eval_episodes=3, seed=9)
    assert rows == before[:6] and [r.value for r in before[6:]] == [r.value for r in rows[:2]]
    assert [(r.domain, r.metric) for r in rows[2:4]] == [("ood1", "return"), ("ood1", "success")]
    assert rows[0].step is None and rows[0].n == 3 and rows[0].agent_seed == 0
    agent = load_agent(tmp_path / "new")
    venv = agent.observe(REACH.vec(2, seed=0))
    assert agent.act(venv.reset()).shape == (2, 2)
    assert agent.budget.pretrain_frames == 300


def test_the_random_policy_is_the_same_at_every_call():
    twice = [
        random_policy_rows(REACH, ["source"], n_eval_episodes=4, seed=1, study="s", command="c")
        for _ in range(2)
    ]
    assert twice[0] == twice[1] and twice[0][0].method == RANDOM_POLICY
    assert -60 < twice[0][0].value < -15  # distances of 0.3 to 1.2 over 50 steps


def test_a_study_does_only_what_is_missing(inputs, tmp_path, monkeypatch):
    jobs = [Job(n, REACH, inputs, TINY) for n in ("state", "blind", "bvae")]
    plan = Evaluation(domains=("source", "ood1"), n_eval_episodes=2)
    call = {"evaluation": plan, "study": "transfer", "command": "c", "workers": 1}
    seen = []
    rows = run_study(
        jobs[:2], tmp_path, **call, on_progress=lambda name, fraction: seen.append(name)
    )
    assert set(seen) == {"state-ppo-seed0", "blind-ppo-seed0", RANDOM_POLICY}
    trained = []
    original = evaluate_agent

    def evaluate(folder, *args, **kwargs):
        trained.append(folder)
        return original(folder, *args, **kwargs)

    monkeypatch.setattr(study, "evaluate_agent", evaluate)
    again = run_study(jobs, tmp_path, **call)
    assert [folder.name for folder in trained] == ["bvae-ppo-vae3-seed0"]
    assert [r for r in again if r.method != "bvae" and r.metric == "return"] == [
        r for r in rows if r.metric == "return"
    ]
    final = [r for r in again if r.step is None and r.metric == "return"]
    assert {(r.method, r.domain) for r in final} == {
        (name, appearance)
        for name in ("state", "blind", "bvae", RANDOM_POLICY)
        for appearance in plan.domains
    }
    assert [r for r in again if r.metric == "score"] == normalised_rows(again)
    assert Run(tmp_path / "bvae-ppo-vae3-seed0").rows(ROWS)
    other = run_study(jobs, tmp_path, **{**call, "study": "compare", "command": "d"})
    assert {(row.study, row.command) for row in other} == {("compare", "d")}
    assert [row.value for row in other] == [row.value for row in again]
    (tmp_path / "state-ppo-seed0" / ROWS).unlink()  # as the advice on a damaged one says
    (tmp_path / RANDOM_POLICY / ROWS).unlink()
    after = run_study(jobs, tmp_path, **call)
    assert [r for r in after if r.step is None] == [r for r in again if r.step is None]
    with pytest.raises(ValueError, match="one source environment, got 2"):
        run_study([*jobs, replace(jobs[0], env=REACH.with_domain("ood1"))], tmp_path, **call)


def test_a_budget_tells_the_whole_past_of_an_encoder():
    def of(name: str, domain: str, **more: Any) -> dict[str, Any]:
        return {"store": {"domain": domain}, "objective": {"is": name}, "frames": 9, **more}

    vae = make_vae()
    taught = of("SupervisedObjective", "pretrain")
    vae.meta |= {
        "training": of("InvarianceDistillation", "source"), "hardened": {"training": taught},
    }  # fmt: skip
    budget = method("bvae").budget(REACH.with_domain("source"), vae, env_steps=5)
    assert budget.labels == "all factors"
    assert budget.domain == "encoder: pretrain, then source; agent: source"
    vae.meta["hardened"] = {"training": of("BetaVAEObjective", "source")}
    budget = method("bvae").budget(REACH.with_domain("source"), vae, env_steps=5)
    assert budget.labels == "none" and budget.domain == "encoder: source; agent: source"
