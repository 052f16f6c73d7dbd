"""DCI: closed forms on importance matrices, properties of the default, the published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import completeness, dci, disentanglement
from bvae_rl.metrics.inputs import split


def test_closed_forms_of_the_importance_matrix() -> None:
    eye = np.eye(10)
    halved = 1 - np.log(2) / np.log(10)
    assert disentanglement(eye) == completeness(eye) == 1
    assert disentanglement(np.zeros((10, 10))) == completeness(np.zeros((10, 10))) == 0
    assert disentanglement(np.ones((5, 7))) == pytest.approx(0, abs=1e-12)
    assert completeness(np.ones((5, 7))) == pytest.approx(0, abs=1e-12)

    duplicated = np.concatenate([eye, eye])  # two codes for each of 10 factors
    assert disentanglement(duplicated) == 1
    assert completeness(duplicated) == pytest.approx(1 - np.log(2) / np.log(20))
    twins = np.kron(np.eye(5, 10), [[1], [1]])  # 10 codes in pairs, 5 of 10 factors
    assert completeness(twins) == pytest.approx(halved)

    serving_two = np.kron(np.eye(5), [[1, 1]])  # each of 5 codes serves two of 10 factors
    assert disentanglement(serving_two) == pytest.approx(halved)
    assert completeness(serving_two) == 1


def test_weights_are_shares_of_all_importance() -> None:
    importance = np.array([[3.0, 0.0], [0.5, 0.5], [0.0, 0.0]])  # pure, mixed, inactive
    assert disentanglement(importance) == pytest.approx(3 / 4)
    mixed = -(6 / 7 * np.log(6 / 7) + 1 / 7 * np.log(1 / 7)) / np.log(3)
    assert completeness(importance) == pytest.approx((3.5 * (1 - mixed) + 0.5) / 4)


def test_a_single_factor_or_code_is_not_a_division_by_zero() -> None:
    assert disentanglement([[1.0], [2.0]]) == 1
    assert completeness([[1.0, 2.0]]) == 1


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, size=(1500, 5))


def test_identity_codes_are_disentangled_and_rotated_ones_are_not(factors) -> None:
    random = np.random.default_rng(1)
    padded = np.concatenate([factors, random.normal(size=(1500, 3))], axis=1)
    rotation = np.linalg.qr(random.normal(size=(8, 8)))[0]
    aligned, rotated = dci(padded, factors), dci(padded @ rotation, factors)
    assert min(aligned.disentanglement, aligned.completeness) > 0.97
    assert aligned.informativeness > 0.98
    assert aligned.importance.shape == (8, 5)
    np.testing.assert_array_equal(aligned.importance.argmax(axis=0), np.arange(5))
    assert max(rotated.disentanglement, rotated.completeness) < 0.5
    assert rotated.informativeness < aligned.informativeness


def test_order_sign_and_scale_of_the_codes_hardly_matter(factors) -> None:
    random = np.random.default_rng(2)
    codes = factors + 0.3 * factors[:, ::-1] ** 2 + 0.1 * random.normal(size=factors.shape)
    first = dci(codes, factors)
    moved = dci(codes[:, ::-1] * [-1, 1e-12, 1e12, 2, -3], factors)
    assert moved.disentanglement == pytest.approx(first.disentanglement, abs=0.02)
    assert moved.completeness == pytest.approx(first.completeness, abs=0.02)
    assert moved.informativeness == pytest.approx(first.informativeness, abs=0.02)


def test_inactive_latents_score_nothing_and_change_nothing(factors) -> None:
    inactive = dci(np.full_like(factors, 0.1), factors)
    assert inactive.disentanglement == inactive.completeness == 0
    assert -0.05 < inactive.informativeness <= 0
    first = np.concatenate([np.zeros((1500, 1)), factors], axis=1)
    assert dci(first, factors).disentanglement > 0.97


def test_cyclic_and_categorical_factors_by_their_rules(factors) -> None:
    random = np.random.default_rng(3)
    angle = random.uniform(0, 2 * np.pi, 1500)
    label = random.integers(0, 4, 1500)
    codes = np.stack([np.cos(angle), np.sin(angle), label, random.normal(size=1500)], axis=1)
    found = dci(codes, np.stack([angle, label], axis=1), kinds=["cyclic", "categorical"])
    assert (found.informativeness_per_factor > 0.98).all()
    np.testing.assert_allclose(found.importance[:, 0], [0.5, 0.5, 0, 0], atol=0.05)
    np.testing.assert_allclose(found.importance[:, 1], [0, 0, 1, 0], atol=0.02)


@pytest.mark.parametrize("samples", [500, 4000])
def test_noise_scores_nothing_and_identity_1(samples) -> None:
    random = np.random.default_rng(5)
    truth, noise = random.uniform(size=(samples, 4)), random.normal(size=(samples, 6))
    found = dci(noise, truth)
    assert max(found.disentanglement, found.completeness) < 0.05
    assert abs(found.informativeness) < 0.06
    perfect = dci(np.concatenate([truth, noise], axis=1), truth)
    assert min(perfect.disentanglement, perfect.completeness, perfect.informativeness) > 0.99


def test_every_value_of_a_coarse_code_is_split(factors) -> None:
    codes = np.round(factors * 3)  # 7 values, fewer than bins
    sharp = dci(codes, codes)
    assert sharp.informativeness > 0.999 and sharp.disentanglement > 0.99


def test_the_seed_draws_the_split_and_most_bounds_the_fit(factors) -> None:
    codes = factors @ np.random.default_rng(4).normal(size=(5, 5))
    first = dci(codes, factors, seed=1)
    np.testing.assert_array_equal(first.importance, dci(codes, factors, seed=1).importance)
    assert not np.array_equal(first.importance, dci(codes, factors, seed=2).importance)
    assert dci(codes, factors, seed=1, most=100).informativeness < first.informativeness


def test_the_reference_is_the_published_one() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    entropy = pytest.importorskip("scipy.stats").entropy
    random = np.random.default_rng(6)
    label, value = random.integers(0, 3, 300), random.normal(size=300)
    factors = np.stack([label, value], axis=1)
    codes = np.stack([label + value, value, random.normal(size=300)], axis=1)
    found = dci(codes, factors, kinds=["categorical", "continuous"], reference=True, n_jobs=2)

    train, test = split(300, test_fraction=None, seed=0, reference=True)
    models = [
        ensemble.GradientBoostingClassifier(random_state=0),
        ensemble.GradientBoostingRegressor(random_state=0),
    ]
    for model, factor in zip(models, factors.T, strict=True):
        model.fit(codes[train], factor[train])
    matrix = np.stack([model.feature_importances_ for model in models], axis=1)
    np.testing.assert_allclose(found.importance, matrix)
    scores = [m.score(codes[test], f[test]) for m, f in zip(models, factors.T, strict=True)]
    np.testing.assert_allclose(found.informativeness_per_factor, scores)  # accuracy and R2
    rows = 1 - entropy(matrix.T + 1e-11, base=2)
    assert found.disentanglement == pytest.approx(rows @ matrix.sum(axis=1) / matrix.sum())
    columns = 1 - entropy(matrix + 1e-11, base=3)
    assert found.completeness == pytest.approx(columns @ matrix.sum(axis=0) / matrix.sum())


def test_a_circle_in_the_reference() -> None:
    pytest.importorskip("sklearn")
    angle = np.random.default_rng(7).uniform(0, 2 * np.pi, size=(200, 1))
    codes = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    found = dci(codes, angle, kinds=["cyclic"], reference=True)
    np.testing.assert_allclose(found.importance[:, 0], 0.5, atol=0.1)
    assert found.informativeness > 0.98
