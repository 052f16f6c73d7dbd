"""On-policy frames come as whole episodes: how they end, what a kill and an older store change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper

import bvae_rl
from bvae_rl.data.collecting.blocks import BLOCK_BYTES, BlockSize, block_size, environments
from bvae_rl.data.collecting.collect import Policy, collect
from bvae_rl.data.collecting.interventions import BLOCK_PAIRS, Interventions
from bvae_rl.data.collecting.plan import Plan
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.episodes import Episodes
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.scripts.cli import main
from bvae_rl.training.batches.rows import Rows

FOREVER = 10**9


class Rounds(gym.Env[np.ndarray, np.ndarray]):
    """Shows the time and the last action; a round has one of ``lengths``."""

    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    factor_specs = (FactorSpec("time", high=FOREVER), FactorSpec("length", high=FOREVER))

    def __init__(self, lengths: tuple[int, ...] = (2, 7, 30)) -> None:
        self.lengths = lengths

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.time, self.length = 0, int(self.np_random.choice(self.lengths))
        return self.frame(0.0), self.info()

    def step(self, action: np.ndarray):
        self.time += 1
        return self.frame(action[0]), 0.0, self.time >= self.length, False, self.info()

    def info(self) -> dict[str, Any]:
        return {"factors": np.array([self.time, self.length], float)}

    def frame(self, action: float) -> np.ndarray:
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[..., 0], frame[..., 1] = self.time % 256, int(127 * (action + 1))
        return frame


gym.register("Rounds-v0", Rounds, order_enforce=False, disable_env_checker=True)


def rounds(n_envs: int = 3, lengths: tuple[int, ...] = (2, 7, 30)) -> DummyVecEnv:
    return DummyVecEnv([lambda: Rounds(lengths)] * n_envs)


def episodes(store: FrameStore) -> list[Frames]:
    numbers = store.read().episode
    assert numbers.tolist() == sorted(numbers) and {*numbers} == {*range(numbers[-1] + 1)}
    return [store.read(numbers == number) for number in range(numbers[-1] + 1)]


def test_every_episode_is_whole_and_in_one_piece(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect(rounds(), store, 1000, seed=0)
    found = episodes(store)
    for episode in found:
        assert episode.factors is not None and episode.actions is not None
        assert episode.factors[:, 0].tolist() == [*range(int(episode.factors[0, 1]))]
        assert np.array_equal(episode.frames[:, 0, 0, 0], episode.factors[:, 0])
        shown = (127 * (episode.actions[:-1, 0] + 1)).astype(np.uint8)  # after the frame
        assert np.array_equal(episode.frames[1:, 0, 0, 1], shown)
    assert 1000 <= len(store) < 1000 + 3 * 30
    assert store.read().state.tolist() == [*range(len(store))]
    told = Episodes.of(store)
    assert told is not None and told.lengths.tolist() == [len(episode) for episode in found]
    assert told.cut == told.short == 0


def test_long_episodes_are_as_many_as_the_environment_makes_them(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect(rounds(8, (2, 60)), store, 4000, seed=0)
    lengths = np.array([len(episode) for episode in episodes(store)])
    assert len(lengths) > 90 and {*lengths} == {2, 60}
    assert 0.38 < (lengths == 60).mean() < 0.62


class Later(VecEnvWrapper):
    """What a policy sees: the time before the last, as a stack or a code may hold it."""

    def reset(self) -> np.ndarray:
        first: Any = self.venv.reset()
        self.last = first
        return first

    def step_wait(self):
        shown, self.last = self.last, None
        self.last, *rest = self.venv.step_wait()
        return shown, *rest


def follow(observations: np.ndarray) -> np.ndarray:
    return (observations[:, 0, 0, :1] / 127.5 - 1).astype(np.float32)


@pytest.mark.parametrize("policy", [None, follow], ids=["random", "policy"])
@pytest.mark.parametrize("kill", [1, 40, 150])
def test_a_killed_collection_goes_on_to_the_same_store(
    kill: int, policy: Policy | None, tmp_path: Path
) -> None:
    def filled(folder: Path, calls: int) -> FrameStore:
        store, left = FrameStore(folder), calls

        def count(added: int) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt

        observe = Later if policy else lambda venv: venv
        collect(
            rounds(), store, 1100, seed=1, policy=policy, observe=observe, max_episode_steps=25,
            skip_steps=1, progress=count,
        )  # fmt: skip
        return store

    whole = filled(tmp_path / "whole", FOREVER)
    with pytest.raises(KeyboardInterrupt):
        filled(tmp_path / "killed", kill)
    assert len(FrameStore(tmp_path / "killed")) < len(whole)
    filled(tmp_path / "killed", FOREVER).verify()
    for file in (tmp_path / "whole").iterdir():
        if file.suffix in (".raw", ".json"):
            assert file.read_bytes() == (tmp_path / "killed" / file.name).read_bytes(), file.name
    assert whole.blocks > 2


def test_an_endless_episode_is_cut_and_said(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect(rounds(4, (FOREVER,)), store, 200, seed=0, max_episode_steps=40)
    assert [len(episode) for episode in episodes(store)] == [40] * 5
    assert len(store) == 200
    told = Episodes.of(store)
    assert told is not None and told.cut == 5
    assert told.summary(40) == "5 episodes of 40 frames in the median, 100% cut after 40 steps"
    cut, few = told.doubts(40)
    assert "5 of 5 episodes were cut after 40 steps" in cut and "--max-episode-steps" in cut
    assert "5 episodes only" in few and "--frames" in few
    assert told.doubts(40, more="take more of them")[1].endswith("; take more of them")


def test_episodes_that_end_where_they_would_be_cut_are_not_cut(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect(rounds(2, (20,)), store, 400, seed=0, max_episode_steps=20)
    told = Episodes.of(store)
    assert told is not None and told.cut == 0 and not told.doubts(20)
    assert told.summary(20) == "20 episodes of 20 frames in the median, none cut"


def test_skipped_steps_are_acted_and_not_kept(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "a")
    collect(rounds(), store, 300, seed=0, skip_steps=5, max_episode_steps=20)
    for episode in episodes(store):
        assert episode.factors is not None
        length = int(episode.factors[0, 1])
        assert episode.factors[:, 0].tolist() == [*range(5, min(20, length))]
    told = Episodes.of(store)
    assert told is not None and told.short > 0 and told.cut > 0
    assert told.summary(20).endswith(f"; {told.short} more were too short to keep")
    with pytest.raises(ValueError, match=r"ended within the first 40 steps.*--skip-steps"):
        collect(rounds(), FrameStore(tmp_path / "b"), 300, seed=0, skip_steps=40)
    with pytest.raises(ValueError, match="skip_steps must be at least 0 and less than"):
        Plan(skip_steps=20, max_episode_steps=20)
    with pytest.raises(ValueError, match="sampled states have no episodes"):
        Plan(policy="independent", skip_steps=20)


def test_blocks_fit_what_is_asked_for_and_memory() -> None:
    shape = (3, 64, 64)

    def size(missing: int, n: int, length: float, n_envs: int = 8) -> BlockSize:
        return block_size(missing, n, n_envs=n_envs, shape=shape, length=length)

    assert size(2000, 2000, 1000) == BlockSize(2, 2000)  # two of CarRacing's, not eight
    assert size(50_000, 50_000, 1000) == BlockSize(8, 8000)  # one of each environment
    assert size(50_000, 50_000, 50) == BlockSize(63, 3125)  # a sixteenth
    assert size(900_000, 1_000_000, 50) == BlockSize(164, 8192)
    assert size(30, 50_000, 1000) == BlockSize(1, 30)
    most = BLOCK_BYTES // (3 * 64 * 64)
    assert size(10**6, 10**6, 1000, n_envs=256) == BlockSize(44, most)
    assert environments(2000, n_envs=8, shape=shape, length=1000) == 2
    assert environments(50_000, n_envs=8, shape=shape, length=1000) == 8
    assert environments(50_000, n_envs=8, shape=(3, 512, 512), length=1000) == 1


def test_few_frames_of_long_episodes_are_few_episodes(tmp_path: Path) -> None:
    store = bvae_rl.collect("Rounds-v0", tmp_path, frames=60, max_episode_steps=30)
    assert len(store) < 60 + 2 * 30  # of two environments instead of eight
    assert store.meta["max_episode_steps"] == 30 and "skip_steps" not in store.meta
    with pytest.raises(ValueError, match="max_episode_steps 30, not 40"):
        bvae_rl.collect("Rounds-v0", tmp_path, frames=600, max_episode_steps=40)


def test_an_older_store_is_returned_when_complete_and_never_gone_on_with(tmp_path: Path) -> None:
    def older(folder: Path) -> FrameStore:
        store, rows = FrameStore(folder), np.arange(128)
        store.declare(factor_specs=Rounds.factor_specs, **Plan().described(EnvConfig("Rounds-v0")))
        store.append(
            Frames(
                np.zeros((128, 32, 32, 3), np.uint8), rows // 64, rows,
                np.zeros((128, 2), np.float32), np.zeros((128, 1), np.float32),
            )
        )  # fmt: skip
        return store

    before = older(tmp_path).identity()
    assert bvae_rl.collect("Rounds-v0", tmp_path, frames=120).identity() == before
    with pytest.raises(ValueError, match=r"end in the middle of episodes.*bvae-rl pretrain"):
        bvae_rl.collect("Rounds-v0", tmp_path, frames=200)
    with pytest.raises(ValueError, match="end in the middle of episodes"):
        collect(rounds(), FrameStore(tmp_path), 200, seed=0)
    assert FrameStore(tmp_path).identity() == before


def test_interventions_wait_for_whole_episodes_and_are_not_forgotten(tmp_path: Path) -> None:
    def filled(folder: Path, *, kill: bool) -> FrameStore:
        store = FrameStore(folder)

        def count(added: int) -> None:
            if kill and store.blocks:
                raise KeyboardInterrupt

        pairs = Interventions(Rounds((FOREVER,)), 100)
        venv = rounds(4, (400,))
        collect(venv, store, 300, seed=0, interventions=pairs, progress=count)
        return store

    whole = filled(tmp_path / "whole", kill=False)
    rows = [block["rows"] for block in whole.appended]
    assert rows == [400, 2 * BLOCK_PAIRS, 2 * BLOCK_PAIRS]
    with pytest.raises(KeyboardInterrupt):
        filled(tmp_path / "killed", kill=True)
    killed = FrameStore(tmp_path / "killed")  # there are the 500 rows, but not all the pairs
    assert len(killed) == 400 + 2 * BLOCK_PAIRS and killed.missing == 2 * (100 - BLOCK_PAIRS)
    again = filled(tmp_path / "killed", kill=False)
    assert again.identity() == whole.identity() and again.missing == 0
    told = Episodes.of(whole)
    assert told is not None and told.lengths.tolist() == [400]  # pairs are no episodes


def test_of_few_long_episodes_stretches_are_held_out(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "new")
    collect(rounds(4, (400,)), store, 4000, seed=0)
    rows = Rows(store, validation=0.1)
    assert 0.05 < len(rows.validation) / len(store) < 0.15
    held_out = np.zeros(len(store), bool)
    held_out[rows.validation] = True
    assert (held_out[1:] != held_out[:-1]).sum() < len(rows.validation) / 8  # borders
    old, frames = FrameStore(tmp_path / "old"), store.read()
    old.append(frames)
    assert Rows(old, validation=0.1).validation.tolist() == rows.validation.tolist()


def test_the_command_tells_what_the_episodes_hide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["collect", "--env", "Rounds-v0", "--out", str(tmp_path / "f")]
    assert main([*argv, "--frames", "50", "--max-episode-steps", "20", "--skip-steps", "1"]) == 0
    said = capsys.readouterr()
    assert " episodes of " in said.out and "cut after 20 steps" in said.out
    assert "50 asked for, in whole episodes" in said.out
    assert "episodes only: what differs between episodes" in said.err
    assert main([*argv, "--skip-steps", "1000"]) == 2
    error = capsys.readouterr().err
    assert "skip_steps must be at least 0 and less than max_episode_steps (1000)" in error
    assert error.strip().count("\n") == 0
