"""Groups of frames with one factor held fixed, from an environment that refuses some states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.probe_sets import fixed_factor_groups, probe_set


class Apart(gym.Env[np.ndarray, Any]):
    """Two factors and a constant one, each a pixel; x and y must be ``gap`` apart."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    factor_specs = (FactorSpec("x"), FactorSpec("colour"), FactorSpec("y"))

    def __init__(self, gap: float = 0.3) -> None:
        self.gap = gap

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.now = np.zeros(3)
        return np.zeros((32, 32, 3), np.uint8), {}

    def factors(self) -> np.ndarray:
        return self.now

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        return np.array([rng.uniform(), 0.5, rng.uniform()])

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        if abs(factors[0] - factors[2]) < self.gap:
            raise ValueError("too close")
        self.now = factors
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[0, :3, 0] = np.round(factors * 255)
        return frame


def test_no_state_is_one_of_a_store_that_was_collected_with_the_same_seed(tmp_path: Path) -> None:
    for seed in (0, 7):
        store = FrameStore(tmp_path / str(seed))
        collect_independent(Apart(), store, 300, seed=seed)
        trained = {*np.asarray(store.array("factors"))[:, 0].tolist()}
        for found in (
            probe_set(Apart(), 300, seed=seed).factors,
            fixed_factor_groups(Apart(), 30, 8, seed=seed).factors,
        ):
            assert found is not None
            shown = {*found[..., 0].astype(np.float32).ravel().tolist()}
            assert len(shown) > 20 and not shown & trained


@pytest.mark.parametrize("pairs", [False, True])
def test_groups_of_an_environment(pairs) -> None:
    found = fixed_factor_groups(Apart(), 30, 8, seed=0, pairs=pairs)
    assert found.frames.shape == (30, 8, 32, 32, 3) and found.frames.dtype == np.uint8
    assert found.names == ("x", "colour", "y")
    assert set(found.fixed) == {0, 2}  # colour never varies
    held = np.take_along_axis(found.factors, found.fixed[:, None, None], axis=2)[:, :, 0]
    free = np.take_along_axis(found.factors, 2 - found.fixed[:, None, None], axis=2)[:, :, 0]
    step = 2 if pairs else 8
    np.testing.assert_array_equal(held, np.repeat(held[:, ::step], step, axis=1))
    assert (np.ptp(free, axis=1) > 0).all() and (np.ptp(held, axis=1) > 0).all() == pairs
    assert (np.abs(held - free) >= 0.3).all()
    pixels = found.frames[:, :, 0, [0, 2], 0] / 255
    np.testing.assert_allclose(pixels, found.factors[:, :, [0, 2]], atol=0.5 / 255)
    again = fixed_factor_groups(Apart(), 30, 8, seed=0, pairs=pairs)
    np.testing.assert_array_equal(again.factors, found.factors)
    assert set(fixed_factor_groups(Apart(), 5, 2, seed=1, names=["y"]).fixed) == {2}


def test_groups_that_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match=r"refusal: too close\); ask for other factors"):
        fixed_factor_groups(Apart(gap=2), 1, 2, seed=0)
    with pytest.raises(ValueError, match="unknown factors"):
        fixed_factor_groups(Apart(), 1, 2, seed=0, names=["z"])
    with pytest.raises(ValueError, match=r"only .'x', 'y'. vary"):
        fixed_factor_groups(Apart(), 1, 2, seed=0, names=["colour"])
    with pytest.raises(ValueError, match="size of at least 2"):
        fixed_factor_groups(Apart(), 1, 3, seed=0, pairs=True)
