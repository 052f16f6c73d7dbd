"""Frames on disk: an append-only, memory-mapped, checksummed store.

A store is a folder of raw arrays, one file each, and ``store.json`` that says how many rows count.
Rows are appended in blocks: the arrays first, then ``store.json`` by rename, so that a killed
collection loses at most its last block. Larger than memory is fine: readers map the files, and each
block is held against its checksum when it is first read.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.store_description import description
from bvae_rl.data.store_index import FORMAT, read_index, spec_of
from bvae_rl.runtime.appending import write_at
from bvae_rl.runtime.identity import fingerprint, refuse_changes
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.runs import CONFIG_FILE, INDEX, Run, require_own


@dataclass(frozen=True)
class Frames:
    """N frames and what is known about them.

    ``frames`` uint8 (N, H, W, C). ``episode`` (N,): frames of one episode follow each other and
    share an appearance. ``state`` (N,): frames with the same number show the same state (in two
    appearances). ``factors`` (N, K) and ``actions`` (N, A), the action taken *after* the frame, may
    be missing.
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


logger = logging.getLogger(__name__)


class FrameStore:
    """A folder of frames. ``FrameStore(folder)`` opens it, or starts an empty one there."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._index = read_index(self.folder)
        self._mapped: dict[str, np.ndarray] = {}
        self._checked: dict[str, np.ndarray] = {}  # which blocks of an array were verified

    @classmethod
    def existing(cls, folder: str | Path) -> FrameStore:
        """Open a store that must be there and hold frames."""
        if (Path(folder) / CONFIG_FILE).exists() and not (Path(folder) / INDEX).exists():
            raise ValueError(
                f"{folder} holds a VAE and no frames; a store of frames is what bvae-rl collect "
                "writes, and what pretrain collected itself is in its folder frames"
            )
        if not (Path(folder) / INDEX).exists():
            raise ValueError(f"no frame store at {folder}; make one with: bvae-rl collect")
        store = cls(folder)
        if not len(store):
            raise ValueError(f"the frame store at {folder} is empty; fill it: bvae-rl collect")
        if store.missing:
            logger.warning(
                "%s holds %d of %d frames: its collection was interrupted, and the same command "
                "goes on with it", folder, len(store), len(store) + store.missing,
            )  # fmt: skip
        return store

    def __len__(self) -> int:
        return self._index.rows

    @property
    def blocks(self) -> int:
        """How many blocks have been appended."""
        return len(self._index.blocks)

    @property
    def appended(self) -> list[dict[str, int]]:
        """The ``rows`` of each block and what was noted with it, in order."""
        return [{k: v for k, v in one.items() if k != "crc32"} for one in self._index.blocks]

    @property
    def meta(self) -> dict[str, Any]:
        """How the frames were made (environment, policy, seed, command)."""
        return self._index.meta

    @property
    def factor_specs(self) -> tuple[FactorSpec, ...]:
        """What the columns of ``factors`` mean; empty where there are none."""
        return tuple(map(spec_of, self._index.factor_specs))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a frame."""
        height, width, channels = self._index.arrays["frames"]["shape"]
        return channels, height, width

    @property
    def layout(self) -> dict[str, tuple[int, ...]]:
        """The shape of one row of each array, by name: frames, episode, state, ..."""
        return {name: tuple(array["shape"]) for name, array in self._index.arrays.items()}

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.layout.get("frames", ()))) or "none yet"
        return f"FrameStore({str(self.folder)!r}): {len(self):,} frames, {shape}"

    @property
    def native(self) -> tuple[int, int, int] | None:
        """(C, H, W) of the pictures that frames were made of; None where they are the same."""
        found = self.meta.get("native")
        return None if found is None else (found[0], found[1], found[2])

    def describe(self) -> str:
        """What it holds, for a person to read: frames, episodes, factors, how they were made."""
        return description(self)

    def declare(self, *, factor_specs: tuple[FactorSpec, ...] = (), **meta: Any) -> None:
        """State how the frames are made; refuses to mix two descriptions in one store."""
        specs = [json.loads(json.dumps(asdict(spec))) for spec in factor_specs]
        meta = json.loads(json.dumps(meta))
        if not len(self):
            require_own(self.folder, INDEX, "frames.raw")
        if len(self) and (specs, meta) != (self._index.factor_specs, self.meta):
            refuse_changes(
                self.folder, "frames", {**self.meta, "factors": self._index.factor_specs},
                {**meta, "factors": specs},
            )  # fmt: skip
        self._index.factor_specs, self._index.meta = specs, meta

    def expect(self, rows: int) -> None:
        """Say how many rows there are to be in the end; kept with the next block."""
        self._index.wanted = rows

    @property
    def missing(self) -> int:
        """How many rows an interrupted collection still lacks."""
        return max(0, self._index.wanted - len(self))

    def identity(self) -> dict[str, Any]:
        """What the store holds, by its content: description, rows and checksums of all blocks."""
        index = self._index
        return {
            **index.meta,
            "rows": index.rows,
            "sha256": fingerprint([index.blocks, index.arrays]),
        }

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder while blocks are appended; RunError if another process does.

        ValueError if another process has written since the store was opened.
        """
        with owned(self.folder):
            there = read_index(self.folder)
            if there.rows != self._index.rows:
                raise ValueError(
                    f"{self.folder} holds {there.rows} frames now, and {self._index.rows} when it "
                    "was opened: another process has written into it; run the command again"
                )
            yield

    def append(self, block: Frames, **notes: int) -> None:
        """Add a block of rows; on return it is on disk and counted. Errors: see ``writing``.

        ``notes`` are kept with it (see ``appended``).
        """
        with self.writing():
            self._append(block, notes)

    def _append(self, block: Frames, notes: dict[str, int]) -> None:
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
            write_at(run.path(f"{name}.raw"), self._index.rows * row_bytes, array)
        self._index.arrays = layout
        self._index.blocks.append(
            {
                "rows": len(block),
                "crc32": {name: zlib.crc32(array.data) for name, array in arrays.items()},
                **notes,
            }
        )
        self._index.rows += len(block)
        self._index.format = FORMAT
        self._index.checksum = self._index.described()
        run.write_json(INDEX, asdict(self._index))
        self._mapped.clear()

    def array(self, name: str) -> np.ndarray:
        """A read-only memory map of one array, (rows, ...); KeyError if the store has none.

        Nothing is verified: ``take`` and ``column`` do that.
        """
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

    def spread(self, most: int) -> np.ndarray:
        """Up to ``most`` rows, spread evenly over all."""
        return np.unique(np.linspace(0, len(self) - 1, most).round().astype(int))

    def take(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Rows (n,) of one array, a copy; blocks are verified as they are first touched."""
        array = self.array(name)
        blocks = np.unique(np.searchsorted(self._ends(), rows, side="right"))
        self._verify(name, blocks)
        return np.asarray(array[rows])

    def column(self, name: str) -> np.ndarray:
        """A whole array, verified: for the small ones (episode, state, factors, actions)."""
        self._verify(name, np.arange(self.blocks))
        return np.asarray(self.array(name))

    def read(self, rows: np.ndarray | slice | None = None) -> Frames:
        """Copy some rows (all by default) into memory, verified."""
        pick = np.arange(len(self))[slice(None) if rows is None else rows]
        return Frames(**{name: self.take(name, pick) for name in self._index.arrays})

    def block(self, number: int) -> Frames:
        """The rows of one block, as they were appended."""
        ends = np.cumsum([0, *(block["rows"] for block in self._index.blocks)])
        return self.read(slice(ends[number], ends[number + 1]))

    def verify(self) -> None:
        """Compare every block with its checksum; ValueError names the first damaged one."""
        self._checked.clear()
        for name in self._index.arrays:
            self._verify(name, np.arange(self.blocks))

    def _ends(self) -> np.ndarray:
        return np.cumsum([block["rows"] for block in self._index.blocks])

    def _verify(self, name: str, blocks: np.ndarray) -> None:
        array, ends = self.array(name), self._ends()
        known = self._checked.get(name, np.zeros(0, dtype=bool))
        checked = self._checked[name] = np.pad(known, (0, self.blocks - len(known)))
        for number in blocks[~checked[blocks]]:
            block = self._index.blocks[number]
            start, stop = ends[number] - block["rows"], ends[number]
            if zlib.crc32(array[start:stop].data) != block["crc32"][name]:
                raise ValueError(
                    f"{self.folder}: rows {start} to {stop} of {name} (block {number}) are "
                    "damaged; delete the folder and collect again"
                )
            checked[number] = True
