"""Collecting that covers: held random actions, an agent that learns, random states."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

import bvae_rl
from bvae_rl.data.collecting.learner import Learner
from bvae_rl.data.collecting.mixed import collect_mixed, collected
from bvae_rl.data.collecting.random_starts import WALK, RandomStarts, random_starts
from bvae_rl.data.collecting.rollout import Bounds, Tap, play
from bvae_rl.data.collecting.shares import Shares, shares_of
from bvae_rl.data.collecting.sticky import sticky_policy
from bvae_rl.data.environments import make_vec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.frame_layout import FrameLayout
from tests.mixed_cases import Line, OnRails

ALL = Shares(0.4, 0.4, 0.2)


class Stop(Exception):
    """The process is killed."""


def lines(n: int, world: type[Line] = Line, **settings: Any) -> DummyVecEnv:
    return make_vec(lambda: world(**settings), n, seed=0)  # type: ignore[return-value]


def fill(folder: Path, n: int, *, stop_at: int | None = None, shares: Shares = ALL) -> FrameStore:
    store, made = FrameStore(folder), 0

    def count(added: int) -> None:
        nonlocal made
        made += added
        if stop_at is not None and made >= stop_at:
            raise Stop

    starts = make_vec(lambda: RandomStarts(Line()), 4, seed=0)
    store.declare(factor_specs=Line.factor_specs)
    collect_mixed(
        lines(4), store, n, seed=3, shares=shares, starts=starts, max_episode_steps=40,
        progress=count,
    )  # fmt: skip
    return store


def test_a_killed_collection_goes_on_bit_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fill(tmp_path / "whole", 1800)
    with monkeypatch.context() as patch:  # when the agent is kept, and its first block not yet
        appended = FrameStore.append

        def append(store: FrameStore, block: Frames, **notes: int) -> None:
            if notes["part"] == 1:
                raise Stop
            appended(store, block, **notes)

        patch.setattr(FrameStore, "append", append)
        with pytest.raises(Stop):
            fill(tmp_path / "killed", 1800)
        assert [*(tmp_path / "killed").glob("learner-*")]
    for stop_at in (1000, 1400, 1700):  # in blocks of each part
        with pytest.raises(Stop):
            fill(tmp_path / "killed", 1800, stop_at=stop_at - len(FrameStore(tmp_path / "killed")))
    again = fill(tmp_path / "killed", 1800)
    assert again.identity() == whole.identity()
    names = [sorted(path.name for path in store.folder.glob("*")) for store in (whole, again)]
    assert names[0] == names[1]
    (state,) = whole.folder.glob("learner-*")
    assert state.read_bytes() == (again.folder / state.name).read_bytes()


def test_each_part_gets_its_share_in_whole_episodes(tmp_path: Path) -> None:
    store = fill(tmp_path, 2400)
    done = collected(store)
    assert sum(done.values()) == len(store)
    for part, share in ALL.described().items():
        assert done[part] == pytest.approx(share * 2400, abs=600)  # a block
        assert done[part]
    assert (np.unique(store.column("episode"), return_counts=True)[1] == 20).all()


def test_states_begin_anywhere_and_the_others_at_the_start(tmp_path: Path) -> None:
    store = fill(tmp_path, 1200, shares=Shares(0.5, 0.0, 0.5))
    first = np.flatnonzero(np.diff(store.column("episode"), prepend=-1))
    x, ends = store.column("factors")[first, 0], np.cumsum([b["rows"] for b in store.appended])
    sampled = np.isin(
        np.searchsorted(ends, first, side="right"),
        [number for number, block in enumerate(store.appended) if block["part"] == 2],
    )
    assert not x[~sampled].any() and x[sampled].std() == pytest.approx(12**-0.5, abs=0.1)


def test_where_states_cannot_be_set_episodes_begin_after_a_walk() -> None:
    env = RandomStarts(OnRails(speed=0.01, length=1000))
    begun = [env.reset(seed=seed) for seed in range(40)]
    assert not env.sampled and len({float(info["factors"][0]) for _, info in begun}) > 20
    assert env.unwrapped.now <= WALK  # type: ignore[attr-defined]
    again = env.reset(seed=7)
    assert np.array_equal(again[0], begun[7][0])


def test_a_vec_env_in_hand_gives_the_share_of_states_to_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert random_starts(lines(2), 2, seed=0) is None
    assert "their share goes to the others" in caplog.text
    store = bvae_rl.collect(lines(2), tmp_path, frames=900, policy="mixed", max_episode_steps=40)
    assert collected(store)["states"] == 0 < collected(store)["agent"]
    assert store.meta["shares"] == ALL.described()


def test_actions_are_held_and_reach_the_bounds() -> None:
    space = gym.spaces.Box(np.array([-1, 0], np.float32), np.array([1, 1], np.float32))
    act = sticky_policy(space, np.random.default_rng(0), 50)
    drawn = np.stack([act(np.zeros(50)) for _ in range(400)])
    held = (drawn[1:] == drawn[:-1]).all(-1).mean()
    assert drawn.shape == (400, 50, 2) and held == pytest.approx(0.8, abs=0.02)
    assert drawn.mean((0, 1)) == pytest.approx([0, 0.5], abs=0.05)
    assert (drawn == space.low).mean() == pytest.approx(0.159, abs=0.02)
    assert (drawn == space.high).mean() == pytest.approx(0.159, abs=0.02)


SPACES = (
    gym.spaces.Discrete(3, start=-1),
    gym.spaces.MultiDiscrete([2, 4]),
    gym.spaces.MultiBinary(2),
    gym.spaces.Box(-np.inf, np.inf, (2,), np.float32),
    gym.spaces.Box(0, 255, (2,), np.uint8),
)


@pytest.mark.parametrize("space", SPACES)
def test_random_actions_are_those_of_the_space(space: gym.Space[Any]) -> None:
    act = sticky_policy(space, np.random.default_rng(0), 8)
    drawn = np.concatenate([act(np.zeros(8)) for _ in range(200)])
    assert all(space.contains(one if one.ndim else int(one)) for one in drawn)
    if isinstance(space, gym.spaces.Discrete):
        assert np.bincount(drawn + 1) / len(drawn) == pytest.approx(np.full(3, 1 / 3), abs=0.08)


@pytest.mark.parametrize(("discrete", "blocks"), [(False, 8), (True, 4)])
def test_the_agent_learns_while_frames_are_kept(discrete: bool, blocks: int) -> None:
    venv = lines(8, discrete=discrete, speed=0.1)
    space, tap, rng = venv.action_space, Tap(venv), np.random.default_rng(0)

    def encode(frames: np.ndarray) -> np.ndarray:
        return frames[:, 0, ::2, 0].astype(np.float32) / 255

    learner = Learner(encode, 16, space, 8, seed=0)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    layout = FrameLayout.of(venv.observation_space)
    for _ in range(blocks):
        learner.begin(rng)
        played = play(
            learner.observe(tap), tap, layout, rng, policy=learner.act, bounds=Bounds(40),
            episodes=20, frames=400, lanes=2,
        )  # fmt: skip
        learner.end()
        assert played.episodes == 20
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    returns = learner.returns[:, 1]
    assert learner.steps == blocks * 10 * 20 * 8 and len(returns) == 80 * blocks
    assert returns[-80:].mean() > 1.3 * returns[:80].mean()


@pytest.mark.parametrize("space", SPACES)
def test_the_agent_acts_in_any_space_that_ppo_takes(space: gym.Space[Any]) -> None:
    learner = Learner(lambda frames: np.zeros((len(frames), 2), np.float32), 2, space, 4, seed=0)
    for action in learner.act(np.ones((4, 8), np.float32)):
        assert space.contains(action)
    with pytest.raises(ValueError, match="actions that PPO takes, got Tuple"):
        Learner(learner.encode, 2, gym.spaces.Tuple([space]), 4, seed=0)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["sticky=.4", "agent=.4"], "sum to 0.8"),
        (["sticky=2", "agent=-1"], "must be from 0 to 1"),
        (["sticky"], "a share is NAME=NUMBER"),
        (["wild=1"], "unknown share 'wild'"),
        (["sticky=.5", "sticky=.5"], "given twice"),
        (["sticky=nan"], "must be from 0 to 1"),
    ],
)
def test_shares_that_are_none_are_refused(texts: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Shares.parse(texts)


def test_shares_go_with_mixed_alone(tmp_path: Path) -> None:
    assert shares_of("sticky", None) == Shares(1.0, 0.0, 0.0)
    assert shares_of("random", None) is None and shares_of("mixed", None) == ALL
    assert ALL.without_states() == Shares(0.5, 0.5, 0.0)
    assert Shares(0.0, 0.0, 1.0).without_states() == Shares(1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="the policy is 'random'"):
        shares_of("random", ALL)
    for shares in ({"agent": 1.0}, {"agent": 0.6, "states": 0.4}):  # those of states go to it
        with pytest.raises(ValueError, match="must be less than 1"):
            bvae_rl.collect(lines(1), tmp_path, policy="mixed", shares=shares)
    assert not [*tmp_path.iterdir()]
    with pytest.raises(ValueError, match="unknown policy 'wild'; known: random, sticky, mixed"):
        bvae_rl.collect(lines(1), Path("nowhere"), policy="wild")
