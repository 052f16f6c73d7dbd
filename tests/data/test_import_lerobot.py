"""Local LeRobot datasets, written here: formats v2 and v3, videos, images, what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers import recording
from bvae_rl.data.readers.importing import import_frames
from bvae_rl.scripts.cli import main
from tests.import_cases import pictures, read, refused

pa = pytest.importorskip("pyarrow", reason="LeRobot datasets need the extra lerobot")
parquet = pytest.importorskip("pyarrow.parquet")
av = pytest.importorskip("av", reason="LeRobot's videos need the extra lerobot")

LENGTHS = (4, 7, 3)
FPS = 10
CAMERA = "observation.images.front"
LEVELS = [np.linspace(20, 220, n).astype(int) for n in LENGTHS]  # grey that tells the frames apart


def video(path: Path, levels: Any, codec: str) -> None:
    """One plain picture a level; a key frame every fifth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for level in levels:
            frame = av.VideoFrame.from_ndarray(
                np.full((64, 96, 3), level, np.uint8), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def table(path: Path, columns: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, row_group_size=3)


def rows(number: int) -> dict[str, Any]:
    """The numbers of an episode."""
    count = LENGTHS[number]
    return {
        "observation.state": [[number + step / 10, step * 2.0, 1.0] for step in range(count)],
        "action": [[number, -step] for step in range(count)],
        "episode_index": [number] * count,
        "frame_index": list(range(count)),
        "task": ["push"] * count,
    }


def info(root: Path, version: str, cameras: dict[str, str], **paths: str) -> Path:
    features: dict[str, Any] = {
        "observation.state": {"dtype": "float32", "shape": [3], "names": ["hip", "knee", "base"]},
        **{name: {"dtype": kind, "shape": [64, 96, 3]} for name, kind in cameras.items()},
        "observation.depth": {"dtype": "video", "info": {"video.is_depth_map": True}},
    }
    (root / "meta").mkdir(parents=True, exist_ok=True)
    (root / "meta" / "info.json").write_text(json.dumps({
        "codebase_version": version, "fps": FPS, "total_frames": sum(LENGTHS), "chunks_size": 2,
        "features": features, **paths,
    }))  # fmt: skip
    return root


def v2(root: Path) -> Path:
    """A file an episode, two episodes in a chunk."""
    for number in range(len(LENGTHS)):
        chunk, name = f"chunk-{number // 2:03d}", f"episode_{number:06d}"
        table(root / "data" / chunk / f"{name}.parquet", rows(number))
        video(root / "videos" / chunk / CAMERA / f"{name}.mp4", LEVELS[number], "libx264")
    path = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    return info(root, "v2.1", {CAMERA: "video"}, video_path=path)


def v3(root: Path) -> Path:
    """All episodes in one table and two videos, in AV1."""
    parts = [rows(number) for number in range(len(LENGTHS))]
    joined = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    table(root / "data" / "chunk-000" / "file-000.parquet", joined)
    folder = root / "videos" / CAMERA / "chunk-000"
    video(folder / "file-000.mp4", np.concatenate(LEVELS[:2]), "libsvtav1")
    video(folder / "file-001.mp4", LEVELS[2], "libsvtav1")
    place = f"videos/{CAMERA}/"
    table(root / "meta" / "episodes" / "chunk-000" / "file-000.parquet", {
        "episode_index": [0, 1, 2], f"{place}chunk_index": [0, 0, 0],
        f"{place}file_index": [0, 0, 1], f"{place}from_timestamp": [0.0, LENGTHS[0] / FPS, 0.0],
    })  # fmt: skip
    path = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    return info(root, "v3.0", {CAMERA: "video"}, video_path=path)


@pytest.fixture(scope="module", params=[v2, v3], ids=["v2", "v3"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.param(tmp_path_factory.mktemp("lerobot") / "push")


def test_frames_actions_and_state_of_each_episode(
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(recording, "BLOCK_FRAMES", 3)  # blocks begin within episodes
    out = tmp_path / "out"
    assert main(["import", str(dataset), "--out", str(out), "--size", "32", "48"]) == 0
    said = capsys.readouterr()
    assert f"14 frames of 32x48x3 from {dataset}; factors hip, knee" in said.out
    assert "'base' never changes and is left out" in said.err
    got = FrameStore.existing(out).read()
    assert got.episode.tolist() == np.repeat([0, 1, 2], LENGTHS).tolist()
    middle = got.frames[:, 16, 24].astype(int)
    assert np.abs(middle - np.concatenate(LEVELS)[:, None]).max() <= 6  # a codec's losses
    parts = [rows(number) for number in range(3)]
    assert got.actions.tolist() == [action for part in parts for action in part["action"]]
    state = np.array([one for part in parts for one in part["observation.state"]], np.float32)
    assert np.array_equal(got.factors, state[:, :2])
    assert "policy" not in FrameStore(out).meta
    shuffled = read(dataset, tmp_path / "b", size=(32, 48), grey=True, seed=2)
    assert shuffled.frames.shape == (14, 32, 48, 1)
    levels = {number: LEVELS[number][0] for number in range(3)}
    firsts = [int(e) for e in shuffled.actions[np.flatnonzero(shuffled.actions[:, 1] == 0), 0]]
    starts = np.flatnonzero(np.r_[True, np.diff(shuffled.episode) != 0])
    seen = shuffled.frames[starts, 16, 24, 0].astype(int)
    assert np.abs(seen - [levels[number] for number in firsts]).max() <= 6


def test_images_in_the_rows(tmp_path: Path) -> None:
    root, all_pictures = tmp_path / "push", pictures(sum(LENGTHS))
    cells: list[Any] = []
    for number, picture in enumerate(all_pictures):
        png = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
        file = root / "images" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png)
        inside = number % 2 == 0  # the others are named by their paths
        cells.append({"bytes": png if inside else None, "path": f"images/{number}.png"})
    first = 0
    for number, count in enumerate(LENGTHS):
        columns = {**rows(number), "cam": cells[first : first + count]}
        table(root / "data" / "chunk-000" / f"file-{number}.parquet", columns)
        first += count
    got = read(info(root, "v3.0", {"cam": "image"}), tmp_path / "out", key="cam")
    assert np.array_equal(got.frames, all_pictures)


def test_a_dataset_that_is_not_whole_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = v2(tmp_path / "push"), ("--size", "32", "32", "--out", tmp_path / "out")
    said = refused(capsys, root, "--key", "observation.depth", *out)
    assert f"has no camera 'observation.depth'; known: {CAMERA}" in said
    path = root / "videos" / "chunk-001" / CAMERA / "episode_000002.mp4"
    whole = path.read_bytes()
    path.unlink()
    assert "is missing: the video of episode 2" in refused(capsys, root, *out)
    video(path, LEVELS[2][:2], "libx264")
    said = refused(capsys, root, *out)
    assert "has no picture at second 0.200, where frame 2 of episode 2 should be" in said
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be decoded" in refused(capsys, root, *out)
    path.write_bytes(whole)
    data = root / "data" / "chunk-001" / "episode_000002.parquet"
    data.rename(tmp_path / "kept")
    assert "says 14 frames, and data/ holds 11" in refused(capsys, root, *out)
    (tmp_path / "kept").rename(data)
    (data.parent / "copy.parquet").write_bytes(data.read_bytes())
    assert "frame 0 of episode 2 twice" in refused(capsys, root, *out)


def test_without_its_packages_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = v2(tmp_path / "push")
    monkeypatch.setitem(sys.modules, "av", None)
    said = refused(capsys, root, "--size", "32", "32", "--out", tmp_path / "out")
    assert 'install it with: pip install "bvae-rl[lerobot]"' in said
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "needs the package 'pyarrow'" in refused(capsys, root, "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{}", "is not that of a LeRobot dataset: KeyError"),
        (lambda text: text.replace("v2.1", "v1.6"), "of format v1.6; v2 and v3 can be read"),
        (lambda text: text.replace('"base"', '"base"]}, "b": {"dtype": "image", "names": ["x"'),
         f"has 2 cameras: b, {CAMERA}; choose one with key= (--key)"),
        (lambda text: text.replace("{video_key}", "{camera}"), "'camera' is missing"),
    ],
    ids=["empty", "version", "cameras", "template"],
)  # fmt: skip
def test_wrong_descriptions_are_refused(
    change: Callable[[str], str], message: str, tmp_path: Path
) -> None:
    root = info(tmp_path, "v2.1", {CAMERA: "video"}, video_path="{video_key}.mp4")
    table(root / "data" / "a.parquet", {**rows(0)})
    path = root / "meta" / "info.json"
    path.write_text(change(path.read_text().replace('"total_frames": 14', '"total_frames": 4')))
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        import_frames(root, tmp_path / "out")
