"""Cyclic factors: who carries an angle, and what is not rewarded."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.metrics import measure, mig
from bvae_rl.metrics.carriers import carriers, held
from bvae_rl.metrics.infomec import infoc, infom
from bvae_rl.metrics.mig import MIG
from bvae_rl.metrics.mig_family import dcimig, jemmig, mig_sup, modularity

ANGLE = np.random.default_rng(0).uniform(-np.pi, np.pi, size=(3000, 1))
NOISE = np.random.default_rng(1).normal(size=(3000, 4))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def circle(angle: np.ndarray, phase: float = 0.0) -> np.ndarray:
    return np.concatenate([np.cos(angle + phase), np.sin(angle + phase)], axis=1)


def scored(*columns: np.ndarray, binning="width", angle=ANGLE) -> MIG:
    return mig(np.concatenate(columns, axis=1), angle, kinds=["cyclic"], binning=binning)


@pytest.mark.parametrize("binning", ["width", "quantile"])
@pytest.mark.parametrize("phase", [0.0, 0.1, 1.0, -2.5])
def test_a_separated_circle_scores_one_whatever_its_phase(binning, phase) -> None:
    turned = circle(ANGLE, phase)
    for codes in (turned, turned[:, ::-1], turned * [-3, 0.2] + [5, 1]):
        found = scored(NOISE[:, :1], codes, NOISE[:, 1:], binning=binning)
        assert found.score > 0.97 and found.carriers == ((1, 2),)
    assert mig(turned, ANGLE, kinds=["cyclic"], reference=True).score < 0.02


@pytest.mark.parametrize("binning", ["width", "quantile"])
def test_the_angle_itself_scores_one_wherever_it_is_cut(random, binning) -> None:
    for cut in (0.0, 1.0, 2.0):
        found = scored(np.mod(ANGLE + cut, 2 * np.pi), NOISE, binning=binning)
        assert found.score > 0.96 and found.carriers == ((0,),)
    turns = ANGLE + 2 * np.pi * random.integers(-3, 4, size=ANGLE.shape)
    assert scored(ANGLE, NOISE, binning=binning, angle=turns).score > 0.96


def test_noise_and_repeated_circles_score_zero() -> None:
    both = circle(ANGLE, 1.0)
    assert scored(NOISE).score < 0.01
    assert scored(both, both).score < 1e-9
    assert scored(both, -both[:, ::-1]).score < 1e-9
    assert scored(both, circle(ANGLE, 2.0), NOISE).score < 0.05
    assert scored(both, ANGLE).score < 0.05
    assert scored(ANGLE, -2 * ANGLE).score < 1e-9


def test_a_latent_outside_a_circle_costs_its_information() -> None:
    both = circle(ANGLE)
    found = scored(both, both[:, :1])
    assert found.score == pytest.approx(1 - found.shares[0, 0], abs=0.01)
    assert 0.6 < found.shares[0, 0] < 0.9


def test_four_directions_are_carried_by_a_circle_or_a_number(random) -> None:
    direction = random.integers(0, 4, size=(3000, 1)) * np.pi / 2
    square = np.round(circle(direction), 9)  # or rounding separates 0 from 0, by rank
    for binning in ("width", "quantile"):
        assert scored(square, angle=direction, binning=binning).score > 0.99
        assert scored(direction, NOISE, angle=direction, binning=binning).score > 0.99
    noisy = square + 0.05 * NOISE[:, :2]
    assert scored(noisy, NOISE[:, 2:], angle=direction).score > 0.99
    turned = circle(direction, 0.4)  # four values of each latent: either alone holds all
    assert scored(turned, angle=direction).score == 0


def test_metrics_of_latents_count_a_circle_as_one_place(random) -> None:
    value = random.uniform(size=ANGLE.shape)
    factors = np.concatenate([value, ANGLE], axis=1)
    codes = np.concatenate([circle(ANGLE, 0.3), value, NOISE[:, :1]], axis=1)
    information = measure(codes, factors, kinds=["continuous", "cyclic"])
    shares = held(information)
    assert shares[:2, 1] == pytest.approx([1, 1], abs=0.02) and shares[2, 0] == pytest.approx(1)
    assert (shares[3] == 0).all()  # noise holds nothing
    assert mig_sup(information).per_latent == pytest.approx([1, 1, 1, 0], abs=0.03)
    assert dcimig(information).per_factor == pytest.approx([1, 1], abs=0.03)
    assert jemmig(information).score == pytest.approx(1, abs=0.02)
    assert modularity(information).score == pytest.approx(1, abs=0.01)
    assert infom(information) == pytest.approx(1, abs=0.02)
    assert infoc(information) == pytest.approx(1, abs=0.02)


def test_chosen_latents_keep_their_candidates() -> None:
    codes = np.concatenate([NOISE, circle(ANGLE)], axis=1)
    information = measure(codes, ANGLE, kinds=["cyclic"])
    assert len(information.circles[0].carriers) == 6 * 7 // 2
    part = carriers(information.select([5, 0, 4], [0]))[0]
    assert part.latents == (0, 2) and part.share > 0.97
    alone = carriers(information.select([4], [0]))[0]
    assert alone.latents == (0,) and 0.6 < alone.share < 0.9 and alone.rival == 0


def test_inactive_latents_carry_nothing() -> None:
    inactive = np.ones_like(NOISE)
    assert scored(inactive).carriers == ((),) and scored(inactive).score == 0
    found = scored(inactive, circle(ANGLE))
    assert found.carriers == ((4, 5),) and found.score > 0.97
