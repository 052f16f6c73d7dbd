"""Frames on disk: an append-only, memory-mapped, checksummed store.

A store is a folder of raw arrays, one file each, and ``store.json`` that says how many rows count.
Rows are appended in blocks: the arrays first, then ``store.json`` by rename, so that a killed
collection loses at most its last block. Larger than memory is fine: readers map the files.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.runtime.runs import INDEX, Run, explained, require_own

FORMAT = 1


@dataclass(frozen=True)
class Frames:
    """N frames and what is known about them.

    ``frames`` uint8 (N, H, W, C). ``episode`` (N,): frames of one episode follow each other and
    share an appearance. ``state`` (N,): frames with the same number show the same state (in two appearances).
    ``factors`` (N, K) and ``actions`` (N, A), the action taken *after* the frame, may be missing.
    """

    frames: np.ndarray
    episode: np.ndarray
    state: np.ndarray
    factors: np.ndarray | None = None
    actions: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4:
            raise ValueError(
                f"frames must be uint8 (N, H, W, C), got {self.frames.dtype} {self.frames.shape}"
            )
        for name, array in self.arrays().items():
            if len(array) != len(self.frames):
                raise ValueError(f"{name} has {len(array)} rows for {len(self.frames)} frames")

    def __len__(self) -> int:
        return len(self.frames)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that are there, by name."""
        named = {
            "frames": self.frames,
            "episode": self.episode,
            "state": self.state,
            "factors": self.factors,
            "actions": self.actions,
        }
        return {name: array for name, array in named.items() if array is not None}


@dataclass
class _Index:
    """What ``store.json`` holds."""

    rows: int = 0
    arrays: dict[str, dict[str, Any]] = field(default_factory=dict)  # name -> dtype, row shape
    blocks: list[dict[str, Any]] = field(default_factory=list)  # rows and CRC32 of each block
    factor_specs: list[dict[str, Any]] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    wanted: int = 0  # rows that are to come, where that is known
    format: int = FORMAT


class FrameStore:
    """A folder of frames. ``FrameStore(folder)`` opens it, or starts an empty one there."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._index = _Index()
        self._mapped: dict[str, np.ndarray] = {}
        index = self.folder / INDEX
        if index.exists():
            try:
                self._index = _Index(**json.loads(index.read_text()))
            except (json.JSONDecodeError, TypeError) as error:
                raise ValueError(f"{index} is not a frame store's index: {error}") from error
            if self._index.format > FORMAT:
                raise ValueError(
                    f"{self.folder} has store format {self._index.format}; this version reads up "
                    f"to {FORMAT}: update bvae_rl"
                )

    @classmethod
    def existing(cls, folder: str | Path) -> FrameStore:
        """Open a store that must be there and hold frames."""
        if not (Path(folder) / INDEX).exists():
            raise ValueError(f"no frame store at {folder}; make one with: bvae-rl collect")
        store = cls(folder)
        if not len(store):
            raise ValueError(f"the frame store at {folder} is empty; fill it: bvae-rl collect")
        return store

    def __len__(self) -> int:
        return self._index.rows

    @property
    def blocks(self) -> int:
        """How many blocks have been appended."""
        return len(self._index.blocks)

    @property
    def meta(self) -> dict[str, Any]:
        """How the frames were made (environment, policy, seed, command)."""
        return self._index.meta

    @property
    def factor_specs(self) -> tuple[FactorSpec, ...]:
        """What the columns of ``factors`` mean; empty where there are none."""
        return tuple(
            FactorSpec(**{**spec, "values": tuple(spec["values"])})
            for spec in self._index.factor_specs
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a frame."""
        height, width, channels = self._index.arrays["frames"]["shape"]
        return channels, height, width

    def describe(self, *, factor_specs: tuple[FactorSpec, ...] = (), **meta: Any) -> None:
        """State how the frames are made; refuses to mix two descriptions in one store."""
        specs = [json.loads(json.dumps(asdict(spec))) for spec in factor_specs]
        meta = json.loads(json.dumps(meta))
        if not len(self):
            require_own(self.folder, INDEX, "frames.raw")
        if len(self) and (specs, meta) != (self._index.factor_specs, self.meta):
            raise ValueError(
                f"{self.folder} holds frames made with {self.meta}, not with {meta}; "
                "use another folder or delete this one"
            )
        self._index.factor_specs, self._index.meta = specs, meta

    def expect(self, rows: int) -> None:
        """Say how many rows there are to be in the end; kept with the next block."""
        self._index.wanted = rows

    @property
    def missing(self) -> int:
        """How many rows an interrupted collection still lacks."""
        return max(0, self._index.wanted - len(self))

    def append(self, block: Frames) -> None:
        """Add a block of rows; on return it is on disk and counted."""
        arrays = {name: np.ascontiguousarray(array) for name, array in block.arrays().items()}
        layout = {
            name: {"dtype": str(array.dtype), "shape": list(array.shape[1:])}
            for name, array in arrays.items()
        }
        if self._index.arrays and layout != self._index.arrays:
            raise ValueError(f"a block with {layout} does not fit a store of {self._index.arrays}")
        run = Run(self.folder)
        for name, array in arrays.items():
            row_bytes = array.dtype.itemsize * int(np.prod(array.shape[1:]))
            _write_at(run.path(f"{name}.raw"), self._index.rows * row_bytes, array)
        self._index.arrays = layout
        self._index.blocks.append(
            {
                "rows": len(block),
                "crc32": {name: zlib.crc32(array.tobytes()) for name, array in arrays.items()},
            }
        )
        self._index.rows += len(block)
        run.write_json(INDEX, asdict(self._index))
        self._mapped.clear()

    def array(self, name: str) -> np.ndarray:
        """A read-only memory map of one array, (rows, ...); KeyError if the store has none."""
        if name not in self._mapped:
            layout = self._index.arrays[name]
            shape = (len(self), *layout["shape"])
            try:
                self._mapped[name] = np.memmap(
                    self.folder / f"{name}.raw", layout["dtype"], mode="r", shape=shape
                )
            except (ValueError, OSError) as error:
                raise ValueError(f"{self.folder}/{name}.raw is damaged: {error}") from error
        return self._mapped[name]

    def read(self, rows: np.ndarray | slice | None = None) -> Frames:
        """Copy some rows (all by default) into memory."""
        pick = slice(None) if rows is None else rows
        return Frames(**{name: np.array(self.array(name)[pick]) for name in self._index.arrays})

    def verify(self) -> None:
        """Compare every block with its checksum; ValueError names the first damaged one."""
        start = 0
        for number, block in enumerate(self._index.blocks):
            stop = start + block["rows"]
            for name, expected in block["crc32"].items():
                if zlib.crc32(self.array(name)[start:stop].tobytes()) != expected:
                    raise ValueError(
                        f"{self.folder}: rows {start} to {stop} of {name} (block {number}) are "
                        "damaged; delete the folder and collect again"
                    )
            start = stop


def _write_at(path: Path, offset: int, array: np.ndarray) -> None:
    """Write after the rows that count; what a killed run left beyond them is cut off."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(offset)
            file.seek(offset)
            array.tofile(file)
            file.flush()
            os.fsync(file.fileno())
