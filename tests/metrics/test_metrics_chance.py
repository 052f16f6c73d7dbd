"""Information by chance: against scikit-learn, against permutations, and what is left of it."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import measure, mig
from bvae_rl.metrics.chance import (
    chance_margin,
    entropy,
    expected_information,
    share,
    sum_in_order,
)


def drawn(samples: int, cells: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.choice(cells, p=random.dirichlet(np.ones(cells)), size=samples)


@pytest.mark.parametrize(
    "samples, rows, columns",
    [(2, 2, 2), (50, 5, 7), (500, 20, 20), (300, 2, 2), (5000, 2, 20), (40000, 3, 2)],
)
def test_chance_is_that_of_the_hypergeometric_model(samples, rows, columns) -> None:
    exact = pytest.importorskip("sklearn.metrics.cluster").expected_mutual_information
    a, b = drawn(samples, rows, 1), drawn(samples, columns, 2)
    table = np.zeros((rows, columns), dtype=np.int64)
    np.add.at(table, (a, b), 1)
    found = expected_information(table.sum(axis=1)[None], table.sum(axis=0)[None])
    occupied = table[table.any(axis=1)][:, table.any(axis=0)]
    assert found.item() == pytest.approx(exact(occupied, samples), abs=1e-10)


def test_many_pairs_at_once_are_each_pair_alone() -> None:
    rows = np.stack([np.bincount(drawn(400, 12, s), minlength=15) for s in range(4)])
    columns = np.stack([np.bincount(drawn(400, 6, s), minlength=6) for s in range(9, 12)])
    found = expected_information(rows, columns)
    for p, row in enumerate(rows):
        for q, column in enumerate(columns):
            assert found[p, q] == expected_information(row[None], column[None]).item()


def test_chance_is_the_mean_over_permutations() -> None:
    random = np.random.default_rng(0)
    factors = random.normal(size=(300, 1))
    codes = np.stack([random.permutation(factors[:, 0]) for _ in range(400)], axis=1)
    found = measure(codes, factors)
    error = found.mutual_information.std() / 20
    assert abs(found.mutual_information.mean() - found.chance[0, 0]) < 3 * error
    assert found.shares.mean() == pytest.approx(0, abs=0.003)
    assert np.ptp(found.chance) < 1e-12
    assert not found.evident.any()


def test_the_margin_is_passed_by_chance_in_one_of_3000_at_most() -> None:
    """By a chi-squared of one degree of freedom too, where a normal bound would fail."""
    random = np.random.default_rng(1)
    for values in (2, 20):
        factors = random.integers(0, values, size=(1000, 8)).astype(float)
        codes = random.integers(0, values, size=(1000, 500)).astype(float)
        evident = measure(codes, factors, kinds=["categorical"] * 8).evident
        assert evident.sum() <= 4  # of 4000
    counts = np.array([[500, 500]])
    assert chance_margin(counts, counts).item() == pytest.approx((8**0.5 + 8) / 1000)


def test_share_is_zero_by_chance_one_at_the_entropy_and_defined_without_room() -> None:
    nats = np.array([0.1, 0.6, 0.05, 0.6])
    chance, most = np.array([0.1, 0.1, 0.1, 0.6]), 0.6
    np.testing.assert_allclose(share(nats, chance, most), [0, 1, -0.1, 0], atol=1e-15)


def test_sums_do_not_depend_on_the_order_or_on_zeros() -> None:
    random = np.random.default_rng(2)
    values = random.uniform(size=300) * 10.0 ** random.integers(-8, 8, size=300)
    sums = {sum_in_order(random.permutation(values)).item() for _ in range(20)}
    sums.add(sum_in_order(np.concatenate([values, np.zeros(77)])).item())
    assert len(sums) == 1 and sums.pop() == pytest.approx(values.sum())
    np.testing.assert_allclose(entropy(np.array([[1, 1, 2], [4, 0, 0]])), [1.5 * np.log(2), 0])


@pytest.mark.parametrize("samples", [500, 1000, 5000])
def test_identity_scores_one_and_noise_zero_at_every_sample_size(samples) -> None:
    """Plug-in information of three uniform factors at 500 samples gives .85 instead of .99."""
    random = np.random.default_rng(3)
    draws = [random.uniform(size=(samples, 3)) for _ in range(10)]
    noise = [random.normal(size=(samples, 6)) for _ in range(10)]
    for binning in ("width", "quantile"):
        identity = [mig(v, v, binning=binning).score for v in draws]
        assert np.mean(identity) > 1 - 6 / samples
        reference = [mig(z, v, binning=binning).score for z, v in zip(noise, draws, strict=True)]
        assert np.mean(reference) < 4 / samples
    published = np.mean([mig(v, v, reference=True).score for v in draws])
    assert published == pytest.approx({500: 0.853, 1000: 0.927, 5000: 0.987}[samples], abs=0.01)
