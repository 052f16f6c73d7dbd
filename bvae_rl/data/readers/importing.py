"""Frames that somebody already has, from whatever they are: one front door, ``import_frames``.

    import_frames("pictures/", "runs/frames", factors="factors.csv", size=(64, 64))

A source is a folder of images, an ``.npz`` or ``.npy`` file, the folder of a LeRobot dataset, or
the folder or id of a Minari dataset. Nothing is downloaded.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers.array_file import open_arrays
from bvae_rl.data.readers.factor_csv import read_factors
from bvae_rl.data.readers.factor_table import UNMARKED, FactorTable, Marks
from bvae_rl.data.readers.image_folder import image_files, open_folder
from bvae_rl.data.readers.lerobot_reader import is_lerobot, open_lerobot
from bvae_rl.data.readers.minari_reader import open_minari, read_minari, recorded_factors
from bvae_rl.data.readers.picture_bytes import Size
from bvae_rl.data.readers.recording import Progress, Recording, episode_numbers, write_recording

Kind = Literal["images", "arrays", "lerobot", "minari"]
RECORDED, NONE = "recorded", "none"
KINDS = (
    "a folder of images, an .npz or .npy file, the folder of a LeRobot dataset, or a Minari "
    "dataset (its folder or its id)"
)

MINARI_ID = re.compile(r"^[^/]+(/[^/]+)*-v\d+$")

logger = logging.getLogger(__name__)


def kind_of(source: str | Path) -> Kind:
    """What ``source`` is; ValueError for a file or folder that is nothing known.

    What is neither a file nor a folder is taken for the id of a Minari dataset.
    """
    path = Path(source)
    if path.is_file():
        if path.suffix.lower() in (".npz", ".npy"):
            return "arrays"
        raise ValueError(f"{path} is a file of no known kind; frames come from {KINDS}")
    if not path.is_dir():
        if not MINARI_ID.search(str(source)):
            raise ValueError(f"{path} does not exist; frames come from {KINDS}, which ends in -v0")
        return "minari"
    if is_lerobot(path):
        return "lerobot"
    if image_files(path):
        return "images"
    if any((folder / "metadata.json").is_file() for folder in (path, path / "data")):
        return "minari"
    inside = sorted(one.name for one in path.iterdir())[:5]
    raise ValueError(
        f"{path} holds no images and no dataset ({', '.join(inside) or 'it is empty'}); frames "
        f"come from {KINDS}"
    )


def import_frames(
    source: str | Path,
    out: str | Path,
    *,
    factors: str | Path = RECORDED,
    cyclic: str | Sequence[str] = (),
    appearance: str | Sequence[str] = (),
    categorical: str | Sequence[str] = (),
    continuous: str | Sequence[str] = (),
    key: str | None = None,
    size: Size | None = None,
    grey: bool = False,
    channels: int | None = None,
    frames: int | None = None,
    seed: int | None = None,
    progress: Progress = lambda added: None,
) -> FrameStore:
    """Read ``source`` into the frame store at ``out``; an import that was interrupted goes on.

    Args:
        source: a folder of images (subfolders are episodes), an ``.npz`` or ``.npy`` file, the
            folder of a LeRobot dataset, or the folder or local id of a Minari dataset.
        out: folder of the store.
        factors: "recorded" (what the source holds, if it does), "none", or a CSV file with a row a
            frame: in the same order, or with a column that names the image files.
        cyclic: names of factors on a circle, or "NAME=LOW:HIGH" where it is none of 0 to 2 pi, -pi
            to pi, 0 to 360, -180 to 180, 0 to 1.
        appearance: names of factors that only say how the scene looks; the others are its state.
        categorical: names of factors whose numbers are names; few different ones are taken so.
        continuous: names of factors that are amounts, though they have few values.
        key: which array or camera holds the pictures, where there are several.
        size: (H, W) to resize to.
        grey: keep the brightness alone.
        channels: of one picture, where the source holds stacks (its newest is kept) or RGBA.
        frames: stop after the episode that reaches so many; None reads all.
        seed: shuffles the episodes (or frames that are independent); None keeps their order.
        progress: called with the number of frames added.

    Raises:
        ValueError: for what cannot be read, sizes that differ, factors that do not fit, and a
            folder with other frames.
        ImportError: for Minari and LeRobot without their extra.
        RunError: while another process writes into ``out``.
    """
    given = (cyclic, appearance, categorical, continuous)
    marks = Marks(*((names,) if isinstance(names, str) else tuple(names) for names in given))
    return plan_import(
        source, out, factors=factors, marks=marks, key=key, size=size, grey=grey,
        channels=channels, frames=frames, seed=seed,
    ).run(progress)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """An import that has been looked at: how many frames it will be, and what to know of them."""

    store: FrameStore
    name: str
    count: int
    notes: tuple[str, ...]
    table: FactorTable | None
    read: Callable[[Progress], None]

    def run(self, progress: Progress = lambda added: None) -> FrameStore:
        """Write what is missing, and verify all of it."""
        for note in self.notes:
            logger.info("%s: %s", self.name, note)
        self.read(progress)
        self.store.verify()
        return self.store


def plan_import(
    source: str | Path,
    out: str | Path,
    *,
    factors: str | Path,
    marks: Marks,
    key: str | None,
    size: Size | None,
    grey: bool,
    channels: int | None,
    frames: int | None,
    seed: int | None,
) -> Import:
    """Look at ``source`` and refuse what does not fit; nothing is written (``import_frames``)."""
    for name, value, least in (("frames", frames, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    kind, store = kind_of(source), FrameStore(out)
    if kind == "minari":
        of = {"key": key, "size": size, "grey": grey, "channels": channels}
        return _minari(source, store, factors, marks, of, frames, seed)
    if channels is not None and kind != "arrays":
        raise ValueError(f"channels={channels} is for arrays and Minari, and {source} is {kind}")
    if key is not None and kind == "images":
        raise ValueError(f"key={key!r} names an array or a camera, and {source} holds images")
    recorded = str(factors) == RECORDED
    own = marks if recorded else UNMARKED
    if kind == "images":
        recording = open_folder(source, size=size, grey=grey)
    elif kind == "arrays":
        recording = open_arrays(
            source, key=key, size=size, grey=grey, channels=channels, marks=own, factors=recorded
        )
    else:
        recording = open_lerobot(source, key=key, size=size, grey=grey, marks=own, factors=recorded)
    table = recording.factors
    if str(factors) not in (RECORDED, NONE):
        table = read_factors(factors, recording.files, marks)
        table.check_rows(recording.count, recording.name)
    elif table is None:
        marks.check([])

    recording, notes = _with_episodes(recording, table)
    table = table if table is not None and table.specs else None  # episodes alone

    def read(progress: Progress) -> None:
        write_recording(recording, store, frames, factors=table, seed=seed, progress=progress)

    count = len(recording.order(frames, seed)[0])
    return Import(store, recording.name, count, notes, table, read)


def _with_episodes(
    recording: Recording, table: FactorTable | None
) -> tuple[Recording, tuple[str, ...]]:
    """The recording with the table's episodes if it has none of its own, and what to know."""
    notes, given = recording.notes, None if table is None else table.episode
    if recording.episode is not None:
        own = "column 'episode' is left out: the episodes are known already"
        return recording, notes if given is None else (*notes, own)
    if table is not None and given is not None:
        numbers = episode_numbers(given, f"column 'episode' of {table.name}")
        told = {
            **recording.described,
            "episode": zlib.crc32(np.ascontiguousarray(numbers).tobytes()),
        }
        return replace(recording, episode=numbers, described=told), notes
    return recording, (
        *notes,
        "nothing says which frames follow each other (subfolders, an array or a column 'episode'), "
        "so they count as independent",
    )


