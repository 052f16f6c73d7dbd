"""How much agents are evaluated, and that an evaluation that is cut off says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.agents.config import AgentConfig, StepLimit
from bvae_rl.agents.eval_plan import (
    UNKNOWN,
    EvalPlan,
    longest_episode,
    plan_evaluation,
    side_by_side,
    unending,
)
from bvae_rl.agents.evaluate import CUT, Episodes, run_episodes
from bvae_rl.data.environments import EnvConfig
from bvae_rl.runtime.rows import Row
from tests.plug_cases import NoiseEnv

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0")
CART, SWING = EnvConfig("CartPole-v1"), EnvConfig("Pendulum-v1")  # at most 500, always 200 steps
GRID = EnvConfig("minigrid:MiniGrid-Empty-8x8-v0")  # which knows its 256 steps itself


class Lasting(gym.Env[np.ndarray, Any]):
    """Episode i lasts ``lengths[i]`` steps, by the seed of its reset; each step pays 1."""

    observation_space = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, *lengths: int) -> None:
        self.lengths = lengths

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.left = self.lengths[0 if seed is None else seed]
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        return np.zeros(1, np.float32), 1.0, self.left == 0, False, {"is_success": self.left == 0}


def _play(
    lengths: tuple[int, ...], n_envs: int, limit: tuple[int, int] | None, **more: Any
) -> Episodes:
    venv = DummyVecEnv([lambda: Monitor(Lasting(*lengths))] * n_envs)
    act = lambda seen: np.zeros(len(seen), int)  # noqa: E731
    within = StepLimit(*limit) if limit else None
    return run_episodes(venv, act, len(lengths), seed=0, limit=within, **more)


@pytest.mark.parametrize(
    ("n_envs", "limit", "returns", "cut"),
    [
        (1, None, [3, 5, 2, 40], 0),
        (1, (50, 50), [3, 5, 2, 40], 0),
        (1, (49, 49), [3, 5, 2], 0),  # the last one does not end in time
        (1, (15, 50), [3, 5, 2, 40], 0),  # it was begun and may end later
        (1, (14, 50), [3, 5, 2], 0),  # it is not begun, as episodes have lasted for five steps
        (1, (10, 99), [3, 5], 0),
        (2, (10, 10), [3, 5], 0),
        (2, (90, 90), [3, 5, 2, 40], 0),
        (2, (89, 89), [3, 5], 0),  # not the short one of a batch alone
        (1, (2, 9), [3], 0),  # one at least
        (1, (2, 2), [2], 1),  # nothing else: the return so far, and it says so
        (2, (8, 8), [3, 4], 1),
    ],
)
def test_only_whole_episodes_count_within_the_limit_of_steps(
    n_envs: int, limit: tuple[int, int] | None, returns: list[int], cut: int
) -> None:
    fractions: list[float] = []
    found = _play((3, 5, 2, 40), n_envs, limit, progress=fractions.append)
    assert found.returns.tolist() == returns and found.cut == cut
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    row = Row(study="s", method="m", algo="ppo", env="e", metric="x", value=0.0, n=9, command="")
    rows = {each.metric: each for each in found.rows(row)}
    assert {each.n for each in rows.values()} == {len(returns)}
    assert (CUT in rows) == (cut > 0) and ("success" in rows) == (cut == 0)
    with pytest.raises(ValueError, match="1 <= enough <= most, got 0 and 1"):
        StepLimit(0, 1)


@pytest.mark.parametrize("n_envs", [1, 2, 4])
def test_one_endless_episode_does_not_take_the_steps_of_the_others(n_envs: int) -> None:
    venv = DummyVecEnv([lambda: Monitor(Lasting(3, 99, 2, 99)) for _ in range(n_envs)])
    found = run_episodes(
        venv, lambda obs: np.zeros(n_envs, int), 4, seed=0, limit=StepLimit(40, 40, each=10)
    )
    assert found.returns.tolist() == [3, 10, 2, 10] and found.cut == 2
    assert found.success is not None  # who never comes to an end has not succeeded
    assert found.success.tolist() == [True, False, True, False]
    assert "each" not in StepLimit(40, 40).identity()  # as it was


def test_how_long_an_episode_can_be_is_read_off_the_environment() -> None:
    limits = [longest_episode(env) for env in (CART, SWING, GRID)]
    assert limits == [500, 200, 256]
    assert side_by_side(SWING, 100, None) == 25 and side_by_side(SWING, 7, None) == 7
    for episodes, enough, expected in ((100, 1_000, 5), (3, 1_000, 3), (100, 199, 1)):
        assert side_by_side(SWING, episodes, StepLimit(enough, 1_000)) == expected


@pytest.mark.parametrize("total", [20_000, 100_000, 1_000_000])
@pytest.mark.parametrize("domains", [1, 3])
def test_evaluation_takes_a_tenth_of_the_steps(total: int, domains: int) -> None:
    for env in (CART, SWING, GRID):
        config = AgentConfig.of("ppo", env.id).lasting(total)
        plan = plan_evaluation(config, env, domains=domains)
        longest = longest_episode(env)
        assert longest and plan.curve_limit and plan.final_limit
        points = 1 + -(-total // plan.eval_freq)
        spent = points * plan.curve_limit.most + domains * plan.final_limit.most
        assert spent <= 0.1 * total or domains * longest > 0.05 * total
        assert min(plan.curve_limit.most, plan.final_limit.most) >= longest  # a whole episode
        enough = points * plan.curve_limit.enough + domains * plan.final_limit.enough
        assert 0.05 * total < enough <= 0.1 * total
        assert 3 <= points <= 12 or total == 20_000


def test_known_worlds_are_evaluated_as_published_and_what_is_given_counts() -> None:
    def plan(env: EnvConfig, **given: Any) -> EvalPlan:
        return plan_evaluation(AgentConfig.of("ppo", env.id), env, **given)

    assert plan(REACH, domains=3) == EvalPlan(10_000, 20, None, 100, None)
    hard = StepLimit(700, 700)
    assert plan(REACH, eval_steps=700, eval_freq=500) == EvalPlan(500, 20, hard, 100, hard)
    curve = StepLimit(454, 454)
    assert plan(SWING) == EvalPlan(10_000, 20, curve, 100, StepLimit(5_000, 5_000))
    assert plan(SWING, n_eval_episodes=7) == EvalPlan(10_000, 20, curve, 7, None)
    assert plan(SWING, eval_freq=50_000, eval_steps=700) == EvalPlan(50_000, 20, hard, 100, hard)
    assert plan(SWING, eval_freq=50_000).curve_limit == StepLimit(1_666, 1_666)
    assert plan(CART).curve_limit == StepLimit(500, 500) and plan(CART).eval_freq == 11_112
    assert plan(SWING, eval_freq=1_000).curve_limit == StepLimit(49, 200)  # one episode
    text = plan(SWING).text(rollout=2_048)
    assert text.startswith("every 10,240 steps on up to 20 episodes, as many as end within 454")
    with pytest.raises(ValueError, match="eval_freq must be at least 1, got 0"):
        plan(SWING, eval_freq=0)


def test_limits_are_counted_in_steps_of_the_agent() -> None:
    reach = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0")
    limits = [longest_episode(replace(reach, frame_skip=skip)) for skip in (1, 4, 50)]
    assert limits == [50, 13, 1]


def test_whole_episodes_are_cut_where_none_ends_by_itself() -> None:
    assert unending(EnvConfig("CartPole-v1"), 7) is None
    gym.register("test/ForEver-v0", NoiseEnv)
    try:
        limit = unending(EnvConfig("test/ForEver-v0"), 7)
        assert limit is not None and limit.most == limit.enough == 7 * UNKNOWN
        assert limit.each == UNKNOWN and limit.identity()["each"] == UNKNOWN
        assert side_by_side(EnvConfig("test/ForEver-v0"), 7, limit) == 7
        plan = plan_evaluation(
            AgentConfig(total_timesteps=500), EnvConfig("test/ForEver-v0"), n_eval_episodes=2
        )
        assert f"on 2 episodes, each cut after {UNKNOWN:,} steps" in plan.text(1)
        whole = plan_evaluation(AgentConfig(total_timesteps=100_000), EnvConfig("test/ForEver-v0"))
        assert whole.final_limit == StepLimit(5_000, 5_000, each=UNKNOWN)
        assert whole.curve_limit is not None and whole.curve_limit.each == UNKNOWN
        assert "on up to 100 episodes, each cut after 1,000 steps, as many as end within 5,000" in (
            whole.text(1)
        )
        few = plan_evaluation(AgentConfig(), EnvConfig("test/ForEver-v0"), eval_steps=700)
        assert few.final_limit == StepLimit(700, 700, each=700)
        thirty = unending(EnvConfig("test/ForEver-v0"), 30)
        assert thirty is not None and thirty.enough == 50 * UNKNOWN  # two batches of 25
    finally:
        del gym.registry["test/ForEver-v0"]
