"""Factors that seldom change cost no other factor its score, nor a training its end."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics import conclusions, score
from bvae_rl.metrics.factor_correlation import correlation_chance, factor_correlation
from bvae_rl.metrics.generalisation import generalisation
from bvae_rl.metrics.inputs import split
from bvae_rl.metrics.scorable import taken
from bvae_rl.sb3 import Probe
from tests.sb3.test_probe import FactorsInPixels, Reader

pytest.importorskip("sklearn")

SPECS = (FactorSpec("x"), FactorSpec("door", "categorical", values=(0.0, 1.0)))


def rare(n: int, ones: int, *, seed: int = 0) -> np.ndarray:
    """x, and a door that is open in the first ``ones`` frames that nothing is tested on."""
    factors = np.stack([np.random.default_rng(1).random(n), np.zeros(n)], axis=1)
    factors[split(n, seed=seed)[0][:ones], 1] = 1.0
    return factors


def test_a_factor_that_is_tested_nowhere_is_left_out_and_named() -> None:
    factors = rare(400, 3)
    found = score(factors, factors, SPECS, steps=5)
    assert found.all.factors == ("x",) and not found.constant_factors
    assert list(found.left_out) == ["door"]
    assert any(
        "door, changes in too few of the frames" in said for said in conclusions(found, SPECS)
    )
    with pytest.raises(ValueError, match="no factor can be scored: door"):
        score(factors, factors[:, 1:], SPECS[1:], steps=5)


def test_a_draw_without_the_rare_value_costs_no_interval() -> None:
    factors = np.stack([np.random.default_rng(1).random(600), np.zeros(600)], axis=1)
    train, test = split(600, seed=0)
    factors[[*train[:3], test[0]], 1] = 1.0
    found = score(factors, factors, SPECS, steps=5, metrics=("sap",), slow_replicates=12).all
    low, high = found.slow_interval["sap"]
    assert low <= found.further["sap"] <= high


def test_intervals_of_scores_below_zero_hold_them() -> None:
    rng = np.random.default_rng(0)
    found = score(
        rng.normal(size=(400, 3)), rng.random((400, 2)), (FactorSpec("a"), FactorSpec("b")),
        steps=5, metrics=("mcc", "explicitness"), slow_replicates=4,
    ).all  # fmt: skip
    rows = found.further | found.dci.numbers()
    assert min(rows[name] for name in ("mcc", "explicitness", "dci/informativeness")) < 0
    for name, (low, high) in found.slow_interval.items():
        assert low <= rows[name] <= high, name


def test_a_period_that_nobody_gave_is_doubted(caplog: pytest.LogCaptureFixture) -> None:
    angle = np.random.default_rng(0).uniform(-np.pi, np.pi, (50, 1))
    with caplog.at_level(logging.WARNING):
        taken(angle, [FactorSpec("a", "cyclic", low=-np.pi, high=np.pi)])
        assert not caplog.text
        taken(angle, [FactorSpec("a", "cyclic")])
    assert "a is cyclic with a period of 1, and goes from -3.1" in caplog.text


def test_many_values_by_chance_are_no_correlation() -> None:
    labels = np.random.default_rng(0).integers(0, 30, (500, 2)).astype(float)
    kinds = ("categorical", "categorical")
    found = factor_correlation(labels, kinds=kinds)[0, 1]
    chance = correlation_chance(labels, kinds=kinds)
    assert 0.3 < found < chance[0, 1] < 1 and chance[0, 0] == 0
    assert correlation_chance(np.random.default_rng(0).random((500, 2)))[0, 1] < 0.3
    same = labels[:, [0, 0]]
    assert factor_correlation(same, kinds=kinds)[0, 1] > correlation_chance(same, kinds=kinds)[0, 1]


def test_the_source_is_tested_on_other_episodes_if_they_are_numbered() -> None:
    rng = np.random.default_rng(0)
    episode = np.repeat(np.arange(20), 30)
    factors = {name: rng.random((20, 1))[episode] for name in ("source", "other")}
    codes = {name: np.eye(20)[episode] for name in factors}  # tell the episode, and no more
    mixed = generalisation(codes, factors, source="source", model="linear")
    apart = generalisation(codes, factors, source="source", model="linear", episode=episode)
    assert mixed.scores["source"].mean > 0.9 and apart.scores["source"].mean < 0.1


class RareDoor(FactorsInPixels):
    """The constant factor is 1 in a frame of a hundred."""

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        return np.array([rng.uniform(), float(rng.uniform() < 0.01), rng.uniform()])


def test_a_probe_goes_on_without_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        probe = Probe(RareDoor(), n=60, seed=5)  # one of those in which the door opens
    assert 0 < probe.frames.factors[:, 1].sum() < 60, "the door opens somewhere"
    assert "probes leave out colour: changes in too few of the frames" in caplog.text
    assert probe.measure(Reader([0, 2, 9]), step=1).keys() == {"vae/mig", "vae/dci", "vae/r2"}
