"""Minari datasets that cannot be read, and what the error says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers.minari_reader import open_minari
from bvae_rl.scripts.cli import main
from tests.minari_cases import datasets_in, episode, episodes, made, minari, read

VECTOR = spaces.Box(-1, 1, (3,), np.float64)
GRID = spaces.Box(0, 255, (7, 7, 3), np.uint8)
TWO = np.zeros((5, 2))  # factors of an episode of four steps


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return datasets_in(tmp_path / "minari", monkeypatch)


def command(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line that a refused import says."""
    assert main(["import", *argv]) == 2
    err = capsys.readouterr().err.strip()
    assert err.startswith("bvae-rl: error: ") and "\n" not in err
    return err


def test_an_unknown_id_lists_the_local_ones_and_how_to_download(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "local: none" in command(capsys, "some-v0")
    made("some-v0", episodes())
    made("other/one-v3", episodes())
    said = command(capsys, "some-v1", "--out", str(tmp_path / "out"))
    assert "no Minari dataset 'some-v1', neither a folder nor a local id" in said
    assert "local: some-v0, other/one-v3;" in said
    assert 'minari download some-v1 (needs: pip install "minari[hf]")' in said
    assert not (tmp_path / "out").exists()
    (root / "broken-v0" / "data").mkdir(parents=True)
    assert "local: some-v0, other/one-v3;" in command(capsys, "some-v1")
    (root / "unversioned" / "data").mkdir(parents=True)
    assert "local: none" in command(capsys, "some-v1")


def test_without_minari_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    assert 'pip install "bvae-rl[minari]"' in command(capsys, "some-v0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:50], r"can read \(JSONDecodeError"),
        (lambda text: "{}", r"can read \(AssertionError"),
        (lambda text: text.replace("hdf5", "tape"), r"can read \(.*tape"),
        (lambda text: text.replace(minari.__version__, "9.0.0"), "does not support .* 9.0.0"),
        (lambda text: text.replace("dataset_id", "name"), r"can read \(KeyError: 'dataset_id'\)"),
    ],
    ids=["cut", "empty", "format", "version", "no id"],
)
def test_damaged_metadata_is_refused(change: Any, message: str, root: Path) -> None:
    made("some-v0", episodes())
    metadata = root / "some-v0" / "data" / "metadata.json"
    metadata.write_text(change(metadata.read_text()))
    with pytest.raises(ValueError, match=message):
        open_minari("some-v0")


def test_a_damaged_episode_is_named_and_what_came_before_is_kept(
    tmp_path: Path, root: Path
) -> None:
    made("some-v0", episodes())
    metadata = root / "some-v0" / "data" / "metadata.json"
    recorded = json.loads(metadata.read_text())
    metadata.write_text(json.dumps({**recorded, "total_episodes": 6}))
    read("some-v0", tmp_path / "store", 11)
    with pytest.raises(ValueError, match=r"episode 5 of some-v0 cannot be read"):
        read("some-v0", tmp_path / "store")
    assert len(FrameStore.existing(tmp_path / "store")) == 11
    data = root / "some-v0" / "data" / "main_data.hdf5"
    data.write_bytes(data.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"episode 0 of some-v0 cannot be read"):
        read("some-v0", tmp_path / "other")


@pytest.mark.parametrize(
    ("space", "observations", "message"),
    [
        (VECTOR, np.zeros((5, 3)), "the observation space is no picture: Box (3,) float64"),
        (GRID, np.zeros((5, 7, 7, 3), np.uint8), "symbolic observations"),
        (
            spaces.Dict({"image": GRID, "pose": VECTOR}),
            {"image": np.zeros((5, 7, 7, 3), np.uint8), "pose": np.zeros((5, 3))},
            "is a picture: image (Box (7, 7, 3) uint8), pose (Box (3,) float64)",
        ),
    ],
    ids=["vector", "symbolic", "dict"],
)
def test_datasets_without_usable_pictures_are_refused_before_anything_is_written(
    space: Any, observations: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("some-v0", [episode(4, observations=observations)], observation_space=space)
    assert message in command(capsys, "some-v0", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--frames", "0"], "frames must be at least 1, got 0"),
        (["--seed", "-1"], "seed must be at least 0, got -1"),
        (["--size", "8", "60"], "size is (H, W), from 16 to 512 pixels each, got (8, 60)"),
        (["--channels", "0"], "channels must be at least 1, got 0"),
        (["--key", "image"], "key='image' needs Dict observations"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_options_are_one_line(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made("some-v0", episodes())
    assert message in command(capsys, "some-v0", *flags, "--out", str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (episode(4), "episode 1 of some-v0 has no factors, unlike the first one read"),
        (episode(4, factors=np.zeros((4, 2))), r"shape \(4, 2\), expected .* = \(5, 2\)"),
        (episode(4, factors=np.zeros((5, 3))), r"shape \(5, 3\), expected .* = \(5, 2\)"),
        (episode(4, factors=np.full((5, 2), np.nan)), "episode 1 .* not finite"),
        (episode(4, observations=np.zeros((4, 32, 32, 3), np.uint8)), "4 observations for 4 steps"),
        (episode(4, actions=np.zeros((3, 2)), factors=TWO), "3 actions for 4 steps"),
        (episode(4, observations=np.zeros((5, 32, 48, 3), np.uint8)), r"uint8 \(32, 48, 3\)"),
    ],
    ids=["none", "rows", "columns", "nan", "observations", "actions", "shape"],
)
def test_an_episode_that_does_not_fit_is_named(second: Any, message: str, tmp_path: Path) -> None:
    data = made("some-v0", [episode(4, factors=TWO), second])
    with pytest.raises(ValueError, match=message):
        read(data, tmp_path / "store")


def test_factor_specs_have_to_fit_the_factors(tmp_path: Path) -> None:
    one = [FactorSpec("size", low=0, high=9)]
    with pytest.raises(ValueError, match="describe 1 factors and some-v0 has 2"):
        read(made("some-v0", episodes()), tmp_path / "a", factor_specs=one)
    with pytest.raises(ValueError, match="describe 1 factors and none-v0 has 0"):
        read(made("none-v0", [episode(4)]), tmp_path / "b", factor_specs=one)
    with pytest.raises(ValueError, match=r"factors are \(T \+ 1, K\) .* got shape \(5,\)"):
        read(made("flat-v0", [episode(4, factors=np.zeros(5))]), tmp_path / "c")


def test_datasets_without_frames_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made("some-v0", episodes())
    with pytest.raises(ValueError, match="some-v0 holds no episodes"):
        read(data.filter_episodes(lambda episode: False), tmp_path / "a")
    still = dict.fromkeys(("actions", "rewards", "terminations", "truncations"), np.zeros(0))
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    still = minari.EpisodeData(id=0, observations=pictures, infos={}, **still)
    monkeypatch.setattr(data, "iterate_episodes", lambda indices: [still])
    with pytest.raises(ValueError, match="no episode of the Minari dataset some-v0 holds a step"):
        read(data, tmp_path / "b")
    assert not (tmp_path / "b").exists()