def _minari(
    source: str | Path,
    store: FrameStore,
    factors: str | Path,
    marks: Marks,
    of: dict[str, Any],
    frames: int | None,
    seed: int | None,
) -> Import:
    """A Minari dataset; a CSV of factors has a row for each frame that an action followed."""
    data = open_minari(source)
    total = int(data.total_steps)
    table: FactorTable | None = None
    options: dict[str, Any] = {"factors": recorded_factors if str(factors) == RECORDED else None}
    if str(factors) in (RECORDED, NONE):
        if marks != UNMARKED:
            raise ValueError(
                f"the factors of {data.id} are described by its environment; marks (--cyclic, "
                "--appearance, ...) go with a CSV file: --factors factors.csv"
            )
    else:
        table = read_factors(factors, (), marks)
        table.check_rows(total, f"the Minari dataset {data.id}")
        if not table.specs:
            raise ValueError(f"{table.name} holds no factor, and {data.id} knows its episodes")
        options = {"factors": _FromTable(table, data), "factor_specs": table.specs}

    def read(progress: Progress) -> None:
        read_minari(data, store, frames, **of, **options, seed=seed, progress=progress)

    count = max(1, min(frames or total, total))
    return Import(store, data.id, count, (), table, read)


class _FromTable:
    """Factors of a Minari episode out of a table with a row for each of its steps."""

    def __init__(self, table: FactorTable, data: Any) -> None:
        steps = data.storage.get_episode_metadata(data.episode_indices)
        ends = np.cumsum([int(one["total_steps"]) for one in steps])
        self._ends = dict(zip(map(int, data.episode_indices), ends, strict=True))
        self._table = table

    def __call__(self, episode: Any) -> np.ndarray:
        end = self._ends[int(episode.id)]
        rows = self._table.values[end - len(episode) : end]
        return np.concatenate([rows, rows[-1:]])  # of the frame that ends it, which is not kept

    def identity(self) -> dict[str, Any]:
        """That of the table."""
        return self._table.identity()
