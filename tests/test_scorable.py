"""Factors that no score takes are left out by name, and all others are scored."""

from __future__ import annotations

import numpy as np

from bvae_rl.data.factors import FactorSpec
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
