"""Interventions: pairs of frames, blocks of them in a store, and which environments are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.collecting.blocks import Tally
from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.collecting.interventions import (
    BLOCK_PAIRS,
    PER_STEPS,
    STEPS,
    Interventions,
    intervention_pairs,
)
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.arm import Q_HIGH, Q_LOW
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.envs.planar.world import MAX_STEP
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.scripts import collect
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.training.batches.pair_sources import paired
from bvae_rl.training.batches.rows import Rows

PAIRS = 2 * BLOCK_PAIRS


def reach() -> PlanarReach:
    return PlanarReach(size=32, domain="pretrain")


def sampled(folder: Path, *, views: int = 2, after: int | None = None) -> FrameStore:
    """1024 frames and two blocks of pairs; killed after so many blocks if asked for."""
    store = FrameStore(folder)

    def progress(added: int) -> None:
        if store.blocks == after:
            raise KeyboardInterrupt

    interventions = Interventions(reach(), PAIRS)
    collect_independent(
        reach(), store, 1024, seed=3, views=views, interventions=interventions, progress=progress
    )
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return sampled(tmp_path_factory.mktemp("frames"))


def turns(frames: int, pairs: int, *rows: int) -> list[bool]:
    """Which blocks are of pairs, those of frames being of ``rows``, the last as often as needed."""
    tally, sizes, due = Tally(frames, pairs), list(rows), []
    while not tally.done:
        due.append(tally.pairs_due)
        size = 0 if due[-1] else sizes.pop(0) if len(sizes) > 1 else sizes[0]
        tally = tally.after(size)
    return due


def test_blocks_take_turns_in_proportion_to_what_is_asked_for() -> None:
    # half as many interventions as frames in a block: 2 blocks of each, the frames first
    assert turns(1024, PAIRS, 512) == [False, True, False, True]
    # 1/4, 2/4, 3/4 of the frames against 0/1 of the pairs: one block of pairs after the first
    assert turns(400, 1, 100) == [False, True, False, False, False]
    # 1/1 of the frames against 0/3, 1/3, 2/3 of the pairs
    assert turns(5, 3 * BLOCK_PAIRS, 100) == [False, True, True, True]
    # blocks of whole episodes: 1/10 against 0/2; 2/10, 9/10 against 1/2; 9/10 against 2/2
    assert turns(1000, PAIRS, 100, 100, 700, 500) == [False, True, False, False, True, False]
    many = turns(100_000, 20_000, 512)
    assert many.count(False) == -(-100_000 // 512) and many.count(True) == -(-20_000 // BLOCK_PAIRS)
    shares = np.cumsum(many)[::20] / many.count(True)
    assert np.abs(shares - np.linspace(0, 1, len(many))[::20]).max() < 0.01


def test_a_pair_is_an_episode_of_two_rows() -> None:
    rows = intervention_pairs(reach(), 3, seed=0, steps=(2, 4, 8), actuators=[1])
    assert rows.episode.tolist() == [0, 0, 1, 1, 2, 2] and rows.state.tolist() == [*range(6)]
    assert rows.actions is not None and rows.factors is not None
    assert (rows.actions[::2, 1] != 0).all() and not rows.actions[:, 0].any()
    assert not rows.actions[1::2].any()
    assert np.array_equal(rows.factors[::2, 0], rows.factors[1::2, 0])  # the shoulder rests
    world = reach()
    world.reset(seed=0)
    for row, frame in zip(rows.factors, rows.frames, strict=True):
        assert np.array_equal(world.set_factors(row), frame)
    for wrong, message in (({"steps": 0}, "steps=0"), ({"actuators": [2]}, r"0 to 1, got \[2\]")):
        with pytest.raises(ValueError, match=message):
            intervention_pairs(reach(), 3, seed=0, **wrong)


def test_pairs_are_rows_between_which_one_actuator_moved(store: FrameStore) -> None:
    rows = store.read()
    assert len(rows) == 1024 + 2 * PAIRS
    assert rows.actions is not None and rows.actions.shape[1] == 2
    assert rows.factors is not None and rows.factors.dtype == rows.actions.dtype == np.float32
    first = np.flatnonzero(rows.actions.any(axis=1))
    expected = np.r_[512 : 512 + PAIRS : 2, 1024 + PAIRS : 1024 + 2 * PAIRS : 2]
    assert first.tolist() == expected.tolist()  # after each block of 512 frames
    moved = rows.factors[first] != rows.factors[first + 1]
    actuator = np.abs(rows.actions[first]).argmax(axis=1)
    assert ((rows.actions[first] != 0).sum(axis=1) == 1).all()
    assert set(actuator) == {0, 1}
    assert moved.any(axis=1).all() and not moved[:, 2:].any()  # neither target nor appearance
    assert (moved[np.arange(len(first)), 1 - actuator] == 0).all()
    assert (rows.episode[first] == rows.episode[first + 1]).all()
    assert (np.diff(rows.episode) >= 0).all() and len(np.unique(rows.episode)) == 128 + PAIRS
    assert len(np.unique(rows.state)) == 512 + 2 * PAIRS  # two views of each sampled state


def test_actuators_act_for_few_and_for_many_steps(store: FrameStore) -> None:
    rows = store.read(slice(512, 512 + PAIRS))
    assert rows.factors is not None and rows.actions is not None
    steps = np.repeat(STEPS, PER_STEPS)
    action = rows.actions[::2][:, 0]  # of the shoulder
    turned = rows.factors[1::2, 0] - rows.factors[::2, 0]
    before = rows.factors[::2, 0]
    ends = np.clip(before + MAX_STEP * action * steps, Q_LOW[0], Q_HIGH[0]) - before
    reached = np.abs(turned - ends) < 1e-3  # unless the episode ended on the way
    assert reached.mean() > 0.8
    for size in STEPS:
        assert (reached & (action != 0) & (steps == size)).any()


def test_interventions_and_views_train_on_one_store(store: FrameStore) -> None:
    config = VAEConfig(
        shape=(3, 32, 32), latent_dim=6, groups={"content": (0, 4), "style": (4, 6)},
        parts={"actuator0": (0, 1), "actuator1": (1, 2)},
    )  # fmt: skip
    batch = paired("views+interventions", Rows(store), config)(store, np.random.default_rng(0), 60)
    assert batch.shared is not None
    assert {tuple(row) for row in batch.shared.tolist()} == {
        (True, True, True, True, False, False),
        (False, False, False, False, True, True),
        (False, True, True, True, True, True),
        (True, False, True, True, True, True),
    }


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_collection_ends_with_the_same_store(
    after: int, store: FrameStore, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        sampled(tmp_path, after=after)
    assert FrameStore(tmp_path).blocks == after
    again = sampled(tmp_path)
    for name, array in store.read().arrays().items():
        assert np.array_equal(array, again.read().arrays()[name]), name
    again.verify()


def test_without_interventions_the_other_frames_are_the_same(
    store: FrameStore, tmp_path: Path
) -> None:
    plain = FrameStore(tmp_path)
    collect_independent(reach(), plain, 512, seed=3, views=2)
    rows, beside = plain.read(), store.read(slice(0, 512))
    assert rows.actions is None
    assert beside.actions is not None and not beside.actions.any()
    for name, array in rows.arrays().items():
        assert np.array_equal(array, beside.arrays()[name]), name


def test_the_command_describes_the_store_and_says_how_to_train(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [
        "--policy",
        "independent",
        "--views",
        "2",
        "--interventions",
        "90",
        "--domain",
        "pretrain",
    ]
    argv = ["collect", "--frames", "500", *flags, "--out", str(tmp_path / "f")]
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert "896 frames of 64x64x3 (860 asked for, in whole blocks)" in out
    assert f"next: bvae-rl pretrain {tmp_path / 'f'}" in out
    made = FrameStore.existing(tmp_path / "f")
    assert len(made) == 512 + 4 * BLOCK_PAIRS  # each pair in two appearances
    assert made.meta["interventions"] == 90 and made.meta["frames"] == 500
    argv[2] = "501"  # which block is which would change
    assert main(argv) == 2
    assert "holds frames made with" in capsys.readouterr().err
    plain = collect.Args(out=tmp_path / "plain", frames=10, policy="independent", domain="pretrain")
    collect.main(plain, on_progress=lambda fraction: None)
    meta = FrameStore(plain.out).meta
    assert set(meta) == {"env", "wrappers", "domain", "policy", "views", "seed"}


def test_training_on_half_a_collection_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = collect.Args(out=tmp_path / "frames", frames=1200, policy="independent")

    def interrupt(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect.main(frames, on_progress=interrupt)
    vae = pretrain.Args.of(frames.out, out=tmp_path / "half", steps=2, channels=(4, 4, 4))
    pretrain.main(vae, on_progress=lambda fraction: None)
    assert "holds 512 of 1200 frames: its collection was interrupted" in caplog.text
    caplog.clear()
    collect.main(frames, on_progress=lambda fraction: None)
    pretrain.main(replace(vae, out=tmp_path / "whole"), on_progress=lambda fraction: None)
    assert "interrupted" not in caplog.text


def test_interventions_stand_beside_on_policy_frames(tmp_path: Path) -> None:
    args = collect.Args(out=tmp_path / "f", frames=128, n_envs=2, interventions=1)
    made = collect.main(args, on_progress=lambda fraction: None).store
    rows, first = made.read(), 50  # an episode
    assert [block["rows"] for block in made.appended] == [first, 2 * BLOCK_PAIRS, 100]
    acted = np.r_[:first, first + 2 * BLOCK_PAIRS : len(rows)]
    assert rows.actions is not None and rows.actions[acted].all(axis=1).mean() > 0.9
    pairs = rows.actions[first : first + 2 * BLOCK_PAIRS]
    assert (pairs[::2] != 0).sum(axis=1).tolist() == [1] * BLOCK_PAIRS and not pairs[1::2].any()


class Discrete(gym.ActionWrapper):
    """PlanarReach with four buttons."""

    def __init__(self) -> None:
        super().__init__(reach())
        self.action_space = gym.spaces.Discrete(4)

    def action(self, action: int) -> np.ndarray:
        return np.zeros(2, np.float32)


class Silent(gym.Wrapper):
    """Steps say nothing about factors."""

    def step(self, action):
        observation, reward, terminated, truncated, _ = self.env.step(action)
        return observation, reward, terminated, truncated, {}


class Stuck(gym.ActionWrapper):
    """The first actuator does nothing."""

    def action(self, action: np.ndarray) -> np.ndarray:
        return action * np.array([0, 1], np.float32)


def test_an_environment_without_interventions_is_refused(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    given = r"Discrete\(4\).*without --interventions there are: .*independently sampled.*--views 2"
    with pytest.raises(ValueError, match=given):
        collect_independent(reach(), store, 10, seed=0, interventions=Interventions(Discrete(), 1))
    with pytest.raises(ValueError, match=r"have factors, and interventions have none"):
        collect_independent(
            reach(), store, 10, seed=0, interventions=Interventions(Silent(reach()), 1)
        )
    with pytest.raises(ValueError, match="actuator 0 never changed the frame in 100 tries"):
        stuck = Interventions(Stuck(reach()), 1)
        collect_independent(reach(), store, 10, seed=0, interventions=stuck)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Interventions(reach(), 0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--env", "MiniGrid-Empty-8x8-v0", "--wrappers", "minigrid.wrappers:RGBImgObsWrapper",
             "minigrid.wrappers:ImgObsWrapper", "--interventions", "5"],
            "got Discrete(7)",
        ),
        (["--interventions", "-1"], "interventions must be at least 0, got -1"),
    ],
)  # fmt: skip
def test_refusals_are_one_line_and_write_nothing(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["collect", *flags, "--out", str(tmp_path / "f")]) == 2
    err = capsys.readouterr().err
    assert message in err and err.strip().count("\n") == 0
    assert not (tmp_path / "f").exists()
