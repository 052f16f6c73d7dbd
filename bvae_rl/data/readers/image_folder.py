"""A folder of images as a recording: natural order of the names, subfolders are episodes.

All images are looked at before the first is imported, so that one that cannot be read, or that
differs in size, is named while nothing is written yet. Alpha is dropped, 16 bits are scaled to 8,
a rotation that a camera noted (EXIF) is applied, and grey stays one channel unless others are in
colour.
"""

from __future__ import annotations

import logging
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from bvae_rl.data.pictures.resize import check_size
from bvae_rl.data.readers.picture_bytes import Size, as_bytes, size_of
from bvae_rl.data.readers.recording import Recording

IMAGES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm",
)  # fmt: skip
T = TypeVar("T")

logger = logging.getLogger(__name__)

PNG, GREY_ALPHA = b"\x89PNG\r\n\x1a\n", 4  # which OpenCV gives as three channels
JPEG, JPEG_END = b"\xff\xd8", b"\xff\xd9"
TIFF = (b"II*\0", b"MM\0*")
MANY = 2000
AHEAD = 256  # images that wait for their turn


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which frame2 comes before frame10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]


def image_files(folder: Path) -> list[Path]:
    """The images in ``folder`` and below it, in natural order; hidden ones are left out.

    Links to folders are followed, but for those that lead to one which was visited.
    """
    found, visited = [], {os.path.realpath(folder)}
    for where, folders, files in os.walk(folder, followlinks=True):
        below = {one: os.path.realpath(Path(where, one)) for one in folders if one[0] != "."}
        folders[:] = sorted((one for one in below if below[one] not in visited), key=natural)
        visited |= {below[one] for one in folders}
        names = [
            name for name in files if name.lower().endswith(IMAGES) and not name.startswith(".")
        ]
        found += [Path(where, name) for name in sorted(names, key=natural)]
    return found


def decoded(data: bytes) -> np.ndarray:
    """An encoded image as a uint8 picture, (H, W, 1) or RGB (H, W, 3); ValueError if it is none."""
    buffer = np.frombuffer(data, np.uint8)
    if data[:2] == JPEG and JPEG_END not in data[-4096:]:
        raise ValueError("it ends too early")  # the rest would be grey
    image = None
    if len(buffer):
        if data[:4] in TIFF and len(cv2.imdecodemulti(buffer, cv2.IMREAD_UNCHANGED)[1]) > 1:
            raise ValueError("it holds several pages; save each as an image of its own")
        try:
            image = cv2.imdecode(buffer, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        except cv2.error as error:
            raise ValueError(str(error)) from error
    if image is None:
        raise ValueError("it cannot be decoded")
    if image.ndim == 3 and data[:8] == PNG and data[25] == GREY_ALPHA:
        image = image[..., 0]
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if image.dtype != np.uint8:
        image = as_bytes(image, _white(image))
    return image.reshape(*image.shape[:2], -1)


def _white(image: np.ndarray) -> float:
    """Full brightness of an image of another depth, the same for all images of that kind."""
    if image.dtype == np.uint16:
        return 65535.0
    if image.dtype.kind == "f" and (image >= 0.0).all() and (image <= 1.0).all():
        return 1.0
    raise ValueError(
        f"it holds {image.dtype} in [{image.min():g}, {image.max():g}]; images are of 8 or 16 "
        "bits, or floats of 0 to 1"
    )


@dataclass(frozen=True)
class _Seen:
    """What a look at an image tells."""

    crc: int
    sides: Size
    channels: int


def open_folder(folder: str | Path, *, size: Size | None = None, grey: bool = False) -> Recording:
    """The images of ``folder`` and of its subfolders; ``size`` (H, W) resizes, ``grey`` converts.

    Raises ValueError for a folder without images, with images both in it and in subfolders, with
    one that cannot be read, or of several sizes without ``size``.
    """
    if size is not None:
        check_size(size)
    root = Path(folder)
    paths = image_files(root)
    if not paths:
        raise ValueError(f"no image in {root}; known are {', '.join(IMAGES)}")
    folders = dict.fromkeys(path.parent for path in paths)
    if len(folders) > 1 and root in folders:
        other = next(path for path in paths if path.parent != root)
        raise ValueError(
            f"images stand in {root} ({paths[0].name}) and in its subfolders "
            f"({other.relative_to(root)}); subfolders are episodes, so put all of them there, or "
            "name one folder"
        )
    if root in folders:
        episode = None
    else:
        place = {one: number for number, one in enumerate(folders)}
        episode = np.array([place[path.parent] for path in paths])
    files = [path.relative_to(root).as_posix() for path in paths]
    if len(paths) > MANY:
        logger.info("looking at %d images, before any is imported", len(paths))
    seen = list(_each(partial(_look, root), paths))
    sides = seen[0].sides
    if size is None and (other_size := [s for s in range(len(seen)) if seen[s].sides != sides]):
        first, second = (f"{files[i]} has {_text(seen[i].sides)}" for i in (0, other_size[0]))
        raise ValueError(
            f"the images of {root} differ in size: {first}, and {second} pixels; resize all of "
            "them: size=(64, 64), or on the command line --size 64 64"
        )
    colours = {one.channels for one in seen}
    notes: list[str] = []
    if len(colours) > 1 and not grey:
        count = sum(one.channels == 1 for one in seen)
        notes.append(f"{count} of {len(files)} images are grey and become RGB like the others")
    return Recording(
        name=str(root),
        count=len(paths),
        size=size_of(sides, size, where=str(root)),
        channels=1 if grey else max(colours),
        read=partial(_read, paths),
        described={"kind": "images", "files": len(files), "crc32": _crc(files, seen)},
        episode=episode,
        files=files,
        notes=tuple(notes),
    )


def _look(root: Path, path: Path) -> _Seen:
    try:
        data = path.read_bytes()
        picture = decoded(data)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path.relative_to(root)} in {root} is no image that can be read: {error}"
        ) from error
    height, width, channels = picture.shape
    return _Seen(zlib.crc32(data), (height, width), channels)


def _read(paths: Sequence[Path], rows: np.ndarray) -> Iterator[np.ndarray]:
    return _each(_picture, [paths[row] for row in rows])


def _picture(path: Path) -> np.ndarray:
    try:
        return decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read any more: {error}") from error


def _each(call: Callable[[Path], T], paths: Sequence[Path]) -> Iterator[T]:
    """``call`` on each path, side by side (decoding leaves Python's lock), in their order."""
    with ThreadPoolExecutor() as pool:
        for first in range(0, len(paths), AHEAD):
            yield from pool.map(call, paths[first : first + AHEAD])


def _crc(files: Sequence[str], seen: Sequence[_Seen]) -> int:
    text = "\n".join(f"{file} {one.crc}" for file, one in zip(files, seen, strict=True))
    return zlib.crc32(text.encode())


def _text(sides: Size) -> str:
    return f"{sides[0]} x {sides[1]}"
