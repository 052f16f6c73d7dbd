"""Mutual information and its gap against closed forms and disentanglement_lib's definition."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import entropies, gap, measure, mig, mutual_information


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_information_of_a_known_joint() -> None:
    joint = np.array([[0.4, 0.1], [0.2, 0.3]])
    codes = np.repeat([0, 0, 1, 1], [40, 10, 20, 30])[:, None]
    factors = np.repeat([5, 7, 5, 7], [40, 10, 20, 30])[:, None]
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    expected = (joint * np.log(joint / independent)).sum()
    for kind in ("continuous", "categorical"):
        found = mutual_information(codes, factors, kinds=[kind])  # type: ignore[list-item]
        np.testing.assert_allclose(found, [[expected]], rtol=1e-12)
        np.testing.assert_allclose(
            entropies(factors, kinds=[kind]),  # type: ignore[list-item]
            [-(0.6 * np.log(0.6) + 0.4 * np.log(0.4))],
        )


@pytest.mark.parametrize("samples", [2000, 20000])
def test_independent_codes_hold_no_more_than_the_plug_in_bias(random, samples) -> None:
    found = mutual_information(
        random.uniform(size=(samples, 12)), random.uniform(size=(samples, 3))
    )
    assert found.mean() == pytest.approx(19 * 19 / (2 * samples), rel=0.1)  # Miller 1955


def test_a_code_tells_no_more_than_the_entropy_and_a_copy_tells_all(random) -> None:
    factors = random.integers(0, 6, size=(500, 2)).astype(float)
    codes = np.concatenate([factors, random.normal(size=(500, 3)), np.zeros((500, 1))], axis=1)
    information = measure(codes, factors, kinds=["categorical"] * 2)
    assert (information.mutual_information <= information.entropy + 1e-12).all()
    np.testing.assert_allclose(
        np.diag(information.mutual_information), information.entropy, rtol=1e-12
    )
    assert (information.mutual_information[-1] == 0).all()


def test_information_ignores_order_sign_and_scale_of_continuous_codes(random) -> None:
    factors = random.uniform(size=(1500, 3))
    codes = factors @ random.normal(size=(3, 6)) + 0.1 * random.normal(size=(1500, 6))
    found = mutual_information(codes, factors)
    order = random.permutation(6)
    np.testing.assert_array_equal(mutual_information(codes[:, order], factors), found[order])
    moved = codes * [-1, 1e-9, -3e7, 1, 0.7, -2] + [0, 0, 0, 5, -5, 0]
    np.testing.assert_allclose(mutual_information(moved, factors), found, rtol=1e-9)


def test_mig_is_that_of_disentanglement_lib(random) -> None:
    """20 bins by np.histogram, scikit-learn's plug-in information, discrete factors."""
    score = pytest.importorskip("sklearn.metrics").mutual_info_score
    factors = random.integers(0, [3, 5, 30], size=(800, 3)).astype(float)
    codes = factors @ random.normal(size=(3, 4)) + random.normal(size=(800, 4))
    cells = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T]
    information = np.array([[score(v, z) for v in factors.T] for z in cells])
    entropy = np.array([score(v, v) for v in factors.T])
    best = np.sort(information, axis=0)[::-1]

    found = mig(codes, factors, kinds=["categorical"] * 3)
    np.testing.assert_allclose(found.mutual_information, information, atol=1e-12)
    np.testing.assert_allclose(found.entropy, entropy)
    np.testing.assert_allclose(found.per_factor, (best[0] - best[1]) / entropy)
    assert found.score == pytest.approx(np.mean((best[0] - best[1]) / entropy))


def test_mig_of_identity_noise_duplicated_and_dead_codes(random) -> None:
    factors = random.uniform(size=(4000, 4))
    assert mig(factors, factors).score > 0.9
    assert mig(random.normal(size=(4000, 6)), factors).score < 0.01
    assert mig(np.concatenate([factors, -2 * factors], axis=1), factors).score < 1e-9
    dead = mig(np.full((4000, 3), 0.1), factors)
    assert dead.score == 0 and (dead.per_factor == 0).all()
    assert mig(factors[:, :1], factors[:, :1]).score == pytest.approx(1)  # no second latent


def test_a_circle_in_one_latent_scores_and_in_two_does_not(random) -> None:
    angle = random.uniform(-np.pi, np.pi, size=(4000, 1))
    circle = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    one = np.concatenate([angle, random.normal(size=(4000, 1))], axis=1)
    turns = angle + 2 * np.pi * random.integers(-3, 4, size=angle.shape)
    assert mig(one, turns, kinds=["cyclic"]).score > 0.9
    assert mig(circle, turns, kinds=["cyclic"]).score < 0.02
    assert mig(one, turns).score < 0.5  # taken as a continuous value, the turns hide the angle


def test_a_part_of_a_measurement_is_the_measurement_of_the_part(random) -> None:
    factors = random.uniform(size=(300, 3))
    codes = factors @ random.normal(size=(3, 5))
    part = gap(measure(codes, factors).select([0, 3], [2, 1]))
    whole = mig(codes[:, [0, 3]], factors[:, [2, 1]])
    np.testing.assert_array_equal(part.mutual_information, whole.mutual_information)
    assert part.score == whole.score
