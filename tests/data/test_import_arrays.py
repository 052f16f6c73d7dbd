"""Arrays in files: which one, its layout and brightness, what stands beside it, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers import array_file, recording
from bvae_rl.data.readers.importing import import_frames
from tests.import_cases import pictures, read, refused

RGB = pictures(5)
GREY = pictures(5, channels=1)
BITS = (GREY > 127).astype(np.uint8)


def test_floats_may_be_a_hair_above_1_and_not_half_way_to_255(tmp_path: Path) -> None:
    floats = np.random.default_rng(0).random((5, 32, 32, 3)).astype(np.float32)
    floats[0, 0, 0, 0] = 1.0000001
    np.savez(tmp_path / "f.npz", frames=floats)
    got = read(tmp_path / "f.npz", tmp_path / "out").frames
    assert np.array_equal(got, np.minimum(np.rint(floats * 255), 255).astype(np.uint8))
    np.savez(tmp_path / "g.npz", frames=floats * 1.5)
    with pytest.raises(ValueError, match=r"neither 0 to 1 nor 0 to 255; cut them off"):
        read(tmp_path / "g.npz", tmp_path / "no")


def test_arrays_of_objects_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.savez(tmp_path / "o.npz", frames=RGB, factors=np.array([[1, "a"]] * 5, dtype=object))
    with caplog.at_level("WARNING"):
        assert read(tmp_path / "o.npz", tmp_path / "out").factors is None
    assert "'factors' left out, since reading Python objects" in caplog.text


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
def test_all_that_stands_beside_the_pictures(
    save: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "BLOCK_FRAMES", 2)
    monkeypatch.setattr(array_file, "ROWS", 3)
    actions = np.arange(5)
    factors = np.stack([np.linspace(0, 1, 5), [4, 4, 4, 7, 7]], axis=1)
    save(
        tmp_path / "some.npz", frames=RGB, episode=np.array([8, 8, 3, 3, 3]), actions=actions,
        factors=factors, factor_names=["x", "kind"], other=np.zeros((5, 32, 32, 3)),
    )  # fmt: skip
    got = read(tmp_path / "some.npz", tmp_path / "out")
    assert np.array_equal(got.frames, RGB)
    assert got.episode.tolist() == [0, 0, 1, 1, 1]
    assert got.actions.tolist() == [[0], [1], [2], [3], [4]]
    assert np.array_equal(got.factors, factors.astype(np.float32))
    store = FrameStore(tmp_path / "out")
    assert store.factor_specs == (
        FactorSpec("x", low=0, high=1), FactorSpec("kind", "categorical", values=(4.0, 7.0)),
    )  # fmt: skip
    assert store.blocks == 3
    first = read(tmp_path / "some.npz", tmp_path / "none", factors="none", frames=2)
    assert first.factors is None and len(first) == 2
    again = read(tmp_path / "some.npz", tmp_path / "none", factors="none")  # and now the rest
    assert np.array_equal(again.frames, RGB)


def test_only_what_is_compressed_cannot_be_shuffled(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", RGB)
    shuffled = read(tmp_path / "some.npy", tmp_path / "a", seed=1).frames
    assert not np.array_equal(shuffled, RGB)
    assert {f.tobytes() for f in shuffled} == {f.tobytes() for f in RGB}
    np.savez_compressed(tmp_path / "some.npz", RGB)
    with pytest.raises(ValueError, match=r"compressed.*leave out the seed, or .* np\.savez"):
        import_frames(tmp_path / "some.npz", tmp_path / "b", seed=1)


@pytest.mark.parametrize(
    ("stored", "expected", "channels"),
    [
        (RGB.transpose(0, 3, 1, 2), RGB, None),
        (GREY[..., 0], GREY, None),
        (np.concatenate([RGB, GREY], axis=-1), RGB, 4),  # alpha is dropped
        (np.concatenate([RGB[::-1], RGB], axis=-1), RGB, 3),
        (np.concatenate([GREY[::-1], RGB], axis=-1), RGB[..., 2:], 1),
        (BITS, BITS * 255, None),
        (BITS.astype(bool), BITS * 255, None),
        ((RGB / 255.0).astype(np.float32), RGB, None),
        (RGB.astype(np.float64), RGB, None),
        (RGB.astype(np.uint16) * 257, RGB, None),
        (RGB.astype(np.int64), RGB, None),
    ],
    ids=[
        "channels first", "H x W", "RGBA", "RGB stack", "grey stack", "0 and 1", "bool", "0..1",
        "0..255", "16 bits", "int64",
    ],
)  # fmt: skip
def test_layouts_and_brightness(
    stored: np.ndarray, expected: np.ndarray, channels: int | None, tmp_path: Path
) -> None:
    np.save(tmp_path / "some.npy", stored)
    got = read(tmp_path / "some.npy", tmp_path / "out", channels=channels)
    assert np.array_equal(got.frames, expected)
    assert got.episode.tolist() == [0] * 5
    assert FrameStore(tmp_path / "out").meta["policy"] == "independent"


def test_dsprites_is_known(tmp_path: Path) -> None:
    values = np.array(
        [[1, 1, 0.5, 0, 0, 0], [1, 2, 1, math.pi, 0.5, 0.25], [1, 3, 0.6, 2 * math.pi, 1, 1]] * 2
    )
    np.savez_compressed(
        tmp_path / "dsprites.npz", imgs=np.tile(BITS[:3, ..., 0], (2, 1, 1)), latents_values=values,
        latents_classes=values.astype(int), metadata=np.array({"it": "would be run"}),
    )  # fmt: skip
    got = read(tmp_path / "dsprites.npz", tmp_path / "out")
    assert np.array_equal(got.frames[:3], BITS[:3] * 255)
    assert np.allclose(got.factors, values[:, 1:])  # the colour never changes
    specs = {spec.name: spec for spec in FrameStore(tmp_path / "out").factor_specs}
    assert list(specs) == ["shape", "scale", "orientation", "posX", "posY"]
    assert specs["shape"].values == (1, 2, 3) and specs["scale"].kind == "continuous"
    assert (specs["orientation"].kind, specs["orientation"].high) == ("cyclic", 2 * math.pi)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": RGB, "b": RGB}, "several arrays of pictures: a, b; choose one with key= (--key)"),
        ({"x": np.zeros(5)}, "holds no pictures: an array 'frames'"),
        ({"frames": np.zeros((5, 32, 32, 4), np.uint8)}, "--channels 4 for RGBA"),
        ({"frames": np.zeros((5, 32), np.uint8)}, "(5, 32), which is no array of pictures"),
        ({"frames": RGB[:0]}, "is empty"),
        ({"frames": RGB - 300.0}, "the pictures are float64 in ["),
        ({"frames": np.where(np.arange(5)[:, None, None, None] == 3, np.nan, RGB)}, "picture 3"),
        ({"frames": RGB, "episode": np.arange(4)}, "'episode' has the shape (4,)"),
        ({"frames": RGB, "episode": np.array([0, 1, 0, 1, 1])}, "episode 0 comes back in row 2"),
        ({"frames": RGB, "factors": np.full((5, 2), np.nan)}, "NaN or infinity in row 0, column 0"),
        ({"frames": RGB, "factors": np.eye(5), "factor_names": ["a"]}, "'factors' has 5 columns"),
        ({"frames": RGB, "actions": np.full((5, 1), np.inf)}, "'actions' holds what is no finite"),
        ({"frames": np.array(["a"] * 5)[:, None, None]}, "pictures are numbers"),
    ],
    ids=[
        "several", "none", "four channels", "shape", "empty", "range", "nan", "rows", "episode",
        "factors", "names", "actions", "text",
    ],
)  # fmt: skip
def test_arrays_that_do_not_do_are_refused(
    arrays: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "some.npz", **arrays)
    assert message in refused(capsys, tmp_path / "some.npz", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damaged_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "some.npz", tmp_path / "out"
    np.savez(path, frames=RGB)
    assert "no array 'x' in some.npz; it holds: frames" in refused(capsys, path, "--key", "x")
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    assert "some.npz is damaged in 'frames': Bad CRC-32" in refused(capsys, path, "--out", out)
    path.write_bytes(data[:300])
    assert "is no file of numpy arrays" in refused(capsys, path, "--out", out)
    np.save(tmp_path / "some.npy", RGB)
    (tmp_path / "some.npy").write_bytes((tmp_path / "some.npy").read_bytes()[:-1])
    assert "some.npy ends before its array does" in refused(
        capsys, tmp_path / "some.npy", "--out", out
    )
    np.save(tmp_path / "some.npy", np.array([{}]))
    assert "holds no pictures" in refused(capsys, tmp_path / "some.npy", "--out", out)
