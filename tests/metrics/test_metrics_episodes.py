"""Frames of one episode are alike: whole episodes are fitted, kept aside, tested and drawn."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics import dci, r2, score
from bvae_rl.metrics.explicitness import explicitness
from bvae_rl.metrics.held_out import HeldOut
from bvae_rl.metrics.infoe import infoe
from bvae_rl.metrics.intervals import interval_of_rows
from bvae_rl.metrics.sap import sap

pytest.importorskip("sklearn")
SPECS = [FactorSpec("f", low=-4, high=4), FactorSpec("g", low=-4, high=4)]


def slow_world(
    seed: int, *, episodes: int = 40, length: int = 50, signal: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (N, 6), factors (N, 2) that hardly change in an episode, and its number (N,).

    ``signal`` is the correlation of the first two codes with the factors.
    """
    random = np.random.default_rng(seed)

    def drifting(width: int) -> np.ndarray:
        means = np.repeat(random.normal(size=(episodes, width)), length, axis=0)
        return means + 0.05 * random.normal(size=(episodes * length, width))

    factors, codes = drifting(2), drifting(6)
    codes[:, :2] = signal * factors + (1 - signal**2) ** 0.5 * codes[:, :2]
    return codes, factors, np.repeat(np.arange(episodes), length)


def test_codes_that_know_nothing_score_nothing() -> None:
    codes, factors, episode = slow_world(0)
    found = score(
        codes,
        factors,
        SPECS,
        episode=episode,
        steps=300,
        metrics=("sap", "explicitness", "infomec"),
    ).to_rows_dict()
    for name in ("r2", "dci/informativeness"):  # of the mean, but for the few test episodes
        assert -0.5 < found[name] < 0.1, name
    for name in ("sap", "infoe"):
        assert found[name] < 0.1, name
    assert dci(codes, factors).informativeness > 0.9  # what neighbours on both sides make of it


@pytest.mark.parametrize("metric", [sap, explicitness, infoe])
def test_each_metric_that_holds_out_takes_episodes(metric) -> None:
    codes, factors, episode = slow_world(1, episodes=16)
    assert metric(codes, factors, episode=episode).score < metric(codes, factors).score - 0.05


def test_whole_episodes_are_fitted_kept_aside_and_tested() -> None:
    codes, factors, episode = slow_world(0)
    names = np.random.default_rng(0).permutation(40)[episode]  # neighbours in other order
    held = HeldOut.of(codes, factors, episode=names)
    fitted, tested = names[held.train], names[held.test]
    aside, rest = fitted[: held.aside], fitted[held.aside :]
    assert not {*aside} & {*rest} and not {*fitted} & {*tested}
    assert len({*aside}) == 3 and len({*tested}) == 10
    assert len(held.train) + len(held.test) == 2000
    few = HeldOut.of(codes, factors, episode=names, most=120)
    assert len(few.train) == 120 and few.aside == 50


def test_an_interval_of_few_episodes_is_no_nonsense() -> None:
    rng = np.random.default_rng(0)
    episode = np.repeat(np.arange(14), 20)
    place = rng.normal(size=14)[episode] + 0.01 * rng.normal(size=280)  # hardly moves in one
    codes = np.column_stack([place + 0.3 * rng.normal(size=280), rng.normal(size=280)])
    found = r2(codes, place[:, None], episode=episode, replicates=100, steps=100)
    assert found.interval is not None
    low, high = found.interval[0]
    assert -3 < low < found.mean < high <= 1


def test_an_interval_of_r2_holds_the_truth() -> None:
    """95% of them should; those over single frames held it in 8 of 24 (test episodes: 15)."""
    inside, truth = 0, 0.64
    for seed in range(24):
        codes, factors, episode = slow_world(seed, episodes=200, length=10, signal=0.8)
        found = r2(codes, factors, model="linear", replicates=100, episode=episode)
        assert found.interval is not None
        low, high = found.interval[0]
        inside += bool(low <= truth <= high)
    assert inside >= 19


def test_an_episode_that_is_drawn_twice_counts_as_two() -> None:
    episode = np.repeat([7, 3, 5], [2, 3, 4])
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def noted(rows: np.ndarray, number: np.ndarray) -> float:
        seen.append((rows, number))
        return 0.0

    interval_of_rows(noted, 9, replicates=5, episode=episode)
    for rows, number in seen:
        assert len({*number}) == 3
        for one in {*number}:
            own = episode[rows[number == one]]
            assert len({*own}) == 1 and len(own) == (episode == own[0]).sum()
