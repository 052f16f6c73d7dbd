"""FactorVAE and BetaVAE scores of groups of codes."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics.inputs import split
from bvae_rl.metrics.interventional import beta_vae_score, factor_vae_score

LogisticRegression = pytest.importorskip("sklearn.linear_model").LogisticRegression
SCORES = [lambda *a, **k: factor_vae_score(*a, **k).score, beta_vae_score]


def groups(
    size: int = 600, *, factors: int = 4, frames: int = 16
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """True factors (G, L, K) with one held in each group, and which."""
    random = np.random.default_rng(0)
    fixed = random.integers(factors, size=size)
    values = random.uniform(size=(size, frames, factors))
    rows = np.arange(size)
    values[rows, :, fixed] = values[rows, :1, fixed]
    return values, fixed, random


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("reference", [False, True])
def test_identity_codes_score_1_and_noise_by_chance(score, reference) -> None:
    values, fixed, random = groups()
    inactive = np.full((*values.shape[:2], 2), 0.1)
    codes = np.concatenate([inactive, values[:, :, ::-1] * [-1, 2, 3, 1]], axis=2)
    assert score(codes, fixed, reference=reference) == 1
    noise = random.normal(size=values.shape)
    assert abs(score(noise, fixed, reference=reference) - 0.25 * reference) < 0.1


@pytest.mark.parametrize("score", SCORES)
def test_codes_are_standardised_by_default(score) -> None:
    values, fixed, _ = groups()
    codes = values @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    found = score(codes, fixed)
    assert 0.2 < found < 1
    assert score(codes * [-1, 1e-9, 1e9, 2], fixed) == pytest.approx(found, abs=1e-3)


def test_pairs_of_beta_vae_are_frames_that_follow_each_other() -> None:
    random = np.random.default_rng(0)
    fixed, values = random.integers(4, size=600), random.uniform(size=(600, 16, 4))
    rows = np.arange(600)
    values[rows, 1::2, fixed] = values[rows, ::2, fixed]  # of each pair another value, as published
    assert beta_vae_score(values, fixed) == beta_vae_score(values, fixed, reference=True) == 1


def test_the_reference_of_beta_vae_is_the_published_one() -> None:
    values, fixed, random = groups(300)
    codes = values @ random.normal(size=(4, 3)) + 0.5 * random.normal(size=(300, 16, 3))
    train, test = split(300, test_fraction=None, seed=0, reference=True)
    points = np.abs(codes[:, ::2] - codes[:, 1::2]).mean(axis=1)
    model = LogisticRegression(max_iter=5000).fit(points[train], fixed[train])
    expected = float((model.predict(points[test]) == fixed[test]).mean())
    assert 0.3 < expected < 1
    assert beta_vae_score(codes, fixed, reference=True) == pytest.approx(expected, abs=0.01)


def test_latents_that_share_a_factor_still_vote_for_it() -> None:
    values, fixed, _ = groups()
    found = factor_vae_score(np.concatenate([values, values[:, :, :2]], axis=2), fixed)
    assert found.score == 1
    np.testing.assert_array_equal(found.votes[:4], np.diag(np.diag(found.votes[:4])))
    assert found.votes.shape == (6, 4) and found.votes.sum() == 450


def test_one_latent_for_two_factors_confuses_them() -> None:
    values, fixed, _ = groups(2000)
    two = fixed % 2
    one = values[:, :, :1] + 0 * values[:, :, :2]
    assert abs(factor_vae_score(one, two).score) < 0.1
    assert abs(factor_vae_score(one, two, reference=True).score - 0.5) < 0.05


def test_the_reference_of_factor_vae_is_the_published_one() -> None:
    values, fixed, random = groups(300)
    codes = values @ random.normal(size=(4, 3)) + 0.5 * random.normal(size=(300, 16, 3))
    codes = np.concatenate([0.01 * values[:, :, :1], codes], axis=2)  # a latent below the threshold
    spread = codes.reshape(-1, 4).var(axis=0, ddof=1)
    train, test = split(300, test_fraction=None, seed=0, reference=True)
    votes = np.zeros((4, 4), dtype=int)
    votes_test = np.zeros_like(votes)
    for rows, table in ((train, votes), (test, votes_test)):
        for row in rows:
            code = 1 + np.argmin(codes[row].var(axis=0, ddof=1)[1:] / spread[1:])
            table[code, fixed[row]] += 1
    right = votes_test[np.arange(4), votes.argmax(axis=1)].sum()
    found = factor_vae_score(codes, fixed, reference=True)
    np.testing.assert_array_equal(found.votes, votes)
    assert found.score == pytest.approx(right / 100)
    np.testing.assert_array_equal(found.active, [False, True, True, True])


def test_variances_and_active_latents_can_be_given() -> None:
    values, fixed, _ = groups()
    free = np.full(4, 1 / 12)  # of uniform factors
    assert factor_vae_score(values, fixed, variances=free).score == 1
    some = factor_vae_score(values, fixed, active=np.array([True, True, False, False]))
    assert some.score < 0.8 and not some.votes[2:].any()
    none = factor_vae_score(0 * values, fixed)
    assert none.score == 0 and not none.active.any()
    for bad in ({"variances": free[:2]}, {"variances": -free}, {"active": np.ones(4)}):
        with pytest.raises(ValueError, match="must be"):
            factor_vae_score(values, fixed, **bad)


@pytest.mark.parametrize("score", SCORES)
def test_bad_groups_are_refused(score) -> None:
    values, fixed, _ = groups(40)
    nan = values.copy()
    nan[0, 0, 0] = np.nan
    for codes, which, message in (
        (values[0], fixed, "groups x frames x latents"),
        (nan, fixed, "must be finite"),
        (values.astype(object), fixed, "real numbers"),
        (values[:, :1], fixed, "at least 2 frames"),
        (values, fixed[:-1], "one factor for each of the 40 groups"),
        (values, fixed.astype(float), "one factor for each"),
        (values, 0 * fixed, "at least two factors"),
        (values[:9], fixed[:9], "9 samples"),
    ):
        with pytest.raises(ValueError, match=message):
            score(codes, which)
    with pytest.raises(ValueError, match="even number of frames"):
        beta_vae_score(values[:, :3], fixed)
