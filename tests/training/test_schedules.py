"""End points and turning points of every schedule."""

from __future__ import annotations

import pytest

from bvae_rl.training.schedules import Constant, Cosine, Cyclical, Geometric, Linear, Released


def test_constant_is_constant() -> None:
    assert [Constant(4.0)(step) for step in (0, 7, 10**6)] == [4.0, 4.0, 4.0]


def test_linear_ramps_then_stays() -> None:
    beta = Linear(0.0, 2.0, 100)
    assert [beta(step) for step in (0, 25, 100, 500)] == [0.0, 0.5, 2.0, 2.0]


def test_linear_may_fall() -> None:
    assert Linear(4.0, 1.0, 10)(5) == pytest.approx(2.5)


def test_geometric_grows_by_the_same_factor() -> None:
    beta = Geometric(100.0, 300, first=1e-3)
    assert [beta(step) for step in (0, 100, 200, 300, 900)] == pytest.approx([0.1, 1, 10, 100, 100])
    with pytest.raises(ValueError, match="above 0 and up to 1, got 0"):
        Geometric(1.0, 10, first=0.0)


def test_relaxed_falls_to_a_share_of_what_was() -> None:
    beta = Released(Linear(0.0, 8.0, 50), 80, 100, to=0.25)
    assert [beta(s) for s in (25, 50, 80, 90, 100, 500)] == pytest.approx([4, 8, 8, 4, 2, 2])
    with pytest.raises(ValueError, match="at least one step"):
        Released(Constant(1.0), 100, 100)


def test_cosine_is_half_way_at_half_time_and_flat_at_the_ends() -> None:
    beta = Cosine(0.0, 1.0, 1000)
    assert [beta(0), beta(500), beta(1000), beta(2000)] == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert beta(10) < Linear(0.0, 1.0, 1000)(10) / 10


def test_cyclical_starts_again_in_each_cycle() -> None:
    beta = Cyclical(1.0, 400, cycles=4, ramp=0.5)  # period 100, ramp 50
    assert [beta(s) for s in (0, 25, 50, 99, 100, 125, 399)] == pytest.approx(
        [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0]
    )
    assert beta(400) == beta(10_000) == 1.0


def test_capacity_grows_to_its_maximum() -> None:
    target = Linear(0.0, 25.0, 1000)
    assert [target(0), target(500), target(1000), target(1500)] == [0.0, 12.5, 25.0, 25.0]


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_beta_below_zero_or_not_finite_is_refused(bad: float) -> None:
    for make in (Constant, lambda b: Linear(0.0, b, 10), lambda b: Cyclical(b, 10)):
        with pytest.raises(ValueError, match="not negative"):
            make(bad)


def test_bad_ramps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        Linear(0.0, 1.0, 0)
    with pytest.raises(ValueError, match=r"ramp in \(0, 1\]"):
        Cyclical(1.0, 10, ramp=0.0)
