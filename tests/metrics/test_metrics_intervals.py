"""Bootstrap intervals: do they cover, do the counts agree with drawn rows, and what is refused?"""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import gap, measure, r2
from bvae_rl.metrics.contingency import Table, joint_entropies, replicated_entropies
from bvae_rl.metrics.intervals import _weights, information_interval, interval


def correlated(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    v, noise = random.normal(size=(2, samples, 3))
    codes = v @ np.array([[0.9, 0.6, 0.0], [0.0, 0.8, 0.5], [0.0, 0.0, 0.5]]) + 0.4 * noise
    return codes, v


def mig_of(information) -> np.ndarray:
    found = gap(information)
    return np.array([found.score, *found.per_factor])


def test_intervals_cover_the_score_of_correlated_gaussian_codes() -> None:
    """95% intervals of 80 draws, for MIG and its three parts, about their mean and the truth."""
    found = [
        information_interval(mig_of, *correlated(2000, s), binning="quantile", replicates=50)
        for s in range(80)
    ]
    estimates = np.array([f.estimate for f in found])
    low, high = np.array([f.low for f in found]), np.array([f.high for f in found])
    truth = mig_of(measure(*correlated(100_000, 999), binning="quantile"))
    for target, least in ((estimates.mean(axis=0), 0.87), (truth, 0.83)):
        covered = np.mean((low <= target) & (target <= high), axis=0)
        assert ((covered >= least) & (covered <= 1)).all()
    spread = np.mean([f.deviation for f in found], axis=0) / estimates.std(axis=0)
    assert ((spread > 0.8) & (spread < 1.4)).all()


def test_weighted_counts_are_those_of_drawn_rows() -> None:
    random = np.random.default_rng(0)
    table = Table(random.integers(0, 7, (3, 400)), random.integers(0, 5, (2, 400)))
    for episode in (None, np.arange(400) // np.array([30, 7]).repeat(200)):
        weights = _weights(400, 4, 1, episode)
        rows, columns, joint = replicated_entropies(table, weights)
        for r in range(4):
            drawn = np.repeat(np.arange(400), weights[:, r].astype(int))
            again = Table(table.rows[:, drawn], table.columns[:, drawn])
            np.testing.assert_allclose(joint[r], joint_entropies(again), rtol=1e-12)
            for entropies, cells in ((rows, again.rows), (columns, again.columns)):
                own = np.diag(joint_entropies(Table(cells, cells)))
                np.testing.assert_allclose(entropies[r], own, rtol=1e-12)


def test_an_interval_narrows_with_samples_and_is_centred_on_the_estimate() -> None:
    wide, narrow = (
        information_interval(lambda i: gap(i).score, *correlated(n, 1)) for n in (500, 8000)
    )
    assert 2.5 < wide.deviation / narrow.deviation < 6
    assert wide.estimate - wide.low == pytest.approx(1.96 * wide.deviation, rel=1e-3)
    assert wide.high - wide.estimate == pytest.approx(1.96 * wide.deviation, rel=1e-3)
    assert wide.estimate == gap(measure(*correlated(500, 1))).score and wide.replicates == 200
    again = information_interval(lambda i: gap(i).score, *correlated(500, 1))
    assert again.low == wide.low  # the seed decides
    ninety = information_interval(lambda i: gap(i).score, *correlated(500, 1), level=0.5)
    assert ninety.high < wide.high


@pytest.mark.parametrize("samples", [500, 3000])
def test_identity_holds_one_and_noise_zero_within_the_bar(samples) -> None:
    random = np.random.default_rng(0)
    factors, noise = random.uniform(size=(samples, 5)), random.normal(size=(samples, 8))
    for codes, target in ((factors, 1.0), (noise, 0.0)):
        found = information_interval(lambda i: gap(i).score, codes, factors)
        assert found.low <= target <= found.high and found.deviation < 5 / samples


def test_perfect_codes_and_circles_have_narrow_intervals() -> None:
    angle = np.random.default_rng(2).uniform(0, 2 * np.pi, size=(1000, 1))
    noise = np.random.default_rng(3).normal(size=(1000, 8))  # 45 + 10 candidates
    codes = np.concatenate([np.cos(angle), np.sin(angle), noise], axis=1)
    found = information_interval(lambda i: gap(i).score, codes, angle, kinds=["cyclic"])
    assert found.estimate > 0.97 and found.deviation < 0.01
    perfect = information_interval(
        lambda i: i.shares, angle, angle, kinds=["continuous"], replicates=20
    )
    assert perfect.estimate == pytest.approx(1) and perfect.deviation < 1e-9


def test_any_metric_of_rows_has_an_interval() -> None:
    codes, factors = correlated(400, 4)
    found = interval(lambda z, v: r2(z, v, model="linear").per_factor, codes, factors)
    assert found.estimate.shape == found.low.shape == (3,)
    assert (found.deviation > 0.002).all() and (found.deviation < 0.1).all()
    mean = interval(lambda z, v: z[:, 0].mean(), codes, factors, replicates=400)
    assert mean.deviation == pytest.approx(codes[:, 0].std() / 20, rel=0.1)


def test_rows_of_one_episode_are_drawn_together() -> None:
    random = np.random.default_rng(5)
    episode = np.repeat(np.arange(40), 25)
    codes = np.repeat(random.normal(size=(40, 1)), 25, axis=0)  # one value an episode
    factors = codes + random.normal(size=codes.shape)
    means = [
        interval(lambda z, v: z.mean(), codes, factors, replicates=300, episode=e).deviation
        for e in (None, episode)
    ]
    assert means[1] / means[0] == pytest.approx(5, rel=0.2)
    scores = [
        information_interval(lambda i: gap(i).score, codes, factors, episode=e).deviation
        for e in (None, episode)
    ]
    assert scores[1] > 1.2 * scores[0]


def test_unusable_settings_are_refused() -> None:
    codes, factors = correlated(50, 6)
    with pytest.raises(ValueError, match="replicates must be at least 2, got 1"):
        information_interval(mig_of, codes, factors, replicates=1)
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 95"):
        information_interval(mig_of, codes, factors, level=95, replicates=2)
    with pytest.raises(ValueError, match="must number each of the 50 samples"):
        information_interval(mig_of, codes, factors, episode=[1, 2])
    with pytest.raises(ValueError, match="two or more, got one"):
        interval(lambda z, v: 0.0, codes, factors, episode=np.zeros(50))
    with pytest.raises(ValueError, match="got 50 and 49 rows"):
        interval(lambda z, v: 0.0, codes, factors[1:])
