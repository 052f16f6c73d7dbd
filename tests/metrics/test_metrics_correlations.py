"""Total correlation of codes and correlation of factors: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics.factor_correlation import factor_correlation
from bvae_rl.metrics.total_correlation import gaussian_total_correlation

pytest.importorskip("scipy")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_two_correlated_gaussians(random) -> None:
    x, y = random.normal(size=(2, 100_000))
    codes = np.stack([x, 0.6 * x + 0.8 * y], axis=1)
    truth = -0.5 * np.log(1 - 0.6**2)
    assert gaussian_total_correlation(codes).nats == pytest.approx(truth, abs=0.01)


def test_the_reference_is_the_plug_in_of_the_covariance(random) -> None:
    codes = random.normal(size=(50, 4)) @ random.normal(size=(4, 4))
    covariance = np.cov(codes.T)
    plain = 0.5 * (np.log(np.diag(covariance)).sum() - np.log(np.linalg.det(covariance)))
    assert gaussian_total_correlation(codes, reference=True).nats == pytest.approx(plain)
    moved = codes * [-1, 1e-9, 1e9, 2] + [0, 0, 5, 1]
    assert gaussian_total_correlation(moved, reference=True).nats == pytest.approx(plain)


def test_the_bias_is_taken_off_exactly(random) -> None:
    draws = [random.normal(size=(30, 6)) for _ in range(400)]
    sound = [gaussian_total_correlation(codes).nats for codes in draws]
    plain = [gaussian_total_correlation(codes, reference=True).nats for codes in draws]
    assert np.mean(sound) == pytest.approx(0, abs=3 * np.std(sound) / 20)
    assert np.mean(plain) > 0.25  # 6 * 5 / (4 * 30)


def test_constant_and_redundant_codes(random) -> None:
    codes = random.normal(size=(100, 3))
    found = gaussian_total_correlation(np.concatenate([codes, np.full((100, 1), 0.1)], axis=1))
    assert found.nats == gaussian_total_correlation(codes).nats
    assert found.latents == (0, 1, 2) and found.correlation.shape == (3, 3)
    redundant = np.concatenate([codes, codes @ [[1], [2], [3]]], axis=1)
    assert gaussian_total_correlation(redundant).nats == np.inf
    assert gaussian_total_correlation(codes[:, :1]).nats == 0
    assert gaussian_total_correlation(np.zeros((100, 2))).latents == ()


def test_too_few_samples(random) -> None:
    with pytest.raises(ValueError, match="at least 5 are needed"):
        gaussian_total_correlation(random.normal(size=(4, 3)))
    with pytest.raises(ValueError, match="got nan"):
        gaussian_total_correlation(np.full((10, 2), np.nan))


def test_factors_correlate_by_their_kinds(random) -> None:
    x, noise = random.normal(size=(2, 5000))
    angle = random.uniform(0, 2 * np.pi, 5000)
    label = np.array([5.0, 1.0, 3.0])[np.digitize(angle, [2, 4])]
    factors = np.stack([x, -0.6 * x + 0.8 * noise, angle, np.cos(angle - 1), label], axis=1)
    kinds = ["continuous", "continuous", "cyclic", "continuous", "categorical"]
    matrix = factor_correlation(factors, kinds=kinds)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), 1)
    assert matrix[0, 1] == pytest.approx(np.corrcoef(x, factors[:, 1])[0, 1])
    assert matrix[2, 3] == pytest.approx(1)  # one axis of the circle
    assert matrix[2, 4] > 0.8  # the label is a function of the angle
    assert np.abs(matrix[:2, 2:]).max() < 0.06
    shifted = factor_correlation(np.add(factors, [0, 7, 4 * np.pi + 2, 0, 9]), kinds=kinds)
    np.testing.assert_allclose(shifted, matrix, atol=1e-9)


def test_a_label_and_its_renamed_copy_correlate_fully(random) -> None:
    label = random.integers(0, 4, 300)
    factors = np.stack([label, np.array([2, 0, 3, 1])[label]], axis=1)
    kinds = ["categorical", "categorical"]
    assert factor_correlation(factors, kinds=kinds)[0, 1] == pytest.approx(1)
    assert abs(factor_correlation(factors)[0, 1]) < 0.5
