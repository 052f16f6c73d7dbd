"""What SAP, explicitness, IRS, MCC and DCI share: invariances and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bvae_rl.metrics import dci
from bvae_rl.metrics.boosting import cut
from bvae_rl.metrics.explicitness import explicitness
from bvae_rl.metrics.factor_correlation import factor_correlation
from bvae_rl.metrics.irs import irs
from bvae_rl.metrics.mcc import mcc
from bvae_rl.metrics.sap import sap
from bvae_rl.metrics.total_correlation import gaussian_total_correlation

pytest.importorskip("sklearn")
KINDS = ["continuous", "cyclic", "categorical"]
METRICS = {
    "sap": lambda *a, **k: sap(*a, **k).score,
    "explicitness": lambda *a, **k: explicitness(*a, **k).score,
    "irs": lambda *a, **k: irs(*a, **k).score,
    "mcc": lambda *a, **k: mcc(*a, **k).score,
    "spearman": lambda *a, **k: mcc(*a, method="spearman", **k).score,
    "dci": lambda *a, **k: dci(*a, **k).disentanglement,
}
LOWEST = {"explicitness": -1, "mcc": -1, "spearman": -1}
some = settings(max_examples=8, deadline=None, derandomize=True, database=None)


def world(seed: int, samples: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, 5) that mix a value, an angle and a label, and these."""
    random = np.random.default_rng(seed)
    value, angle = random.normal(size=samples), random.uniform(0, 2 * np.pi, samples)
    label = random.integers(0, 3, samples)
    known = np.stack([value, np.cos(angle), np.sin(angle), label], axis=1)
    codes = known @ random.normal(size=(4, 5)) + random.uniform(0, 2) * random.normal(
        size=(samples, 5)
    )
    return codes, np.stack([value, angle, label], axis=1)


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 10**6), power=st.integers(-60, 60))
@example(seed=50, power=38)  # spreads below 1e-7, which sklearn's trees take for none
@some
def test_order_sign_and_scale_of_the_codes_do_not_matter(metric, seed, power) -> None:
    codes, factors = world(seed)
    random = np.random.default_rng(seed)
    scale = random.choice([-1, 1], 5) * 2.0 ** random.integers(-abs(power), abs(power) + 1, 5)
    moved = (codes * scale)[:, random.permutation(5)]
    first, again = (METRICS[metric](z, factors, kinds=KINDS) for z in (codes, moved))
    close = {"dci": 0.02}.get(metric, 2e-3)  # a tree breaks ties from the left
    assert again == pytest.approx(first, abs=close)


@pytest.mark.parametrize("samples", [300, 301])
def test_mirrored_codes_get_mirrored_bins(samples) -> None:
    random = np.random.default_rng(0)
    values = np.concatenate(
        [random.normal(size=(samples, 3)), random.integers(0, 5, (samples, 1))], axis=1
    )
    rows = np.arange(samples)
    cells, mirrored = cut(values, rows), cut(-values, rows)
    np.testing.assert_array_equal(mirrored, cells.max(axis=0) - cells)
    assert cells.max(axis=0)[3] == 4 and cells.max() < 64
    assert np.bincount(cells[:, 0]).max() <= 10  # an odd number has no middle edge


@pytest.mark.parametrize(
    ("metric", "reference"),  # dci's are the same two functions of the importances, and slow
    [
        (name, reference)
        for name in METRICS
        for reference in (False, True)
        if name != "dci" or not reference
    ],
)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=4, deadline=None, derandomize=True, database=None)
def test_scores_are_bounded(metric, reference, seed) -> None:
    codes, factors = world(seed, samples=60)
    found = METRICS[metric](codes, factors, kinds=KINDS, reference=reference)
    lowest = 0 if (metric, reference) == ("spearman", True) else LOWEST.get(metric, 0)
    assert lowest <= found <= 1


@given(seed=st.integers(0, 10**6))
@some
def test_total_correlation_is_that_of_any_order_and_scale(seed) -> None:
    codes, _ = world(seed)
    first = gaussian_total_correlation(codes).nats
    moved = codes[:, ::-1] * [-1, 1e-9, 1e9, 2, -3] + [5, 0, 0, -1, 0]
    assert gaussian_total_correlation(moved).nats == pytest.approx(first, abs=1e-6)


@given(seed=st.integers(0, 10**6))
@some
def test_factor_correlations_are_bounded_and_independent_ones_small(seed) -> None:
    _, factors = world(seed, samples=2000)
    matrix = factor_correlation(factors, kinds=KINDS)
    assert np.abs(matrix).max() <= 1 and np.abs(matrix - np.eye(3)).max() < 0.12
