"""InfoMEC: closed-form cases, the published definitions recomputed, and what noise scores."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import measure
from bvae_rl.metrics.infoe import infoe
from bvae_rl.metrics.infomec import infoc, infom, infomec

pytest.importorskip("sklearn")
GRID = np.stack(np.meshgrid(*[np.arange(4.0)] * 3, np.zeros(50)), axis=-1).reshape(-1, 4)[:, :3]
KINDS = ["categorical"] * 3


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def identity(random: np.random.Generator, samples: int) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi, samples)
    return np.stack([random.normal(size=samples), random.integers(0, 5, samples), angle], axis=1)


def test_one_latent_for_each_factor_scores_one_and_several_less() -> None:
    for reference in (False, True):
        found = measure(GRID, GRID, kinds=KINDS, reference=reference)
        assert infom(found) == pytest.approx(1) and infoc(found) == pytest.approx(1)
        twice = measure(np.tile(GRID, 2), GRID, kinds=KINDS, reference=reference)
        assert infom(twice) == pytest.approx(1)
        assert infoc(twice) == pytest.approx((1 / 2 - 1 / 6) / (1 - 1 / 6), abs=0.002)
        both = np.stack([4 * GRID[:, 0] + GRID[:, 1], GRID[:, 2]], axis=1)
        mixed = measure(both, GRID, kinds=KINDS, reference=reference)
        assert infom(mixed) == pytest.approx(np.mean([(1 / 2 - 1 / 3) / (1 - 1 / 3), 1]), abs=0.002)
        assert infoc(mixed) == pytest.approx(1)


def test_one_factor_or_one_latent_leaves_nothing_to_share_with() -> None:
    found = measure(GRID[:, :1], GRID[:, :1], kinds=["categorical"])
    assert infom(found) == infoc(found) == 1
    inactive = measure(GRID * 0, GRID, kinds=KINDS)
    assert infom(inactive) == infoc(inactive) == 0


@pytest.mark.parametrize("samples", [500, 4000])
def test_identity_scores_one_and_noise_zero(random, samples) -> None:
    factors = identity(random, samples)
    kinds = ["continuous", "categorical", "cyclic"]
    angle = factors[:, 2]
    codes = np.stack(
        [factors[:, 0], factors[:, 1], np.cos(angle), np.sin(angle), 0 * angle], axis=1
    )
    found = infomec(codes, factors, kinds=kinds)
    assert [found.infom, found.infoe, found.infoc] == pytest.approx([1, 1, 1], abs=15 / samples)
    assert found.active.tolist() == [True] * 4 + [False] and found.shares.shape == (5, 3)
    noise = infomec(random.normal(size=(samples, 5)), factors, kinds=kinds)
    assert [noise.infom, noise.infoe, noise.infoc] == pytest.approx([0, 0, 0], abs=15 / samples)


def test_infoe_is_the_share_of_the_loss_that_a_linear_model_removes(random) -> None:
    """R2 of a noisy line; a noisy binary channel read by a logistic regression."""
    value = random.normal(size=(20000, 1))
    codes = value + 0.5 * random.normal(size=value.shape)
    assert infoe(codes, value).score == pytest.approx(1 / (1 + 0.25), abs=0.01)
    bit = random.integers(0, 2, size=(20000, 1))
    flipped = np.where(random.uniform(size=bit.shape) < 0.1, 1 - bit, bit)
    capacity = 1 + (0.1 * np.log(0.1) + 0.9 * np.log(0.9)) / np.log(2)
    for reference in (False, True):
        found = infoe(flipped, bit, kinds=["categorical"], reference=reference)
        assert found.per_factor == pytest.approx([capacity], abs=0.02)


def test_published_infoe_flatters_a_small_sample_and_the_default_does_not(random) -> None:
    codes, factors = random.normal(size=(60, 10)), random.integers(0, 3, size=(60, 1))
    published = infoe(codes, factors, kinds=["categorical"], reference=True)
    assert published.score > 0.05
    assert infoe(codes, factors, kinds=["categorical"]).score == 0


def test_published_numbers_recomputed(random) -> None:
    """The published code, on the installed versions of what it calls."""
    selection = pytest.importorskip("sklearn.feature_selection")
    metrics = pytest.importorskip("sklearn.metrics")
    linear = pytest.importorskip("sklearn.linear_model")
    factors = random.integers(0, 4, size=(600, 3)).astype(float)
    codes = factors @ random.normal(size=(3, 4)) + random.normal(size=(600, 4))
    codes[:, 3] *= 0.01  # pruned: less than a twentieth of the largest range
    scaled = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    nmi, removed = np.empty((3, 4)), []
    for k, v in enumerate(factors.T.astype(int)):
        for j in range(4):
            nats = selection.mutual_info_classif(
                scaled[:, [j]], v, discrete_features=False, n_neighbors=10, random_state=1
            )
            nmi[k, j] = nats[0] / metrics.mutual_info_score(v, v)
        model = linear.LogisticRegression(C=np.inf, class_weight="balanced").fit(scaled, v)
        removed.append(1 - metrics.log_loss(v, model.predict_proba(scaled)) / np.log(4))
    kept = nmi[:, :3]
    m = (np.mean(kept.max(axis=0) / kept.sum(axis=0)) - 1 / 3) / (1 - 1 / 3)
    c = (np.mean(kept.max(axis=1) / kept.sum(axis=1)) - 1 / 3) / (1 - 1 / 3)

    found = infomec(codes, factors, kinds=KINDS, reference=True)
    assert found.active.tolist() == [True, True, True, False]
    np.testing.assert_allclose(found.shares[:3].T, kept, atol=0.002)  # noise of 1e-10 breaks ties
    assert [found.infom, found.infoc] == pytest.approx([m, c], abs=0.003)
    np.testing.assert_allclose(found.infoe_per_factor, removed, atol=1e-4)
    inactive = infomec(codes * 0, factors, kinds=KINDS, reference=True)
    assert inactive.infom == inactive.infoc == 0 and inactive.infoe == pytest.approx(0, abs=1e-6)
