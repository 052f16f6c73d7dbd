"""IRS and MCC: known values, the published numbers, and noise by chance."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics.irs import irs
from bvae_rl.metrics.mcc import mcc

optimize = pytest.importorskip("scipy.optimize")
stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_identity_codes_are_robust_at_any_number_of_bins(random) -> None:
    factors = random.uniform(size=(1000, 3))
    for bins in (5, 20):
        found = irs(factors * [-1, 1e-6, 1e6], factors, bins=bins)
        assert found.score == pytest.approx(1)
        np.testing.assert_array_equal(found.parents, [0, 1, 2])
    published = irs(factors, factors, reference=True, quantile=1)
    assert published.score == pytest.approx(1 - 1 / 20, abs=0.01)


def test_angles_and_labels(random) -> None:
    angle, label = random.uniform(0, 2 * np.pi, 2000), random.integers(0, 4, 2000)
    codes = np.stack([np.cos(angle), np.sin(angle), np.array([3, -1, 7, 2])[label]], axis=1)
    factors = np.stack([angle, label], axis=1)
    found = irs(codes, factors, kinds=["cyclic", "categorical"])
    np.testing.assert_array_equal(found.parents, [0, 0, 1])
    assert found.score > 0.98
    turned = np.stack([angle + 2 * np.pi * label, label], axis=1)  # the same angles
    again = irs(codes, turned, kinds=["cyclic", "categorical"])
    np.testing.assert_allclose(again.matrix, found.matrix)


def test_codes_of_two_factors_are_not_robust(random) -> None:
    factors = random.uniform(size=(4000, 2))
    shared = irs(factors.sum(axis=1, keepdims=True), factors)
    # Holding one leaves a uniform part of half the range of the whole; quantiles .99 of both:
    whole = 1 - np.sqrt(0.01)  # of |x| for a triangular x in (-1, 1)
    assert shared.score == pytest.approx(1 - 0.5 * 0.99 / whole, abs=0.03)


@pytest.mark.parametrize("samples", [500, 5000])
def test_noise_is_not_robust_and_constants_are_left_out(random, samples) -> None:
    factors = random.uniform(size=(samples, 3))
    noise = random.normal(size=(samples, 4))
    assert 0 <= irs(noise, factors).score < 0.06
    assert irs(noise, factors, reference=True).score > 0.2  # what the default corrects
    found = irs(np.concatenate([factors, np.full((samples, 2), 0.1)], axis=1), factors)
    assert found.score == pytest.approx(1)
    assert found.active == 3 and found.parents[3:].tolist() == [-1, -1]
    inactive = irs(np.zeros((samples, 2)), factors)
    assert inactive.score == 0 and inactive.active == 0 and not inactive.matrix.any()


def test_the_reference_of_irs_is_the_published_one(random) -> None:
    label = random.integers(0, 3, 400)
    factors = np.stack([random.normal(size=400), label], axis=1)
    codes = np.stack([factors[:, 0] + label, label + 0.3 * random.normal(size=400)], axis=1)
    edges = np.histogram(factors[:, 0], 20)[1][:-1]
    levels = [np.digitize(factors[:, 0], edges), label]
    matrix = np.empty((2, 2))
    for j in range(2):
        largest = np.abs(codes[:, j] - codes[:, j].mean()).max()
        for k in range(2):
            parts = [codes[levels[k] == value, j] for value in np.unique(levels[k])]
            strays = [np.quantile(np.abs(part - part.mean()), 0.99) for part in parts]
            matrix[j, k] = 1 - np.mean(strays) / largest
    weight = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    found = irs(codes, factors, kinds=["continuous", "categorical"], reference=True)
    np.testing.assert_allclose(found.matrix, matrix)
    assert found.score == pytest.approx((matrix.max(axis=1) * weight).sum() / weight.sum())


def test_each_factor_finds_its_latent(random) -> None:
    factors = random.normal(size=(600, 3))
    codes = np.concatenate([random.normal(size=(600, 2)), -(factors[:, ::-1] ** 3)], axis=1)
    ranks = mcc(codes, factors, method="spearman")
    assert ranks.score == pytest.approx(1)
    np.testing.assert_array_equal(ranks.latents, [4, 3, 2])
    plain = mcc(codes, factors)
    assert plain.score == pytest.approx(3 / np.sqrt(15), abs=0.03)  # of x and x cubed
    np.testing.assert_array_equal(plain.latents, [4, 3, 2])


def test_no_latent_serves_two_factors(random) -> None:
    factors = random.normal(size=(5000, 2))
    both = factors @ [[1.0, 1.0], [1.0, -1.0]]
    assert mcc(both, factors).score == pytest.approx(np.sqrt(0.5), abs=0.03)
    alone = mcc(both[:, :1], factors)  # fewer latents than factors
    assert alone.score == pytest.approx(np.sqrt(0.5) / 2, abs=0.03)
    assert sorted(alone.latents) == [-1, 0]


def test_the_assignment_is_the_best_as_a_whole() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 20_000))
    codes = np.stack([a, a + 0.5 * b], axis=1)
    found = mcc(codes, np.stack([a + 0.2 * b, a], axis=1))
    np.testing.assert_array_equal(found.latents, [1, 0])  # greedy would take latent 0 for both


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_an_axis_of_a_circle_and_a_value_per_class(random, method) -> None:
    angle, label = random.uniform(0, 2 * np.pi, 900), random.integers(0, 4, 900)
    codes = np.stack([np.cos(angle - 1), np.array([3, -1, 7, 2])[label]], axis=1)
    factors = np.stack([angle, label], axis=1)
    found = mcc(codes, factors, kinds=["cyclic", "categorical"], method=method)
    assert found.score == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(found.latents, [0, 1])


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_noise_and_inactive_latents_correlate_with_nothing(random, method) -> None:
    label = random.integers(0, 3, size=(1000, 1))
    factors = np.concatenate([random.normal(size=(1000, 4)), label], axis=1)
    kinds = ["continuous"] * 3 + ["cyclic", "categorical"]
    noise = random.normal(size=(1000, 5))
    assert abs(mcc(noise, factors, kinds=kinds, method=method).score) < 0.06
    assert mcc(np.ones((1000, 5)), factors, kinds=kinds, method=method).score == 0
    published = mcc(noise, factors, kinds=kinds, method=method, reference=True)
    assert 0.02 < published.score < 0.15


def test_the_reference_of_mcc_is_the_common_one(random) -> None:
    factors = random.normal(size=(200, 3))
    codes = factors @ random.normal(size=(3, 4)) + random.normal(size=(200, 4))
    matrix = np.abs(stats.spearmanr(codes, factors).statistic[:4, 4:])
    best = matrix[optimize.linear_sum_assignment(matrix, maximize=True)].mean()
    found = mcc(codes, factors, method="spearman", reference=True)
    assert found.score == pytest.approx(best)
    np.testing.assert_allclose(np.abs(found.correlation), matrix)
