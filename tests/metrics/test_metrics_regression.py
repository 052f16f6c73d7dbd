"""R2 per factor: what is there is read, what is not scores nothing, by kind of factor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bvae_rl.metrics import r2
from bvae_rl.metrics.inputs import split
from bvae_rl.metrics.targets import make_targets


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_linear_code_is_read_by_both_models(random) -> None:
    factors = random.uniform(size=(1000, 3)) * [1, 1e-6, 1e6]
    mixed = factors / [1, 1e-6, 1e6] @ random.normal(size=(3, 3))
    codes = np.concatenate([mixed, np.full((1000, 1), 0.1)], axis=1)  # and an inactive latent
    np.testing.assert_allclose(r2(codes, factors, model="linear").per_factor, 1)
    found = r2(codes, factors, steps=250)
    assert (found.per_factor > 0.98).all() and (found.per_factor <= 1).all()
    assert found.mean == pytest.approx(found.per_factor.mean())


def test_only_the_mlp_probe_reads_a_curved_encoding(random) -> None:
    factors = random.uniform(-1, 1, size=(2000, 2))
    codes = np.stack([factors[:, 0] ** 2, np.sign(factors[:, 0]), factors.prod(axis=1)], axis=1)
    target = factors[:, :1] * np.abs(factors[:, :1])  # code 0 times code 1
    assert r2(codes, target, steps=300).mean > 0.97
    assert r2(codes[:, [0]], np.abs(factors[:, :1]), steps=300).mean > 0.97
    assert r2(codes[:, [0]], factors[:, :1], steps=100).mean < 0.05
    assert r2(codes, target, model="linear").mean < 0.95


def test_noise_and_inactive_latents_score_nothing(random) -> None:
    factors = random.uniform(size=(2000, 3))
    for codes in (random.normal(size=(2000, 10)), np.zeros((2000, 2))):
        for found in (r2(codes, factors, steps=150), r2(codes, factors, model="linear")):
            assert (np.abs(found.per_factor) < 0.05).all()


def test_an_unreadable_factor_costs_the_readable_one_nothing(random) -> None:
    codes = random.uniform(-1, 1, size=(1500, 4))
    readable = np.sin(3 * codes[:, :1])
    noise = random.normal(size=(1500, 1))
    both = r2(codes, np.concatenate([readable, noise], axis=1), steps=300).per_factor
    assert both[0] > 0.95 and abs(both[1]) < 0.1


def test_a_cyclic_factor_is_read_as_a_point_on_the_circle(random) -> None:
    angle = random.uniform(-np.pi, np.pi, size=(1500, 1))
    circle = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    assert r2(circle, angle, kinds=["cyclic"], model="linear").mean == pytest.approx(1)
    assert r2(circle, angle, model="linear").mean < 0.8  # the cut at pi
    noisy = circle + 0.3 * random.normal(size=circle.shape)
    scores = [
        r2(noisy, angle + shift, kinds=["cyclic"], model="linear").mean for shift in (0, 1, 5)
    ]
    np.testing.assert_allclose(scores, scores[0])  # wherever the angle 0 lies
    assert r2(circle, angle, kinds=["cyclic"], steps=150).mean > 0.98


def test_a_categorical_factor_scores_from_chance_to_perfect(random) -> None:
    labels = random.choice([2.0, 3.0, 9.0], p=[0.6, 0.3, 0.1], size=(1500, 1))
    targets = make_targets(labels, ["categorical"])
    rows = np.arange(1500)
    majority = np.zeros((1500, 3))
    majority[:, 0] = 1
    assert targets.score(targets.columns, rows) == pytest.approx(1)
    assert targets.score(majority, rows) == pytest.approx(0)
    assert targets.score(np.eye(3)[np.full(1500, 2)], rows)[0] < -0.5

    for model in ("mlp", "linear"):
        noise = r2(
            random.normal(size=(1500, 3)), labels, kinds=["categorical"], model=model, steps=100
        )
        assert abs(noise.mean) < 0.05
    assert r2(labels, labels, kinds=["categorical"], steps=150).mean == 1
    assert r2(targets.columns, labels, kinds=["categorical"], model="linear").mean == 1


def test_the_score_of_the_mean_is_zero_and_may_be_negative() -> None:
    factors = np.array([[0.0], [2.0], [4.0]])
    targets = make_targets(factors, ["continuous"])
    rows = np.arange(3)
    assert targets.score(np.full((3, 1), 2.0), rows) == pytest.approx(0)
    assert targets.score(np.full((3, 1), 4.0), rows) == pytest.approx(1 - 20 / 8)
    assert targets.score(factors, rows) == pytest.approx(1)


def test_given_test_samples_are_what_is_scored(random) -> None:
    codes = random.uniform(-1, 1, size=(600, 2))
    away = random.uniform(-1, 1, size=(200, 2))
    for model in ("mlp", "linear"):
        right = r2(codes, codes, model=model, codes_test=away, factors_test=away, steps=150)
        wrong = r2(codes, codes, model=model, codes_test=away, factors_test=-away, steps=150)
        assert right.mean > 0.98 and wrong.mean < -2


def test_nothing_global_is_touched_and_the_seed_decides(random) -> None:
    factors = random.uniform(size=(200, 1))
    codes = factors + 0.3 * random.normal(size=(200, 1))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = r2(codes, factors, steps=60)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.inference_mode():
        again = r2(codes, factors, steps=60)
    assert first.mean == again.mean
    assert first.mean != r2(codes, factors, steps=60, seed=1).mean


def test_an_interval_leaves_out_draws_that_miss_a_rare_class(random) -> None:
    labels = np.zeros((2000, 1))
    labels[split(2000, seed=0)[1][:2]] = labels[split(2000, seed=0)[0][:6]] = 1
    found = r2(
        random.normal(size=(2000, 2)), labels, kinds=["categorical"], model="linear", replicates=100
    )
    assert found.interval is not None and found.interval.shape == (2, 2)
    assert (found.interval[:, 0] <= found.mean).all() and (found.mean <= found.interval[:, 1]).all()
