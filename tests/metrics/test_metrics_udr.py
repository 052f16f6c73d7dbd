"""UDR: models that agree up to order, sign and scale score high, unrelated ones low."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics.udr import udr

linear = pytest.importorskip("sklearn.linear_model")
stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_models_that_agree_and_one_that_does_not(random) -> None:
    codes = random.normal(size=(1000, 4))
    turned = codes @ np.linalg.qr(random.normal(size=(4, 4)))[0]
    models = [codes, codes[:, ::-1] * [-1, 2, 1e6, 1e-6], codes + 3, turned]
    found = udr(models)
    # Lasso shrinks the one weight 1 by alpha, and .9 ** 2 / .9 = .9
    np.testing.assert_allclose(found.scores[:3], 0.9, atol=0.01)
    assert found.scores[3] < 0.6
    np.testing.assert_array_equal(np.diag(found.pairs), 0)
    np.testing.assert_allclose(found.scores[0], np.median(found.pairs[1:, 0]))
    assert udr(models, method="spearman").scores.argmin() == 3


def test_spearman_sees_monotone_agreement_and_noise_has_none(random) -> None:
    codes = random.normal(size=(1000, 1))
    assert udr([codes, np.exp(-codes)], method="spearman").scores == pytest.approx([1, 1])
    unrelated = [random.normal(size=(1000, 5)) for _ in range(3)]
    assert (udr(unrelated).scores == 0).all()
    assert (udr(unrelated, method="spearman").scores < 0.06).all()


def test_the_formula_on_a_small_case(random) -> None:
    first = random.normal(size=(200, 3))
    second = first @ random.normal(size=(3, 2)) + random.normal(size=(200, 2))
    relation = np.abs(stats.spearmanr(first, second).statistic[:3, 3:])
    by_column = [max(column) ** 2 / sum(column) for column in relation.T]
    by_row = [max(row) ** 2 / sum(row) for row in relation]
    expected = (np.mean(by_column) + np.mean(by_row)) / 2
    found = udr([first, second], method="spearman")
    np.testing.assert_allclose(found.pairs, [[0, expected], [expected, 0]])


def test_the_weights_are_those_of_lasso(random) -> None:
    first = random.normal(size=(200, 3))
    second = first @ random.normal(size=(3, 3)) + random.normal(size=(200, 3))
    scaled = [(x - x.mean(axis=0)) / x.std(axis=0) for x in (first, second)]
    weights = np.abs(linear.Lasso(alpha=0.1).fit(*scaled).coef_.T)
    parts = [
        np.mean(matrix.max(axis=0) ** 2 / matrix.sum(axis=0)) for matrix in (weights, weights.T)
    ]
    assert udr([first, second]).pairs[0, 1] == pytest.approx(np.mean(parts))


def test_inactive_latents_are_left_out(random) -> None:
    codes = random.normal(size=(500, 3))
    padded = np.concatenate([codes, np.full((500, 2), 0.1)], axis=1)
    noisy = np.concatenate([codes, 1e-4 * random.normal(size=(500, 2))], axis=1)
    found = udr([padded, noisy, codes], kl=[np.ones(5), [1, 2, 3, 0.01, 0], np.ones(3)])
    assert found.active == ((0, 1, 2),) * 3
    np.testing.assert_allclose(found.scores, 0.9, atol=0.01)
    assert udr([padded, noisy]).active == ((0, 1, 2), (0, 1, 2, 3, 4))
    inactive = udr([np.zeros((500, 2)), codes, codes])
    assert inactive.scores[0] == 0 and inactive.active[0] == ()


def test_bad_models_are_refused(random) -> None:
    codes = random.normal(size=(50, 2))
    for models, settings, message in (
        ([codes], {}, "at least two are needed, got 1"),
        ([codes, codes[:-1]], {}, "the same frames"),
        ([codes[:5], codes[:5]], {}, "ten or more"),
        ([codes, np.full((50, 2), np.nan)], {}, r"codes\[1\] must be finite"),
        ([codes, codes], {"kl": [[1, 1]]}, "kl must be given for each of the 2 models, got 1"),
        ([codes, codes], {"kl": [[1, 1], [1]]}, "of the 2 latents of model 1"),
        ([codes, codes], {"method": "kendall"}, "unknown method"),
        ([codes, codes], {"most": 1}, "most must be at least 10"),
    ):
        with pytest.raises(ValueError, match=message):
            udr(models, **settings)
