"""SAP and explicitness: known values, the published numbers, and noise by chance."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics.explicitness import explicitness
from bvae_rl.metrics.inputs import split
from bvae_rl.metrics.sap import sap

svm = pytest.importorskip("sklearn.svm")
linear = pytest.importorskip("sklearn.linear_model")
metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def mixed(random) -> tuple[np.ndarray, list[str]]:
    """A value, an angle, and labels 0 ... 3, all independent."""
    columns = [random.uniform(-1, 1, 900), random.uniform(0, 2 * np.pi, 900)]
    factors = np.stack([*columns, random.integers(0, 4, 900)], axis=1)
    return factors, ["continuous", "cyclic", "categorical"]


def laid_out(factors: np.ndarray) -> np.ndarray:
    """The codes that hold the ``mixed`` factors perfectly: the angle as a circle."""
    value, angle, label = factors.T
    return np.stack([value, np.cos(angle), np.sin(angle), label], axis=1)


def test_perfect_codes_of_every_kind_have_a_gap_of_1(mixed, random) -> None:
    factors, kinds = mixed
    codes = np.concatenate([laid_out(factors), random.normal(size=(900, 2))], axis=1)
    found = sap(codes, factors, kinds=kinds)
    np.testing.assert_allclose(found.per_factor, 1, atol=0.03)
    np.testing.assert_allclose(found.predictability[:4, 1], [0, 0.5, 0.5, 0], atol=0.05)
    assert found.predictability.shape == (6, 3)
    moved = sap(codes[:, ::-1] * [-1, 1e-9, 1e9, 2, -3, 1], factors, kinds=kinds)
    assert moved.score == pytest.approx(found.score, abs=1e-9)


def test_codes_that_appear_twice_have_no_gap(mixed) -> None:
    factors, kinds = mixed
    codes = laid_out(factors)
    found = sap(np.concatenate([codes, -codes], axis=1), factors, kinds=kinds)
    np.testing.assert_allclose(found.per_factor, 0, atol=0.01)


def test_two_copies_of_one_axis_are_no_circle(mixed) -> None:
    factors, _ = mixed
    cos = np.cos(factors[:, 1:2])
    found = sap(
        np.concatenate([cos, cos, factors[:, :1]], axis=1), factors[:, 1:2], kinds=["cyclic"]
    )
    assert found.score == pytest.approx(0, abs=0.02)


def test_the_gap_is_that_of_squared_correlations(random) -> None:
    factor = random.normal(size=(40_000, 1))
    codes = np.concatenate(
        [factor + s * random.normal(size=factor.shape) for s in (0.5, 1)], axis=1
    )
    for reference in (False, True):
        assert sap(codes, factor, reference=reference).score == pytest.approx(0.8 - 0.5, abs=0.02)
    assert sap(codes[:, :1], factor).score == pytest.approx(0.8, abs=0.02)  # a single code


def test_the_reference_of_sap_is_the_published_one(random) -> None:
    label = random.integers(0, 3, 300)
    factors = np.stack([random.normal(size=300), label], axis=1)
    codes = np.stack([factors[:, 0] + label, label + random.normal(size=300), 0 * label], axis=1)
    found = sap(codes, factors, kinds=["continuous", "categorical"], reference=True)
    squared = np.corrcoef(codes[:, :2].T, factors[:, 0])[2, :2] ** 2
    np.testing.assert_allclose(found.predictability[:, 0], [*squared, 0])
    train, test = split(300, test_fraction=None, seed=0, reference=True)
    assert len(test) == 100
    for j in range(3):
        machine = svm.LinearSVC(C=0.01, class_weight="balanced", random_state=0, max_iter=10_000)
        machine.fit(codes[train, j : j + 1], label[train])
        accuracy = np.mean(machine.predict(codes[test, j : j + 1]) == label[test])
        assert found.predictability[j, 1] == pytest.approx(accuracy, abs=0.011)
    gaps = np.diff(np.sort(found.predictability, axis=0)[-2:], axis=0)
    assert found.score == pytest.approx(gaps.mean())


def test_what_can_be_read_linearly_is_explicit(mixed) -> None:
    factors, kinds = mixed
    onehot = np.eye(4)[factors[:, 2].astype(int)]
    codes = np.concatenate([laid_out(factors)[:, :3], onehot], axis=1)
    np.testing.assert_allclose(explicitness(codes, factors, kinds=kinds).per_factor, 1, atol=1e-6)
    squared = explicitness(np.abs(codes[:, :1]), factors[:, :1]).score
    assert squared == pytest.approx(0, abs=0.03)  # known, but not linearly


def test_the_area_of_two_gaussian_classes(random) -> None:
    label = random.integers(0, 2, size=(40_000, 1))
    codes = label + random.normal(size=(40_000, 1))
    area = 0.7602  # of two unit Gaussians one deviation apart: Phi(1 / sqrt 2)
    found = explicitness(codes, label, kinds=["categorical"], most=None)
    assert found.score == pytest.approx(2 * area - 1, abs=0.02)
    published = explicitness(codes, label, kinds=["categorical"], reference=True)
    assert published.score == pytest.approx(area, abs=0.01)


def test_the_reference_of_explicitness_is_the_published_one(random) -> None:
    label = random.integers(0, 3, size=300)
    codes = np.stack([label + random.normal(size=300), 5 * random.normal(size=300)], axis=1)
    found = explicitness(codes, label[:, None], kinds=["categorical"], reference=True)
    train, test = split(300, test_fraction=None, seed=0, reference=True)
    x = (codes - codes[train].mean(axis=0)) / codes[train].std(axis=0)
    likely = linear.LogisticRegression().fit(x[train], label[train]).predict_proba(x[test])
    truth = label[test][:, None] == [0, 1, 2]
    assert found.score == pytest.approx(metrics.roc_auc_score(truth, likely), abs=1e-4)


@pytest.mark.parametrize("samples", [500, 5000])
def test_noise_and_inactive_latents_score_nothing(random, samples) -> None:
    label = random.integers(0, 3, size=(samples, 1))
    factors = np.concatenate([random.normal(size=(samples, 2)), label], axis=1)
    kinds = ["continuous", "cyclic", "categorical"]
    for codes in (random.normal(size=(samples, 6)), np.full((samples, 6), 0.3)):
        assert 0 <= sap(codes, factors, kinds=kinds).score < 0.05
        assert abs(explicitness(codes, factors, kinds=kinds).score) < 0.06


def test_a_class_on_one_side_only(random) -> None:
    label = np.zeros((40, 1))
    label[split(40, test_fraction=None, seed=0)[0][:2]] = 1
    with pytest.raises(ValueError, match=r"2 classes among the 30 samples .* and 1 among the 10"):
        explicitness(random.normal(size=(40, 2)), label, kinds=["categorical"])
    label[split(40, test_fraction=None, seed=0)[1][:4]] = 2
    assert np.isfinite(explicitness(label + label**2, label, kinds=["categorical"]).score)


def test_most_bounds_the_samples_that_are_fitted(random) -> None:
    factors = random.normal(size=(100, 2))
    for metric in (sap, explicitness):
        noisy = factors + random.normal(size=(100, 2))
        assert metric(noisy, factors, most=10).score != metric(noisy, factors).score
