from __future__ import annotations

import pytest

from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.agents.scores import (
    auc,
    normalise,
    normalised_rows,
    retention,
    retention_rows,
    steps_to,
)
from bvae_rl.runtime.rows import Row


def _row(
    method, value, *, seed=0, domain="source", algo="ppo", metric="return", step=None, env="E"
):
    return Row(
        study="s", method=method, algo="none" if method == RANDOM_POLICY else algo, env=env,
        agent_seed=None if method == RANDOM_POLICY else seed, domain=domain, metric=metric,
        value=value, n=100, step=step, budget={"labels": method}, command="c",
    )  # fmt: skip


def test_normalise_is_linear_and_not_clipped():
    assert [normalise(v, -30.0, 30.0) for v in (-30, 0, 30, 60)] == [0.0, 0.5, 1.0, 1.5]
    with pytest.raises(ValueError, match="reference < upper bound, got 5 and 5"):
        normalise(1.0, 5.0, 5.0)


def test_auc_of_a_straight_line_is_its_middle():
    assert auc([0, 10, 40], [0, 10, 40]) == 20.0
    assert auc([100, 300], [5.0, 5.0]) == 5.0
    with pytest.raises(ValueError, match="two points"):
        auc([0], [1])
    with pytest.raises(ValueError, match="rising steps"):
        auc([0, 0], [1, 2])


def test_steps_to_is_the_first_evaluated_step():
    assert steps_to([0, 10, 20, 30], [0, 5, 4, 6], 5) == 10
    assert steps_to([0, 10], [0, 5], 5.1) is None


def test_scores_lie_between_the_better_reference_and_the_state_agents():
    rows = [
        _row(RANDOM_POLICY, -30.0), _row(RANDOM_POLICY, -10.0, domain="ood1"),
        _row("blind", -22.0), _row("blind", -18.0, seed=1), _row("blind", -20.0, domain="ood1"),
        _row("state", 30.0), _row("state", 50.0, seed=1), _row("state", 40.0, domain="ood1"),
        _row("pixels", 10.0), _row("pixels", 25.0, seed=1), _row("pixels", -10.0, domain="ood1"),
        _row("pixels", 10.0, step=5), _row("pixels", 0.5, metric="success"),
        _row("pixels", 10.0, algo="sac"), _row("pixels", 10.0, env="other"),
    ]  # fmt: skip
    scores = normalised_rows(rows)
    found = {(r.method, r.agent_seed, r.domain): r.value for r in scores}
    # source: reference = mean blind -20, upper bound = mean state 40; ood1: random -10
    assert found["pixels", 0, "source"] == pytest.approx(0.5)
    assert found["pixels", 1, "source"] == pytest.approx(0.75)
    assert found["pixels", 0, "ood1"] == pytest.approx(0.0)
    assert found["state", 0, "source"] == pytest.approx(50 / 60)
    assert {r.metric for r in scores} == {"score"}
    assert {r.algo for r in scores} == {"ppo"} and {r.env for r in scores} == {"E"}
    assert all(r.budget["labels"] == r.method for r in scores)


def test_no_score_where_the_state_agent_learned_nothing():
    rows = [_row(RANDOM_POLICY, -30.0), _row("state", -31.0), _row("pixels", 0.0)]
    assert normalised_rows(rows) == []


def test_retention_only_where_there_is_something_to_retain():
    assert retention(0.2, 0.4) == 0.5
    assert retention(0.2, 0.29) is None
    rows = [
        _row("a", 0.8, metric="score"), _row("a", 0.4, metric="score", domain="ood1"),
        _row("b", 0.2, metric="score"), _row("b", 0.2, metric="score", domain="ood1"),
        _row("a", 0.1, metric="score", domain="ood1", seed=1),
    ]  # fmt: skip
    kept = retention_rows(rows, source="source")
    assert [(r.method, r.domain, r.metric, r.value) for r in kept] == [
        ("a", "ood1", "retention", 0.5)
    ]
