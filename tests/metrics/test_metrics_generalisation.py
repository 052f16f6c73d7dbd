"""The generalisation score: what holds in other domains keeps its R2, the rest loses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bvae_rl.metrics import r2
from bvae_rl.metrics.generalisation import generalisation


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def domains(random, offsets: dict[str, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Latent 0 holds factor 0 in every domain; that of factor 1 is moved by an offset."""
    factors = {name: random.uniform(-1, 1, size=(800, 2)) for name in offsets}
    codes = {name: factors[name] + [0, offset] for name, offset in offsets.items()}
    return codes, factors


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_the_gap_is_that_of_what_moved(random, model) -> None:
    codes, factors = domains(random, {"ood": 0.5, "source": 0.0, "far": 3.0})
    found = generalisation(codes, factors, source="source", model=model, steps=200)
    assert list(found.scores) == ["source", "ood", "far"]
    assert found.scores["source"].mean > 0.97
    # R2 of an answer that is off by d: 1 - d^2 / variance, and the variance is 1/3
    close = 0.02 if model == "linear" else 0.25
    np.testing.assert_allclose(found.gap_per_factor["ood"], [0, 0.75], atol=close)
    assert found.gap["ood"] == pytest.approx(found.gap_per_factor["ood"].mean())
    assert found.gap["far"] > found.gap["ood"] and set(found.gap) == {"ood", "far"}
    base, moved = found.scores["source"], found.scores["ood"]
    assert found.gap["ood"] == pytest.approx(base.mean - moved.mean)


def test_the_source_is_scored_as_r2_scores_it(random) -> None:
    codes, factors = domains(random, {"source": 0.0, "ood": 0.1})
    noisy = codes | {"source": codes["source"] + random.normal(size=(800, 2))}
    found = generalisation(noisy, factors, source="source", model="linear", seed=3)
    alone = r2(noisy["source"], factors["source"], model="linear", seed=3)
    np.testing.assert_allclose(found.scores["source"].per_factor, alone.per_factor)


def test_labels_are_numbered_over_all_domains(random) -> None:
    label = {"source": random.integers(0, 3, (500, 1)), "ood": random.integers(1, 4, (500, 1))}
    codes = {name: np.eye(4)[one[:, 0]] for name, one in label.items()}
    found = generalisation(codes, label, source="source", kinds=["categorical"], model="linear")
    assert found.scores["source"].mean == 1
    right = np.mean(label["ood"] < 3)  # the class 3 was never seen
    assert found.scores["ood"].mean == pytest.approx((right - 1 / 3) / (1 - 1 / 3), abs=0.05)


def test_bad_domains_are_named(random) -> None:
    codes, factors = domains(random, {"source": 0.0, "ood": 0.1})
    with pytest.raises(
        ValueError, match="codes and factors of the same domains are needed, 'other'"
    ):
        generalisation(codes, factors, source="other")
    with pytest.raises(ValueError, match="a domain other than the source"):
        generalisation({"a": codes["ood"]}, {"a": factors["ood"]}, source="a")
    with pytest.raises(
        ValueError, match="codes of domain 'source' and codes of domain 'ood' must have the same"
    ):
        generalisation(codes | {"ood": codes["ood"][:, :1]}, factors, source="source")
    constant = factors | {"ood": factors["ood"] * [1, 0]}
    with pytest.raises(ValueError, match="factors of domain 'ood' column 1 is constant"):
        generalisation(codes, constant, source="source")
    with pytest.raises(ValueError, match="unknown model"):
        generalisation(codes, factors, source="source", model="forest")
