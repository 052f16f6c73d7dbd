"""Real Minari datasets, made here, read into a frame store: what comes out, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import bvae_rl.envs
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers import minari_reader
from bvae_rl.data.readers.minari_reader import recorded_factors
from bvae_rl.envs.planar.reach import SPECS
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.cli import main
from tests.minari_cases import LENGTHS, MOVES, datasets_in, episode, episodes, made, read

TINY = ["--steps", "4", "--batch-size", "8", "--warmup", "2", "--channels", "8", "8", "8"]
LATENTS = ["--hidden", "16", "--content-dim", "4", "--style-dim", "2"]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return datasets_in(tmp_path / "minari", monkeypatch)


def pretrain(store: str | Path, vae: Path) -> BetaVAE:
    assert main(["pretrain", str(store), "--out", str(vae), *TINY, *LATENTS]) == 0
    return BetaVAE.load(vae)


def test_a_recorded_world_is_read_byte_by_byte_and_pretrained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = gym.make(f"{bvae_rl.envs.__name__}:bvae_rl/PlanarReach-v0", domain="ood1")
    env.action_space.seed(0)
    buffers, kept = [], []
    for seed in range(3):
        observation, info = env.reset(seed=seed)
        seen, factors, actions = [observation], [info["factors"]], []
        for _ in range(40 + seed):
            actions.append(env.action_space.sample())
            observation, _, _, _, info = env.step(actions[-1])
            seen.append(observation)
            factors.append(info["factors"])
        buffers.append(episode(len(actions), observations=seen, actions=actions, factors=factors))
        kept += list(zip(seen, factors, actions, strict=False))  # an action follows each
    made("bvae/reach-v0", buffers, env=env, observation_space=None, action_space=None)

    out = str(tmp_path / "frames")
    assert main(["import", "bvae/reach-v0", "--out", out]) == 0
    said = capsys.readouterr().out
    assert "123 frames of 64x64x3 from bvae/reach-v0; factors shoulder, elbow" in said
    assert f"next: bvae-rl pretrain {out}" in said
    store = FrameStore.existing(out)
    got, expected = store.read(), [np.array(column) for column in zip(*kept, strict=True)]
    assert np.array_equal(got.frames, expected[0])
    assert np.array_equal(got.factors, expected[1].astype(np.float32))
    assert np.array_equal(got.actions, expected[2])
    assert got.episode.tolist() == [0] * 40 + [1] * 41 + [2] * 42
    assert got.state.tolist() == list(range(123))
    assert store.factor_specs == SPECS
    assert store.meta["minari"] == "bvae/reach-v0"
    assert (store.meta["env"], store.meta["domain"]) == ("bvae_rl/PlanarReach-v0", "ood1")

    vae = pretrain(out, tmp_path / "vae")
    assert vae.meta["training"]["store"] == store.identity()
    assert f"next: bvae-rl visualize {tmp_path / 'vae'} --domain ood1" in capsys.readouterr().out


def test_grey_pictures_in_dict_observations_are_resized_and_pretrained_on(tmp_path: Path) -> None:
    small = np.random.default_rng(0).integers(0, 256, (41, 32, 48), dtype=np.uint8)
    big = small.repeat(2, axis=1).repeat(2, axis=2)[:, None]  # (41, 1, 64, 96)
    space = {"camera": spaces.Box(0, 255, (1, 64, 96), np.uint8), "pose": MOVES}
    observations = {"camera": big, "pose": np.zeros((41, 2), np.float32)}
    made("grey-v0", [episode(40, observations=observations)], observation_space=spaces.Dict(space))
    out = tmp_path / "frames"
    assert main(["import", "grey-v0", "--size", "32", "48", "--out", str(out)]) == 0
    store = FrameStore.existing(out)
    assert np.array_equal(store.read().frames[..., 0], small[:40])
    assert store.meta["picture"] == {"key": "camera", "recorded": [1, 64, 96], "size": [32, 48]}
    assert pretrain(out, tmp_path / "vae").shape == (1, 32, 48)


def test_wrappers_that_the_commands_can_name_are_kept(tmp_path: Path) -> None:
    wrappers = ("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper")
    named = EnvConfig("minigrid:MiniGrid-Empty-8x8-v0", wrappers).make()
    given = gym.wrappers.GrayscaleObservation(gym.make("bvae_rl/PlanarReach-v0"), keep_dim=True)
    for name, env, expected in (("named-v0", named, list(wrappers)), ("given-v0", given, [])):
        seen = np.zeros((5, *env.observation_space.shape), np.uint8)
        buffer = episode(4, observations=seen)
        made(name, [buffer], env=env, observation_space=None)
        read(name, tmp_path / name)
        assert FrameStore(tmp_path / name).meta["wrappers"] == expected


def test_jpeg_is_what_minari_keeps_by_default(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(0, 256, 8, dtype=np.uint8)[:, None, None], (5, 32, 32, 3))
    frames = read(made("jpeg-v0", [episode(4, observations=ramp)], jpeg_encoding=True), tmp_path)
    assert np.abs(frames.frames.astype(int) - ramp[:4]).mean() < 3


def test_a_folder_is_read_like_its_id(tmp_path: Path, root: Path) -> None:
    made("some/name-v1", episodes())
    by_id = read("some/name-v1", tmp_path / "a")
    for number, folder in enumerate((root / "some/name-v1", root / "some/name-v1" / "data")):
        assert np.array_equal(read(str(folder), tmp_path / str(number)).frames, by_id.frames)


def test_the_limit_counts_whole_episodes_and_more_can_be_read_later(tmp_path: Path) -> None:
    data = made("some-v0", episodes())
    assert len(read(data, tmp_path / "a", 11)) == 4 + 7
    assert len(read(data, tmp_path / "a", 11)) == 4 + 7
    assert len(read(data, tmp_path / "a", 12)) == 4 + 7 + 2
    later, once = read(data, tmp_path / "a"), read(data, tmp_path / "b")
    assert len(once) == sum(LENGTHS)
    for name, array in once.arrays().items():
        assert np.array_equal(array, later.arrays()[name]), name


def test_a_killed_read_ends_with_the_same_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minari_reader, "BLOCK_FRAMES", 5)
    data, kills = made("some-v0", episodes()), [3]

    def killed_once(episode: Any) -> np.ndarray:
        if episode.id in kills:
            kills.remove(episode.id)
            raise KeyboardInterrupt
        return np.full((len(episode) + 1, 1), episode.id)

    with pytest.raises(KeyboardInterrupt):
        read(data, tmp_path / "a", factors=killed_once)
    assert len(FrameStore.existing(tmp_path / "a")) == 4 + 7  # the third was not yet counted
    again = read(data, tmp_path / "a", factors=killed_once)
    once = read(data, tmp_path / "b", factors=killed_once)
    for name, array in once.arrays().items():
        assert np.array_equal(array, again.arrays()[name]), name


def test_a_seed_shuffles_whole_episodes_and_belongs_to_the_store(tmp_path: Path) -> None:
    data = made("some-v0", episodes())
    plain, first = read(data, tmp_path / "plain"), read(data, tmp_path / "a", seed=1)
    assert np.array_equal(first.frames, read(data, tmp_path / "b", seed=1).frames)
    lengths = np.bincount(first.episode).tolist()
    assert lengths != list(LENGTHS) and sorted(lengths) == sorted(LENGTHS)
    assert first.factors[:, 0].tolist() == np.repeat(lengths, lengths).tolist()
    bytes_of = {frame.tobytes() for frame in plain.frames}
    assert {frame.tobytes() for frame in first.frames} == bytes_of
    with pytest.raises(ValueError, match="holds frames made with"):
        read(data, tmp_path / "a", seed=2)
    part = data.filter_episodes(lambda episode: len(episode) > 3)
    assert len(read(part, tmp_path / "part")) == 4 + 7 + 5


def test_factors_come_from_infos_or_a_function_or_not_at_all(tmp_path: Path) -> None:
    data, spec = made("some-v0", episodes()), FactorSpec("size", low=0, high=9)
    assert read(data, tmp_path / "a", factors=None).factors is None
    assert main(["import", "some-v0", "--factors", "none", "--out", str(tmp_path / "a")]) == 0

    def both(episode: Any) -> np.ndarray:
        return np.stack([np.arange(len(episode) + 1), recorded_factors(episode)[:, 0]], axis=1)

    specs = [FactorSpec("time", low=0, high=9), spec]
    got = read(data, tmp_path / "b", factors=both, factor_specs=specs)
    assert got.factors[:6].tolist() == [[0, 4], [1, 4], [2, 4], [3, 4], [0, 7], [1, 7]]
    store = FrameStore(tmp_path / "b")
    assert store.factor_specs == tuple(specs) and store.meta["factors"].endswith("both")
    unknown = read(data, tmp_path / "c")
    assert unknown.factors.shape == (21, 2) and FrameStore(tmp_path / "c").factor_specs == ()
    assert FrameStore(tmp_path / "c").meta["factors"] == "infos"


def test_factors_from_a_table_have_a_row_a_kept_frame(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("some-v0", episodes())
    rows = np.arange(sum(LENGTHS))
    path, out = tmp_path / "factors.csv", tmp_path / "out"
    path.write_text("\n".join(["number", *map(str, rows)]))
    words = ["import", "some-v0", "--factors", str(path), "--seed", "1", "--grey"]
    assert main([*words, "--out", str(out)]) == 0
    assert "factors number\n- number (continuous, [0, 20])" in capsys.readouterr().out
    plain, got = read("some-v0", tmp_path / "plain"), FrameStore.existing(out).read()
    assert got.factors[:, 0].tolist() != rows.tolist()  # other episodes come first
    for frame, number in zip(got.frames, got.factors[:, 0].astype(int), strict=True):
        grey = cv2.cvtColor(plain.frames[number], cv2.COLOR_RGB2GRAY).astype(int)
        assert np.abs(frame[..., 0] - grey).max() <= 1  # OpenCV rounds the weights
    path.write_text("\n".join(["number", *map(str, rows[1:])]))
    assert main([*words, "--out", str(out)]) == 2
    assert "has 20 rows and the Minari dataset some-v0 has 21 frames" in capsys.readouterr().err
    assert main(["import", "some-v0", "--cyclic", "number"]) == 2
    assert "go with a CSV file: --factors factors.csv" in capsys.readouterr().err


def test_an_environment_that_cannot_be_made_leaves_factors_without_names(
    tmp_path: Path, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = gym.make("bvae_rl/PlanarReach-v0")
    made("gone-v0", episodes(), env=world)
    read("gone-v0", tmp_path / "a")
    assert "describes 7 factors, and 2 are recorded" in caplog.text
    read("gone-v0", tmp_path / "c", factors=lambda episode: np.zeros((len(episode) + 1, 7)))
    assert FrameStore(tmp_path / "c").factor_specs == ()  # a function's columns are its own
    metadata = root / "gone-v0" / "data" / "metadata.json"
    metadata.write_text(metadata.read_text().replace("bvae_rl.envs.planar.reach", "gone.reach"))
    assert read("gone-v0", tmp_path / "b").factors is not None
    assert "its environment cannot be made (No module named 'gone')" in caplog.text
    assert FrameStore(tmp_path / "a").factor_specs == FrameStore(tmp_path / "b").factor_specs == ()


@pytest.mark.parametrize(
    ("space", "actions", "expected"),
    [
        (spaces.Discrete(5), np.array([3, 0, 4, 1]), [[3], [0], [4], [1]]),
        (spaces.MultiDiscrete([2, 3]), np.array([[1, 2]] * 4), [[1, 2]] * 4),
        (spaces.Dict({"move": MOVES}), {"move": np.zeros((4, 2), np.float32)}, None),
    ],
    ids=["discrete", "multi-discrete", "dict"],
)
def test_actions_are_kept_as_vectors_and_those_of_parts_are_left_out(
    space: Any, actions: Any, expected: Any, tmp_path: Path
) -> None:
    got = read(made("some-v0", [episode(4, actions=actions)], action_space=space), tmp_path / "a")
    assert (None if got.actions is None else got.actions.tolist()) == expected
    assert got.factors is None
