"""Rows of the arrays in an ``.npz`` or ``.npy`` file, without loading the whole of it.

Arrays that are stored as they are (``np.save``, ``np.savez``) are mapped into memory. Compressed
ones (``np.savez_compressed``) are read from front to back.
"""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

logger = logging.getLogger(__name__)

CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredArray:
    """One array of a file: its layout, and where its values begin (None: compressed)."""

    path: Path
    member: str  # within an .npz; "" in an .npy
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int | None
    crc: int | None  # CRC-32 of the member, None where the file holds none

    @property
    def name(self) -> str:
        """The key of the array in its file."""
        return self.member.removesuffix(".npy")

    def whole(self) -> np.ndarray:
        """All of it, in memory: for the small ones. ValueError if it is damaged."""
        if not self.member:
            return np.asarray(np.load(self.path, allow_pickle=False))
        with self._opened() as opened:
            return np.asarray(npy.read_array(opened, allow_pickle=False))

    def mapped(self) -> np.ndarray | None:
        """A read-only view on the file; None for a compressed one."""
        if self.offset is None:
            return None
        try:
            return np.memmap(self.path, self.dtype, mode="r", offset=self.offset, shape=self.shape)
        except ValueError as error:
            raise ValueError(f"{self.path} ends before its array does") from error

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """All rows from front to back, ``rows`` at a time."""
        mapped = self.mapped()
        if mapped is not None:
            for first in range(0, len(mapped), rows):
                yield np.asarray(mapped[first : first + rows])
            return
        row = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        with self._opened() as file:
            _header(file)
            for first in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - first)
                data = file.read(count * row)
                if len(data) < count * row:
                    raise ValueError(f"{self.path} ends within {self.name!r}")
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def checksum(self) -> int:
        """CRC-32 of the content; ValueError if an ``.npz`` says another one.

        Of what is compressed the file's own is taken: reading it to the end verifies it.
        """
        if self.crc is not None and self.offset is None:
            return self.crc
        crc = 0
        with self._opened() as file:
            while data := file.read(CHUNK):
                crc = zlib.crc32(data, crc)
        return crc

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """The bytes of the array, which ``zipfile`` holds against their checksum."""
        if not self.member:
            with self.path.open("rb") as file:
                yield file
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name=self.member) as file:
                yield file
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.path} is damaged in {self.name!r}: {error}") from error


def stored_arrays(path: str | Path) -> dict[str, StoredArray]:
    """The arrays of a file by name; ValueError for one that is damaged.

    Arrays of Python objects are left out: reading them would run what they hold.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                shape, fortran, dtype = _header(file)
                arrays = {path.stem: StoredArray(path, "", shape, dtype, file.tell(), None)}
                orders = {path.stem: fortran}
        else:
            arrays, orders = _members(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no file of numpy arrays: {error}") from error
    plain = {name: one for name, one in arrays.items() if not one.dtype.hasobject}
    if left := sorted({*arrays} - {*plain}):
        logger.warning(
            "%s: %s left out, since reading Python objects would run what they hold: save numbers, "
            "as in values.astype(float)", path, ", ".join(map(repr, left)),
        )  # fmt: skip
    for name, one in plain.items():
        if orders[name] and len(one.shape) > 1:
            raise ValueError(
                f"{path}: {name!r} is stored in Fortran order; save np.ascontiguousarray of it"
            )
    return plain


def _members(path: Path) -> tuple[dict[str, StoredArray], dict[str, bool]]:
    arrays: dict[str, StoredArray] = {}
    orders: dict[str, bool] = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        for info in archive.infolist():
            with archive.open(name=info) as file:
                shape, fortran, dtype = _header(file)
                header = file.tell()
            offset = None
            if info.compress_type == zipfile.ZIP_STORED:
                raw.seek(info.header_offset + 26)  # lengths of the name and of the extra field
                lengths = np.frombuffer(raw.read(4), "<u2")
                offset = info.header_offset + 30 + int(lengths.sum()) + header
            name = info.filename.removesuffix(".npy")
            arrays[name] = StoredArray(path, info.filename, shape, dtype, offset, info.CRC)
            orders[name] = fortran
    return arrays, orders


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and dtype of the array that begins here."""
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    return npy.read_array_header_2_0(file)
