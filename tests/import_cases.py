"""Small recordings for the tests: pictures that tell which one they are, in folders and arrays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.readers.importing import import_frames
from bvae_rl.scripts.cli import main

SIDES = (32, 48)


def picture(number: int, *, sides: tuple[int, int] = SIDES, channels: int = 3) -> np.ndarray:
    """Random bytes (H, W, C) of their own."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (*sides, channels), dtype=np.uint8)


def pictures(count: int, **options: int) -> np.ndarray:
    return np.stack([picture(number, **options) for number in range(count)])


def write(path: Path, image: np.ndarray) -> None:
    """An RGB (or RGBA, or grey) picture as OpenCV writes it, without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(
        image.shape[-1] if image.ndim == 3 else 1
    )
    assert cv2.imwrite(str(path), image if code is None else cv2.cvtColor(image, code))


def folder(root: Path, names: list[str]) -> Path:
    """Pictures 0, 1, ... under these names."""
    for number, name in enumerate(names):
        write(root / name, picture(number))
    return root


def read(source: object, out: Path, **options: object) -> Frames:
    """What a store at ``out`` holds after an import."""
    import_frames(source, out, **options)
    return FrameStore.existing(out).read()


def refused(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    """The one line that a refused import says."""
    assert main(["import", *map(str, argv)]) == 2
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert err.startswith("bvae-rl: error: ")
    return err
