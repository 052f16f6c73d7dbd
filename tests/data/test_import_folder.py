"""Folders of images: order, episodes, channels, depth, sizes, interruption, refusals."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers import recording
from bvae_rl.data.readers.image_folder import natural
from bvae_rl.data.readers.importing import import_frames
from bvae_rl.runtime.optional import require
from bvae_rl.scripts.cli import main
from tests.import_cases import folder, picture, pictures, read, refused, write

PIL = require("PIL.Image", extra="plots")


def test_names_are_in_natural_order() -> None:
    names = ["b1", "frame10.png", "frame9.png", "frame2.png", "10", "9"]
    assert sorted(names, key=natural) == [
        "9",
        "10",
        "b1",
        "frame2.png",
        "frame9.png",
        "frame10.png",
    ]


def test_a_flat_folder_gives_independent_frames_in_natural_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "pics", ["f1.png", "f2.PNG", "f10.bmp"])
    (source / ".hidden.png").write_bytes(b"no image")
    (source / "notes.txt").write_text("no image")
    out = tmp_path / "frames"
    assert main(["import", str(source), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert f"3 frames of 32x48x3 from {source}\n" in said.out
    assert f"next: bvae-rl pretrain {out}" in said.out
    assert "nothing says which frames follow each other (subfolders, an array" in said.err
    store = FrameStore.existing(out)
    assert np.array_equal(store.read().frames, pictures(3))
    assert store.meta["policy"] == "independent" and store.read().episode.tolist() == [0, 0, 0]
    assert not store.missing


def test_subfolders_are_episodes(tmp_path: Path) -> None:
    names = ["run2/a.png", "run2/b.png", "run10/x.png", "run10/sub/y.png"]
    got = read(folder(tmp_path / "pics", names), tmp_path / "a")
    assert got.episode.tolist() == [0, 0, 1, 2]
    assert np.array_equal(got.frames, pictures(4))
    assert "policy" not in FrameStore(tmp_path / "a").meta
    some = read(tmp_path / "pics", tmp_path / "b", frames=1)
    assert len(some) == 2  # whole episodes
    shuffled = read(tmp_path / "pics", tmp_path / "c", seed=3)
    assert shuffled.episode.tolist() != got.episode.tolist()
    assert {f.tobytes() for f in shuffled.frames} == {f.tobytes() for f in got.frames}


def test_what_an_image_is_made_of(tmp_path: Path) -> None:
    grey = picture(0, channels=1)
    rgba = np.dstack([picture(1), np.zeros((32, 48, 1), np.uint8)])
    write(tmp_path / "alpha" / "a.png", rgba)
    assert np.array_equal(read(tmp_path / "alpha", tmp_path / "1").frames[0], picture(1))
    write(tmp_path / "deep" / "a.png", grey.astype(np.uint16) * 257)
    assert np.array_equal(read(tmp_path / "deep", tmp_path / "2").frames[0], grey)
    both = PIL.fromarray(grey[..., 0]).convert("LA")  # grey and alpha
    both.save(tmp_path / "deep" / "a.png")
    assert np.array_equal(read(tmp_path / "deep", tmp_path / "la").frames[0], grey)
    write(tmp_path / "float" / "a.tiff", (grey / 255).astype(np.float32))
    assert np.array_equal(read(tmp_path / "float", tmp_path / "f").frames[0], grey)
    write(tmp_path / "float" / "b.tiff", grey.astype(np.float32))
    with pytest.raises(ValueError, match=r"b\.tiff in .*: it holds float32 in \[0, 255\]"):
        import_frames(tmp_path / "float", tmp_path / "f")
    write(tmp_path / "mixed" / "a.png", grey)
    write(tmp_path / "mixed" / "b.png", picture(1))
    mixed = read(tmp_path / "mixed", tmp_path / "3").frames
    assert np.array_equal(mixed[0], grey.repeat(3, axis=2)) and np.array_equal(mixed[1], picture(1))
    one = read(tmp_path / "mixed", tmp_path / "4", grey=True).frames
    expected = cv2.cvtColor(picture(1), cv2.COLOR_RGB2GRAY)[..., None]
    assert np.array_equal(one[0], grey)
    assert np.abs(one[1].astype(int) - expected).max() <= 1  # OpenCV rounds the weights


def test_sizes_that_differ_name_the_first_two_and_the_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = folder(tmp_path / "pics", ["1.png", "2.png"]), tmp_path / "out"
    write(source / "3.png", picture(2, sides=(64, 96)).repeat(2, axis=0))
    said = refused(capsys, source, "--out", out)
    assert "1.png has 32 x 48, and 3.png has 128 x 96 pixels" in said and "--size 64 64" in said
    assert not out.exists()
    assert read(source, out, size=(32, 48)).frames.shape == (3, 32, 48, 3)
    assert np.array_equal(FrameStore(out).read().frames[:2], pictures(2))
    with pytest.raises(ValueError, match="frames made with other settings"):
        import_frames(source, out, size=(48, 48))


def test_a_killed_import_goes_on_and_notices_another_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "BLOCK_FRAMES", 2)
    source = folder(tmp_path / "pics", [f"{n}.png" for n in range(7)])

    def killed(added: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_frames(source, tmp_path / "a", progress=killed)
    half = FrameStore.existing(tmp_path / "a")
    assert (len(half), half.missing) == (2, 5)
    assert np.array_equal(read(source, tmp_path / "a").frames, pictures(7))
    write(source / "3.png", picture(99))
    with pytest.raises(ValueError, match=r"frames made with other settings \(imported.crc32"):
        import_frames(source, tmp_path / "a")


def test_a_jpeg_that_ends_too_early_is_named(tmp_path: Path) -> None:
    write(tmp_path / "1.jpg", picture(0))
    data = (tmp_path / "1.jpg").read_bytes()
    assert len(read(tmp_path, tmp_path / "out")) == 1
    (tmp_path / "1.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"1\.jpg in .* can be read: it ends too early"):
        import_frames(tmp_path, tmp_path / "other")


@pytest.mark.parametrize("broken", [b"", b"no image", None], ids=["empty", "text", "cut"])
def test_a_broken_image_is_named_before_anything_is_written(
    broken: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = folder(tmp_path / "pics", ["a/1.png", "a/2.png"])
    path = source / "a" / "2.png"
    path.write_bytes(path.read_bytes()[:200] if broken is None else broken)
    said = refused(capsys, source, "--out", tmp_path / "out")
    assert "a/2.png" in said and "is no image that can be read" in said
    assert not (tmp_path / "out").exists()


def test_what_is_no_source_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", tmp_path / "out")
    assert "does not exist" in refused(capsys, tmp_path / "nothing", *out)
    (tmp_path / "empty").mkdir()
    assert "holds no images and no dataset (it is empty)" in refused(
        capsys, tmp_path / "empty", *out
    )
    (tmp_path / "video.avi").write_bytes(b"")
    assert "a file of no known kind" in refused(capsys, tmp_path / "video.avi", *out)
    both = folder(tmp_path / "both", ["1.png", "sub/2.png"])
    said = refused(capsys, both, *out)
    assert "(1.png) and in its subfolders (sub/2.png)" in said
    flat = folder(tmp_path / "flat", ["1.png"])
    assert "key='x' names an array or a camera" in refused(capsys, flat, "--key", "x", *out)
    assert "channels=3 is for arrays" in refused(capsys, flat, "--channels", "3", *out)
    assert "no factor is called 'x'" in refused(capsys, flat, "--cyclic", "x", *out)
    assert "size is (H, W), from 16 to 512" in refused(capsys, flat, "--size", "1", "64", *out)
    small = tmp_path / "small"
    write(small / "1.png", picture(0, sides=(7, 7)))
    assert "pictures of 7 x 7 pixels, and a frame needs 16" in refused(capsys, small, *out)


def test_folders_behind_links_are_read_once(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", ["a/0.png", "a/1.png"])
    elsewhere = folder(tmp_path / "elsewhere", ["0.png"])
    (source / "b").symlink_to(elsewhere, target_is_directory=True)
    (source / "a" / "round").symlink_to(source, target_is_directory=True)
    assert len(import_frames(source, tmp_path / "store")) == 3


def test_several_pages_are_refused(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    pages = [picture(level)[..., ::-1].copy() for level in (10, 20)]
    assert cv2.imwritemulti(str(tmp_path / "source" / "scan.tiff"), pages)
    with pytest.raises(ValueError, match=r"scan.tiff.*several pages; save each as an image"):
        import_frames(tmp_path / "source", tmp_path / "store")
