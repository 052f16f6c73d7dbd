"""Mutual information, its shares and its gap against closed forms and the published definition."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import gap, measure, mig


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
        for binning in ("width", "quantile"):
            found = measure(codes, factors, kinds=[kind], binning=binning)
            np.testing.assert_allclose(found.mutual_information, [[expected]], rtol=1e-12)
            np.testing.assert_allclose(found.code_entropy, [np.log(2)])
            np.testing.assert_allclose(found.entropy, [-(0.6 * np.log(0.6) + 0.4 * np.log(0.4))])


@pytest.mark.parametrize("samples", [2000, 20000])
def test_independent_codes_hold_no_more_than_the_plug_in_bias(random, samples) -> None:
    found = measure(random.uniform(size=(samples, 12)), random.uniform(size=(samples, 3)))
    expected = pytest.approx(19 * 19 / (2 * samples), rel=0.1)  # Miller 1955
    assert found.mutual_information.mean() == expected
    assert abs(found.shares.mean()) < 0.1 * found.chance.mean()


def test_a_latent_holds_no_more_than_the_entropy_and_a_copy_all_of_it(random) -> None:
    factors = random.integers(0, 6, size=(500, 2)).astype(float)
    codes = np.concatenate([factors, random.normal(size=(500, 3)), np.zeros((500, 1))], axis=1)
    information = measure(codes, factors, kinds=["categorical"] * 2)
    assert (information.mutual_information <= information.entropy + 1e-12).all()
    np.testing.assert_allclose(
        np.diag(information.mutual_information), information.entropy, rtol=1e-12
    )
    assert np.diag(information.shares) == pytest.approx([1, 1])
    assert (information.mutual_information[-1] == 0).all()
    assert information.active.tolist() == [True] * 5 + [False] and information.active_latents == 5


def test_reference_mig_is_that_of_disentanglement_lib(random) -> None:
    """20 bins by np.histogram, scikit-learn's plug-in information, discrete factors."""
    score = pytest.importorskip("sklearn.metrics").mutual_info_score
    factors = random.integers(0, [3, 5, 30], size=(800, 3)).astype(float)
    codes = factors @ random.normal(size=(3, 4)) + random.normal(size=(800, 4))
    codes[:, 0] = np.round(codes[:, 0])  # values on the edges of bins
    cells = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T]
    information = np.array([[score(v, z) for v in factors.T] for z in cells])
    entropy = np.array([score(v, v) for v in factors.T])
    best = np.sort(information, axis=0)[::-1]

    found = mig(codes, factors, kinds=["categorical"] * 3, reference=True)
    np.testing.assert_allclose(found.mutual_information, information, atol=1e-12)
    np.testing.assert_allclose(found.entropy, entropy)
    np.testing.assert_allclose(found.per_factor, (best[0] - best[1]) / entropy)
    assert found.score == pytest.approx(np.mean((best[0] - best[1]) / entropy))


def test_mig_of_identity_noise_duplicated_and_inactive_latents(random) -> None:
    factors = random.uniform(size=(4000, 4))
    for binning in ("width", "quantile"):
        assert mig(factors, factors, binning=binning).score > 0.99
        assert mig(random.normal(size=(4000, 6)), factors, binning=binning).score < 0.01
        twice = np.concatenate([factors, -2 * factors], axis=1)
        assert mig(twice, factors, binning=binning).score < 1e-9
    inactive = mig(np.full((4000, 3), 0.1), factors)
    assert inactive.score == 0 and (inactive.per_factor == 0).all() and inactive.active_latents == 0
    assert inactive.carriers == ((),) * 4
    assert mig(factors[:, :1], factors[:, :1]).score == pytest.approx(1)  # no second latent


def test_equal_width_bins_suffer_from_outliers_and_quantiles_from_skew(random) -> None:
    value = random.integers(0, 20, size=(5000, 1)) + 0.0
    codes = value + 0.3 * random.normal(size=value.shape)
    codes[0] = 200
    width, quantile = (
        mig(codes, value, kinds=["categorical"], binning=binning).score
        for binning in ("width", "quantile")
    )
    assert width < 0.45 < 0.75 < quantile
    skewed = np.where(random.uniform(size=(5000, 1)) < 0.9, 0, value)
    codes = skewed + 0.3 * random.normal(size=value.shape)
    width, quantile = (
        mig(codes, skewed, kinds=["categorical"], binning=binning).score
        for binning in ("width", "quantile")
    )
    assert quantile < width - 0.1


def test_inactive_latents_are_left_out_and_counted(random) -> None:
    factors = random.uniform(size=(1000, 2))
    codes = np.concatenate([factors, factors[:, :1], np.full((1000, 1), 3.0)], axis=1)
    assert mig(codes, factors).per_factor == pytest.approx([0, 1], abs=0.02)
    pruned = mig(codes, factors, active=np.array([True, True, False, True]))
    assert pruned.per_factor == pytest.approx([1, 1], abs=0.02)
    assert pruned.active_latents == 3 and pruned.carriers == ((0,), (1,))
    assert (pruned.shares[2] == 0).all() and pruned.mutual_information[2, 0] > 1


def test_a_few_samples_give_numbers_and_no_more_than_chance() -> None:
    """Every value by itself: chance alone gives all of the entropy, so the share is 0."""
    factors = np.arange(5.0)[:, None]
    found = mig(factors, factors, binning="quantile")
    assert found.score == 0 and found.shares == 0
    for samples in (2, 3, 7):
        few = mig(np.eye(samples), np.arange(samples)[:, None])
        assert np.isfinite(few.shares).all() and 0 <= few.score <= 1


def test_a_part_of_a_measurement_is_the_measurement_of_the_part(random) -> None:
    factors = np.concatenate(
        [random.uniform(size=(300, 2)), random.uniform(0, 6, size=(300, 2))], axis=1
    )
    kinds = ["continuous", "continuous", "cyclic", "cyclic"]
    codes = factors @ random.normal(size=(4, 5))
    for reference in (False, True):
        information = measure(codes, factors, kinds=kinds, reference=reference)
        part = gap(information.select([0, 3, 4], [3, 1]))
        whole = mig(
            codes[:, [0, 3, 4]],
            factors[:, [3, 1]],
            kinds=["cyclic", "continuous"],
            reference=reference,
        )
        np.testing.assert_array_equal(part.mutual_information, whole.mutual_information)
        np.testing.assert_array_equal(part.per_factor, whole.per_factor)
        assert part.carriers == whole.carriers
