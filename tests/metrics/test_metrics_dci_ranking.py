"""The default of DCI against 100 boosted trees of scikit-learn: the same order, in less time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.dci_cases import compare, twenty_models

stats = pytest.importorskip("scipy.stats")


def test_twenty_models_are_ranked_alike() -> None:
    factors, models = twenty_models(400, factors=3, latents=5)
    found = compare(factors, models)
    assert len(models) == 20
    for score in range(3):
        assert stats.spearmanr(found.default[:, score], found.boosted[:, score]).statistic >= 0.95
        assert np.ptp(found.boosted[:, score]) > 0.3  # or a ranking would mean little


def test_the_default_is_many_times_faster() -> None:
    factors, models = twenty_models(10_000)
    found = compare(factors[:, :1], models[4:5])
    assert found.boosted_seconds > 20 * found.default_seconds


@pytest.mark.full
def test_twenty_models_of_ten_thousand_samples() -> None:
    found = compare(*twenty_models(10_000))
    assert found.boosted_seconds > 20 * found.default_seconds
    for score in range(3):
        assert stats.spearmanr(found.default[:, score], found.boosted[:, score]).statistic >= 0.95
    assert np.abs(found.default - found.boosted).max() < 0.05
