"""MIG's relatives and modularity: closed-form cases, and the published definitions recomputed."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import measure, mig
from bvae_rl.metrics.mig_family import dcimig, jemmig, mig_sup, modularity
from bvae_rl.metrics.rmig import rmig

GRID = np.stack(np.meshgrid(*[np.arange(5.0)] * 4), axis=-1).reshape(-1, 4)  # independent, even
KINDS = ["categorical"] * 4


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def of(codes: np.ndarray, factors: np.ndarray = GRID, *, reference: bool = True):
    return measure(codes, factors, kinds=KINDS[: factors.shape[1]], reference=reference)


def two_in_one() -> np.ndarray:
    """A latent that holds the first two factors (25 values), and the other two latents."""
    return np.stack([5 * GRID[:, 0] + GRID[:, 1], GRID[:, 2], GRID[:, 3]], axis=1)


def test_identity_codes_score_one() -> None:
    for reference in (False, True):
        found = of(GRID, reference=reference)
        assert mig_sup(found).score == pytest.approx(1)
        assert dcimig(found).score == pytest.approx(1)
        assert modularity(found).score == pytest.approx(1)
    assert jemmig(of(GRID, reference=False)).score == pytest.approx(1)
    assert jemmig(of(GRID)).score == pytest.approx(1)


def test_duplicated_latents_stay_modular_and_lose_only_what_is_per_factor() -> None:
    twice = np.concatenate([GRID, GRID], axis=1)
    for reference in (False, True):
        found = of(twice, reference=reference)
        assert mig_sup(found).score == dcimig(found).score == pytest.approx(1)
        assert modularity(found).score == pytest.approx(1)
    assert jemmig(of(twice, reference=False)).score == pytest.approx(0.5)
    assert jemmig(of(twice)).score == pytest.approx(1 - np.log(5) / np.log(5 * 20))


def test_a_latent_that_serves_two_factors_alike() -> None:
    codes = two_in_one()
    found = measure(codes, GRID, kinds=KINDS, bins=25, reference=True)
    np.testing.assert_allclose(found.mutual_information[0], [np.log(5), np.log(5), 0, 0], atol=1e-9)
    assert mig_sup(found).per_latent == pytest.approx([0, 1, 1])
    assert dcimig(found).score == pytest.approx(0.5)
    assert modularity(found).per_latent == pytest.approx([1 - 1 / 3, 1, 1])
    ten = np.stack([np.arange(1024) >> j & 1 for j in range(10)], axis=1)  # independent bits
    both = np.concatenate([2 * ten[:, :1] + ten[:, 1:2], ten[:, 2:]], axis=1)
    assert modularity(measure(both, ten, reference=True)).per_latent[0] == pytest.approx(1 - 1 / 9)


def test_inactive_latents_count_in_the_published_numbers_only() -> None:
    codes = np.concatenate([GRID[:, :2], np.zeros((625, 1))], axis=1)
    assert modularity(of(codes)).score == pytest.approx(2 / 3)
    assert mig_sup(of(codes)).score == pytest.approx(2 / 3)
    found = of(codes, reference=False)
    assert modularity(found).score == pytest.approx(1, abs=1e-3)
    assert modularity(found).latents == mig_sup(found).latents == 2
    inactive = of(np.zeros((625, 2)), reference=False)
    for metric in (mig_sup, dcimig, jemmig, modularity):
        assert metric(inactive).score == 0


def test_one_factor_leaves_nothing_to_confuse_it_with() -> None:
    found = of(GRID[:, :2], GRID[:, :1], reference=False)
    assert modularity(found).score == pytest.approx(1)
    assert dcimig(found).score == pytest.approx(1)
    assert mig_sup(found).per_latent == pytest.approx([1, 0])


@pytest.mark.parametrize("samples", [500, 3000])
def test_noise_scores_zero_by_default_and_not_as_published(random, samples) -> None:
    factors = random.uniform(size=(samples, 4))
    noise = random.normal(size=(samples, 6))
    found = measure(noise, factors)
    assert mig_sup(found).score == dcimig(found).score == modularity(found).score == 0
    assert jemmig(found).score < 10 / samples
    published = measure(noise, factors, reference=True)
    assert modularity(published).score > 0.05 and jemmig(published).score > 0.05


def test_published_definitions_recomputed(random) -> None:
    score = pytest.importorskip("sklearn.metrics").mutual_info_score
    factors = random.integers(0, [3, 5, 9], size=(700, 3)).astype(float)
    codes = factors @ random.normal(size=(3, 4)) + random.normal(size=(700, 4))
    cells = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T]
    nats = np.array([[score(z, v) for v in factors.T] for z in cells])  # (D, K)
    entropy = np.array([score(v, v) for v in factors.T])
    information = measure(codes, factors, kinds=KINDS[:3], reference=True)

    share = np.sort(nats / entropy, axis=1)
    assert mig_sup(information).score == pytest.approx(np.mean(share[:, -1] - share[:, -2]))

    gains = np.zeros_like(nats)
    for j, row in enumerate(nats):
        first, second = np.argsort(row)[::-1][:2]
        gains[j, first] = row[first] - row[second]
    assert dcimig(information).score == pytest.approx(gains.max(axis=0).sum() / entropy.sum())

    parts = []
    for k, v in enumerate(factors.T):
        best, rival = np.argsort(nats[:, k])[::-1][:2]
        joint = score(*[100 * cells[best] + v] * 2)  # its own information is its entropy
        excess = joint - nats[best, k] + nats[rival, k]
        parts.append(1 - excess / (entropy[k] + np.log(20)))
    np.testing.assert_allclose(jemmig(information).per_factor, parts)

    rows = []
    for row in nats:
        others = np.delete(row, row.argmax())
        rows.append(1 - np.square(others / row.max()).sum() / 2)
    assert modularity(information).score == pytest.approx(np.mean(rows))


def test_rmig_is_mig_of_posterior_samples(random) -> None:
    factors = random.uniform(-2, 2, size=(4000, 2))
    sharp = np.zeros_like(factors)
    found = rmig(factors, factors, deviations=sharp)
    np.testing.assert_array_equal(found.per_factor, mig(factors, factors).per_factor)
    wide, wider = (rmig(factors, factors, deviations=sharp + s, seed=1) for s in (0.2, 1.0))
    assert 1 > wide.score > wider.score > 0.1
    assert wide.score == rmig(factors, factors, deviations=sharp + 0.2, seed=1).score


def test_published_rmig_uses_the_posteriors_mass() -> None:
    """Two classes at -1 and 1 with unit deviations, one bin edge at 0: a noisy binary channel."""
    erf = pytest.importorskip("scipy.special")
    factors = (np.arange(1000) % 2)[:, None].astype(float)
    codes = np.concatenate([2 * factors - 1, np.zeros_like(factors)], axis=1)
    flip = erf.ndtr(-1.0)
    channel = np.log(2) + flip * np.log(flip) + (1 - flip) * np.log(1 - flip)
    found = rmig(codes, factors, deviations=np.ones_like(codes), bins=2, reference=True)
    assert found.mutual_information[0, 0] == pytest.approx(channel)
    assert found.score == pytest.approx(channel / np.log(2))
    exact = rmig(codes, factors, deviations=0 * codes, bins=2, reference=True)
    assert exact.score == pytest.approx(1)
