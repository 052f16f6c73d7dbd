"""Factors that no score takes are left out by name, and all others are scored."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.inputs import split
from bvae_rl.metrics.report import score
from bvae_rl.metrics.scorable import scorable, unscorable

SPECS = (
    FactorSpec("x"),
    FactorSpec("heading", "cyclic", low=0, high=360),
    FactorSpec("turning", "cyclic", low=0, high=360),
    FactorSpec("broken"),
)


def factors(n: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    columns = [
        rng.random(n), 57 + rng.random(n), rng.uniform(0, 360, n),
        np.where(np.arange(n) % 4, rng.random(n), np.nan),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def test_each_is_named_with_its_reason() -> None:
    assert unscorable(factors(), SPECS) == {
        "heading": "moves by less than a 20th of its circle",
        "broken": "not finite in 10 of 40 frames",
    }


def test_the_others_are_kept_and_what_is_left_out_is_said() -> None:
    said: list[str] = []
    values, specs = scorable(factors(), SPECS, say=said.append)
    assert [spec.name for spec in specs] == ["x", "turning"] and values.shape == (40, 2)
    assert "heading (moves by less" in said[0] and "broken (not finite" in said[0]


def test_nothing_is_said_where_all_are_fine() -> None:
    said: list[str] = []
    scorable(factors()[:, [0, 2]], (SPECS[0], SPECS[2]), say=said.append)
    assert not said


@pytest.mark.parametrize("reference", [False, True])
def test_published_splits_count_too(reference: bool) -> None:
    order = np.random.default_rng(0).permutation(20)  # as the episodes are drawn
    episode = np.arange(20).repeat(20)
    codes = np.random.default_rng(1).normal(size=(400, 3))
    rare = np.isin(episode, [order[1], order[5]]).astype(float)  # 5: held out in one split alone
    specs = [FactorSpec("a", low=-9, high=9), FactorSpec("rare", "categorical", values=(0.0, 1.0))]
    found = score(
        codes, np.c_[codes[:, 0], rare], specs, episode=episode, reference=reference, steps=2
    )
    assert set(found.left_out) == ({"rare"} if reference else set())


def test_a_factor_that_the_first_samples_do_not_show_is_left_out() -> None:
    fitted, _ = split(20_000, seed=0)
    late = np.zeros(20_000)
    late[[fitted[7_000], split(20_000, seed=0)[1][0]]] = 1.0
    spec = FactorSpec("late", "categorical", values=(0.0, 1.0))
    assert "changes in too few" in unscorable(late[:, None], [spec])["late"]


def test_booleans_of_numpy_are_numbers() -> None:
    values = tuple(np.unique([True, False]))
    assert len(FactorSpec("on", "categorical", values=values).values) == 2
