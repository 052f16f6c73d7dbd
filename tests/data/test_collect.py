"""What is collected: pictures whatever form the environment gives them, copies, two views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.collecting.collect import collect, collect_independent, record_episode
from bvae_rl.data.collecting.interventions import Interventions, intervention_pairs
from bvae_rl.data.environments import make_vec
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore


class Clock(gym.Env[np.ndarray, np.ndarray]):
    """Shows its time, and one of ``tones``, channels first; always writes into the same arrays."""

    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, *, tones: int = 2, length: int = 500, floats: bool = False) -> None:
        self.factor_specs = (
            FactorSpec("time", high=length),
            FactorSpec("tone", "categorical", "appearance", values=(0, 1)),
        )
        self.tones, self.length = tones, length
        dtype, high = (np.float32, 1.0) if floats else (np.uint8, 255)
        self.observation_space = gym.spaces.Box(0, high, (3, 32, 48), dtype)
        self.scale = high / 255
        self.buffer = np.zeros((3, 32, 48), dtype)
        self.now = np.zeros(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        return self.set_factors(np.zeros(2)), {"factors": self.now}

    def step(self, action: np.ndarray):
        frame = self.set_factors(self.now + np.array([1, 0]))
        return frame, 0.0, False, bool(self.now[0] >= self.length), {"factors": self.now}

    def factors(self) -> np.ndarray:
        return self.now

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        return np.array([rng.integers(200), rng.integers(self.tones)], float)

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        self.now[:] = factors
        self.buffer[0], self.buffer[1] = factors[0] % 256 * self.scale, factors[1] * self.scale
        return self.buffer


@pytest.mark.parametrize("floats", [False, True])
def test_sampled_states_are_stored_as_pictures(floats: bool, tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect_independent(Clock(floats=floats), store, 10, seed=0, views=2)
    rows = store.read()
    assert store.meta["policy"] == "independent" and store.shape == (3, 32, 48)
    assert rows.factors is not None
    assert np.array_equal(rows.frames[:, 0, 0, :2], rows.factors)
    first, second = (rows.frames[view::16] for view in (0, 8))  # of each group of states
    assert np.array_equal(first[..., 0], second[..., 0])
    assert (first[..., 1] != second[..., 1]).all()  # one of two tones, and then the other


def test_on_policy_frames_and_factors_are_copies(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect(make_vec(lambda: Clock(length=200), 1, seed=0), store, 10, seed=0)
    rows = store.read()
    episode = record_episode(make_vec(lambda: Clock(length=9), 1, seed=0), seed=0)
    assert len(episode) == 9  # without the frame that ends it
    for found in (rows, episode):
        assert found.factors is not None
        assert found.factors[:, 0].tolist() == [*range(len(found))]
        assert np.array_equal(found.frames[:, 0, 0, :2], found.factors)


def test_the_frames_of_an_intervention_keep_their_factors() -> None:
    class Unsettable(Clock):
        sample_factors = None

    assert settable_env(Unsettable()) is None
    pairs = intervention_pairs(Unsettable(), 4, seed=0, steps=3)
    assert pairs.factors is not None
    assert np.array_equal(pairs.frames[:, 0, 0, :2], pairs.factors)
    assert (np.diff(pairs.factors[:, 0])[::2] == 3).all()


def test_grey_pictures_are_collected(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    rgb = Clock()
    grey = gym.wrappers.TransformObservation(
        rgb, lambda frame: frame[:1], gym.spaces.Box(0, 255, (1, 32, 48), np.uint8)
    )
    collect(make_vec(lambda: grey, 1, seed=0), store, 10, seed=0)
    assert store.shape == (1, 32, 48)
    assert store.read().frames[:3, 0, 0, 0].tolist() == [0, 1, 2]


def test_one_appearance_gives_no_two_views(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="drew the same one 100 times"):
        collect_independent(Clock(tones=1), FrameStore(tmp_path), 10, seed=0, views=2)


class Maze(Clock):
    """An episode has a wall somewhere, which is no factor; states are reached by walking."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        _, info = super().reset(seed=seed)
        self.wall, self.steps = int(self.np_random.integers(256)), 0
        return self.set_factors(self.now), info

    def step(self, action: np.ndarray):
        self.steps += 1
        frame, reward, terminated, _, info = super().step(action)
        return frame, reward, terminated, self.steps >= 30, info

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        frame = super().set_factors(factors)
        frame[2] = getattr(self, "wall", 0)
        return frame


def test_sampled_states_are_of_many_episodes(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect_independent(Maze(), store, 1000, seed=0, views=2)
    rows = store.read()
    walls = rows.frames[:, 0, 0, 2].reshape(-1, 2, 8)  # groups of states in two appearances
    assert (walls == walls[:, :1, :1]).all()
    assert len(np.unique(walls)) > 48  # of 64 groups
    again = FrameStore(tmp_path / "again")
    collect_independent(Maze(), again, 512, seed=0, views=2)
    collect_independent(Maze(), again, 1000, seed=0, views=2)  # as after a kill
    assert np.array_equal(rows.frames, again.read().frames)


def test_an_intervention_begins_an_episode_of_its_own() -> None:
    pairs = intervention_pairs(Maze(), 12, seed=0, steps=24)
    assert pairs.factors is not None  # no counter of an earlier pair ends a later one
    assert (np.diff(pairs.factors[:, 0])[::2] == 24).all()
    walls = pairs.frames[:, 0, 0, 2].reshape(-1, 2)
    assert (walls[:, 0] == walls[:, 1]).all() and len(np.unique(walls)) > 6
    block = Interventions(Maze(), 1, views=2).block(seed=0, number=1, episode=0, state=0)
    walls = block.frames[:, 0, 0, 2].reshape(-1, 4)  # of a pair in two appearances
    assert (walls == walls[:, :1]).all() and len(np.unique(walls)) > 48


@pytest.mark.parametrize(
    ("of_reset", "of_step"),
    [({"x": 3.0}, {"x": 3.0}), ([1.0, 2.0], None), ([1.0, 2.0], [1.0]), ("red", "red")],
    ids=["a dict", "at a reset alone", "of changing length", "a word"],
)
def test_factors_that_are_no_rows_of_numbers_are_left_out(
    of_reset: Any, of_step: Any, tmp_path: Path
) -> None:
    class Own(Clock):
        def reset(self, **given: Any):
            return super().reset(**given)[0], {"factors": of_reset}

        def step(self, action: np.ndarray):
            said = {} if of_step is None else {"factors": of_step}
            return *super().step(action)[:4], said

    store = FrameStore(tmp_path)
    collect(make_vec(lambda: Own(length=20), 1, seed=0), store, 20, seed=0)
    assert store.read().factors is None and len(store) == 20
