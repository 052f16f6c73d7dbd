"""An ``.npz`` or ``.npy`` file as a recording: pictures, and what may stand beside them.

    np.savez("frames.npz", frames=frames, episode=episode, actions=actions, factors=factors,
             factor_names=names)

``frames`` (or ``images``, ``imgs``, or the only array of four dimensions) is (N, H, W),
(N, H, W, C) or (N, C, H, W). Optional: ``episode`` (N,), ``actions`` (N, A), ``factors`` (N, K) and
``factor_names`` (K,). The file of dSprites (``imgs``, ``latents_values``) is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bvae_rl.data.pictures.resize import check_size
from bvae_rl.data.pictures.space import readings
from bvae_rl.data.readers.factor_table import UNMARKED, FactorTable, Marks, table_of
from bvae_rl.data.readers.npz_rows import StoredArray, stored_arrays
from bvae_rl.data.readers.picture_bytes import Size, as_bytes, size_of, white
from bvae_rl.data.readers.recording import EPISODE, Recording, episode_numbers

NAMES = ("frames", "images", "imgs")
BESIDE = (EPISODE, "actions", "factors", "latents_values")  # a row a picture
ROWS = 512  # read at a time
DSPRITES = ("color", "shape", "scale", "orientation", "posX", "posY")
DSPRITES_MARKS = Marks(
    cyclic=(f"orientation=0:{2 * math.pi!r}",), categorical=("shape",),
    continuous=("scale", "posX", "posY"),
)  # fmt: skip


def open_arrays(
    path: str | Path,
    *,
    key: str | None = None,
    size: Size | None = None,
    grey: bool = False,
    channels: int | None = None,
    marks: Marks = UNMARKED,
    factors: bool = True,
) -> Recording:
    """The pictures in a file: under ``key``, or under the name that says so.

    ``channels`` of one picture are needed where an array holds more than 3 (a stack, whose newest
    is kept, or 4: RGBA, whose alpha is dropped). ``marks`` describe recorded factors. Raises
    ValueError for a file without pictures, and for arrays that do not go together.
    """
    if size is not None:
        check_size(size)
    path = Path(path)
    arrays = stored_arrays(path)
    pictures = _pictures(path, arrays, key)
    where = f"{pictures.name!r} in {path.name}"
    layout = _layout(pictures, channels, where)
    count = pictures.shape[0]
    beside = {} if pictures.member == "" else arrays
    small = {name: beside[name].whole() for name in BESIDE if name in beside}
    for name, array in small.items():
        if array.ndim == 0 or len(array) != count:
            raise ValueError(
                f"{path.name}: {name!r} has the shape {array.shape}, and {where} holds {count} "
                "pictures; give one row a picture"
            )
    notes = []
    low, high = _span(pictures, where)
    top = white(pictures.dtype, low, high)
    if pictures.dtype != np.uint8 or top != 255.0:
        notes.append(
            f"{pictures.name} is {pictures.dtype} in [{low:g}, {high:g}]: {top:g} is taken for "
            "full brightness (255)"
        )
    used = {pictures.name: pictures, **{name: beside[name] for name in small}}
    table = _factors(path, beside, small, marks) if factors else None
    episode = small.get(EPISODE)
    if episode is not None:
        episode = episode_numbers(episode, f"{EPISODE!r} in {path.name}")
    return Recording(
        name=path.name,
        count=count,
        size=size_of(layout.sides, size, where=where),
        channels=1 if grey else layout.kept,
        read=_Reader(pictures, layout, top),
        described={
            "kind": "arrays", "key": pictures.name, "shape": pictures.shape, "channels": channels,
            "crc32": {name: one.checksum() for name, one in used.items()},
        },
        episode=episode,
        actions=_actions(path, small.get("actions")),
        factors=table,
        notes=tuple(notes),
        forward=pictures.offset is None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Layout:
    """How a picture lies in a row: ``one`` channels, of ``stack`` pictures the newest."""

    sides: Size
    one: int
    first: bool  # channels first
    stack: int

    @property
    def kept(self) -> int:
        return 3 if self.one == 4 else self.one

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """(n, ...) as stored -> (n, H, W, kept)."""
        if rows.ndim == 3:
            return rows[..., None]
        rows = rows.transpose(0, 2, 3, 1) if self.first else rows
        return rows[..., self.one * (self.stack - 1) :][..., : self.kept]


def _pictures(path: Path, arrays: dict[str, StoredArray], key: str | None) -> StoredArray:
    """The array of pictures; ValueError where it is not clear which one it is."""
    listed = ", ".join(f"{name} {one.shape}" for name, one in arrays.items()) or "none"
    if key is not None:
        if key not in arrays:
            raise ValueError(f"no array {key!r} in {path.name}; it holds: {listed}")
        return arrays[key]
    named = [arrays[name] for name in NAMES if name in arrays]
    four = [one for one in arrays.values() if len(one.shape) == 4]
    three = [one for one in arrays.values() if len(one.shape) == 3]
    for found in (named, four, three):
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(
                f"{path.name} holds several arrays of pictures: "
                f"{', '.join(one.name for one in found)}; choose one with key= (--key)"
            )
    raise ValueError(
        f"{path.name} holds no pictures: an array 'frames' of shape (N, H, W, C) is needed; it "
        f"holds: {listed}"
    )


def _layout(pictures: StoredArray, channels: int | None, where: str) -> _Layout:
    shape = pictures.shape
    if not shape or not shape[0]:
        raise ValueError(f"{where} is empty")
    if len(shape) == 3:
        return _Layout((shape[1], shape[2]), 1, False, 1)
    if channels is not None and channels not in (1, 3, 4):
        raise ValueError(f"a picture has 1, 3 or 4 channels, got channels={channels}")
    if len(shape) == 4:
        kinds, stacked = ((1, 3), 1) if channels is None else ((channels,), None)
        for held in readings(shape[1:], kinds, stacked=stacked):
            one, height, width = held.native
            if held.stack * one < min(height, width):
                return _Layout((height, width), one, held.channels_first, held.stack)
        if channels is None and min(shape[1], shape[3]) > 3:
            raise ValueError(
                f"{where} has the shape {shape}: say how many channels a picture has; "
                "--channels 4 for RGBA (alpha is dropped), --channels 1 or 3 for a stack (the "
                "newest picture is kept)"
            )
    raise ValueError(
        f"{where} has the shape {shape}, which is no array of pictures: (N, H, W), (N, H, W, C) or "
        f"(N, C, H, W)" + ("" if channels is None else f" of {channels} channels") + ", with more "
        "pixels a side than channels"
    )


def _span(pictures: StoredArray, where: str) -> tuple[float, float]:
    """The least and the largest value; of bytes a look at the first that are above 1 is enough."""
    if pictures.dtype.kind not in "buif":
        raise ValueError(f"{where} is {pictures.dtype}, and pictures are numbers")
    low, high = math.inf, -math.inf
    row = 0
    for block in pictures.blocks(ROWS):
        finite = np.isfinite(block)
        if not finite.all():
            bad = row + int(np.argwhere(~finite)[0][0])
            raise ValueError(f"{where}: picture {bad} holds NaN or infinity")
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        if pictures.dtype in (np.uint8, np.uint16) and high > 1:
            return low, high
        row += len(block)
    return low, high


@dataclass
class _Reader:
    """Reads rows; of a compressed array from where the last ones ended."""

    array: StoredArray
    layout: _Layout
    top: float
    _at: int = field(default=0, init=False)
    _blocks: Iterator[np.ndarray] | None = field(default=None, init=False)
    _left: np.ndarray | None = field(default=None, init=False)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        mapped = self.array.mapped()
        stored = self._forward(rows) if mapped is None else np.asarray(mapped[rows])
        return as_bytes(self.layout.pictures(stored), self.top)

    def _forward(self, rows: np.ndarray) -> np.ndarray:
        """Rows that follow each other, none before those that were read."""
        start, stop = int(rows[0]), int(rows[-1]) + 1
        if self._blocks is None or start < self._at:
            self._blocks, self._at, self._left = self.array.blocks(ROWS), 0, None
        parts: list[np.ndarray] = []
        while self._at < stop:
            if self._left is None or not len(self._left):
                self._left = next(self._blocks)
            skip = min(max(start - self._at, 0), len(self._left))
            take = min(stop - self._at, len(self._left))
            parts.append(self._left[skip:take])
            self._left, self._at = self._left[take:], self._at + take
        return np.concatenate(parts)


def _actions(path: Path, actions: np.ndarray | None) -> np.ndarray | None:
    if actions is None:
        return None
    if actions.dtype.kind not in "buif" or not np.isfinite(actions).all():
        raise ValueError(f"{path.name}: 'actions' holds what is no finite number")
    return np.asarray(actions, np.float32).reshape(len(actions), -1)


def _factors(
    path: Path, arrays: dict[str, StoredArray], small: dict[str, np.ndarray], marks: Marks
) -> FactorTable | None:
    """The recorded factors, those of dSprites with their names."""
    name = "factors" if "factors" in small else "latents_values"
    if name not in small:
        return None
    values = small[name]
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise ValueError(
            f"{path.name}: {name!r} is {values.dtype} {values.shape}; factors are numbers (N, K)"
        )
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"{path.name}: {name!r} holds NaN or infinity in row {row}, column {column}"
        )
    names = [f"factor {k}" for k in range(values.shape[1])]
    if "factor_names" in arrays:
        names = [str(one) for one in arrays["factor_names"].whole().ravel()]
        if len(names) != values.shape[1] or len(set(names)) != len(names):
            raise ValueError(
                f"{path.name}: 'factor_names' are {names}, and 'factors' has {values.shape[1]} "
                "columns; give each a name of its own"
            )
    elif name == "latents_values" and values.shape[1] == len(DSPRITES):
        names, marks = list(DSPRITES), DSPRITES_MARKS if marks == UNMARKED else marks
    columns = {name: values[:, k].astype(float) for k, name in enumerate(names)}
    return table_of(path.name, columns, marks)
