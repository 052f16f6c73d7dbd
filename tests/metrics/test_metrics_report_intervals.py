"""Intervals of a report hold its scores, and shrink with the samples."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bvae_rl.metrics import (
    score,
    table,
)
from tests.report_cases import SPECS, world

pytest.importorskip("sklearn")


def test_repeated_latents_have_no_interval_of_their_total_correlation() -> None:
    x = np.random.default_rng(0).uniform(size=(200, 1))
    found = score(
        np.tile(x, 2), x, SPECS[:1], metrics=["total_correlation"], slow_replicates=3, steps=1
    )
    assert found.all.further["total_correlation"] == np.inf
    assert not [name for name in found.to_rows_dict() if "total_correlation" in name]
    json.dumps(found.to_json(), allow_nan=False)


def test_intervals_hold_the_scores_and_shrink_with_samples() -> None:
    width = {}
    for samples in (400, 3000):
        codes, factors = world(samples)
        found = score(codes[:, :6], factors, SPECS, replicates=60, steps=20)
        assert found.all.mig_interval is not None and found.all.mig_interval.shape == (6, 2)
        low, high = found.all.mig_interval.T
        values = np.array([found.all.mig.score, *found.all.mig.per_factor])
        assert (low <= values + 1e-9).all() and (values <= high + 1e-9).all()
        width[samples] = high[0] - low[0]
        rows = found.to_rows_dict()
        assert rows["r2_low"] <= rows["r2"] <= rows["r2_high"]
        assert "95% interval" in table({"one": found})
    assert width[3000] < width[400]


def test_slow_intervals_bound_dci_and_the_further_metrics() -> None:
    codes, factors = world(500)
    found = score(
        codes, factors, SPECS, metrics=("sap", "mig_quantile"), slow_replicates=5, steps=1
    )
    bounds = found.all.slow_interval
    assert list(bounds) == [
        "dci/disentanglement", "dci/completeness", "dci/informativeness", "mig_quantile", "sap"
    ]  # fmt: skip
    rows = found.to_rows_dict()
    for name, (low, high) in bounds.items():
        assert low <= rows[name] <= high and rows[f"{name}_low"] == low
    assert table({"one": found}).count("95% interval") == 5


def test_slow_intervals_stay_where_their_scores_can_be() -> None:
    x = np.random.default_rng(0).uniform(size=(60, 1))
    codes = x + 0.03 * np.random.default_rng(1).normal(size=(60, 1))
    metrics = ("sap", "total_correlation")
    found = score(codes, x, SPECS[:1], metrics=metrics, slow_replicates=5, steps=1).all
    low, high = found.slow_interval["sap"]
    assert 0.8 < low < found.further["sap"] < 1 and high == 1.0  # unclipped it is above 1
    wide = np.random.default_rng(2).normal(size=(60, 2)) @ [[1, 1], [0, 0.05]]
    found = score(wide, wide[:, :1], SPECS[:1], metrics=metrics, slow_replicates=5, steps=1).all
    assert found.slow_interval["total_correlation"][1] > 1  # nats: no upper bound
