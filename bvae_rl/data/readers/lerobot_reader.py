"""A local LeRobot dataset (format v2 or v3) as a recording (extra ``lerobot``).

    meta/info.json                   what there is: cameras, frames a second, where files are
    data/**/*.parquet                a row a frame: episode, number in it, action, state, images
    videos/**/*.mp4                  the cameras, unless their images are in the rows
    meta/episodes/**/*.parquet       v3: in which video, and from which second on, an episode is

Nothing is downloaded. Rows follow each other by episode and frame. ``action`` becomes the actions,
and ``observation.state`` the factors: what the robot's sensors said is true about the frame.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.pictures.resize import check_size
from bvae_rl.data.readers.factor_table import UNMARKED, FactorTable, Marks, table_of
from bvae_rl.data.readers.image_folder import decoded, natural
from bvae_rl.data.readers.lerobot_videos import Videos, clips
from bvae_rl.data.readers.picture_bytes import Size, size_of
from bvae_rl.data.readers.recording import Recording
from bvae_rl.runtime.optional import require

INFO = Path("meta") / "info.json"
STATE, ACTION = "observation.state", "action"
EXTRA = "lerobot"
TAIL = 65_536  # bytes at the end of a file, where an mp4 lists its pictures


def is_lerobot(folder: Path) -> bool:
    """Whether ``folder`` holds a LeRobot dataset."""
    return (folder / INFO).is_file()


def open_lerobot(
    folder: str | Path,
    *,
    key: str | None = None,
    size: Size | None = None,
    grey: bool = False,
    marks: Marks = UNMARKED,
    factors: bool = True,
) -> Recording:
    """One camera of a dataset: ``key`` names it where there are several.

    ``marks`` describe the state's columns. Raises ImportError without the extra ``lerobot``, and
    ValueError for a folder that is no whole dataset, or holds no such camera.
    """
    if size is not None:
        check_size(size)
    root = Path(folder)
    info = _info(root)
    parquet = require("pyarrow.parquet", extra=EXTRA)
    camera = _camera(root, info, key)
    rows = _Rows.of(root, parquet, (STATE, ACTION) if factors else (ACTION,))
    if len(rows.episode) != info.get("total_frames", len(rows.episode)):
        raise ValueError(
            f"{root}: {INFO} says {info['total_frames']} frames, and data/ holds "
            f"{len(rows.episode)}; the dataset is not complete, fetch it again"
        )
    described: dict[str, Any] = {
        "kind": "lerobot", "key": camera, "info": zlib.crc32((root / INFO).read_bytes()),
        "frames": len(rows.episode), "numbers": rows.checksum(),
    }  # fmt: skip
    if info["features"][camera]["dtype"] == "video":
        found = clips(root, info, camera, rows.episode, parquet)
        videos = Videos(found, rows.episode, rows.frame, float(info["fps"]))
        described["files"] = _marks_of(root, [clip.path for clip in found.values()])
        read = videos.pictures
    else:
        read = _Images(root, camera, rows, parquet).pictures
    described["files"] = described.get("files", []) + _marks_of(root, rows.files)
    first = next(iter(read(np.zeros(1, np.int64))))
    channels = 1 if grey else first.shape[2]
    columns, actions = rows.column(STATE), rows.column(ACTION)
    return Recording(
        name=str(root),
        count=len(rows.episode),
        size=size_of((first.shape[0], first.shape[1]), size, where=f"{camera} of {root}"),
        channels=channels,
        read=read,
        described={**described, "files": zlib.crc32(json.dumps(described["files"]).encode())},
        episode=np.unique(rows.episode, return_inverse=True)[1],
        actions=actions,
        factors=_factors(root, info, columns, marks) if factors else None,
    )


def _info(root: Path) -> dict[str, Any]:
    """``meta/info.json``; ValueError for another format."""
    try:
        info = json.loads((root / INFO).read_text(encoding="utf-8"))
        version, features = str(info["codebase_version"]), info["features"]
        float(info["fps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{root / INFO} is not that of a LeRobot dataset: {type(error).__name__} {error}"
        ) from error
    if not version.startswith(("v2", "v3")) or not isinstance(features, dict):
        raise ValueError(
            f"{root} is a LeRobot dataset of format {version}; v2 and v3 can be read: convert it "
            "with lerobot's own script"
        )
    return info


def _camera(root: Path, info: dict[str, Any], key: str | None) -> str:
    """The feature that holds the pictures; ValueError where it is not clear which one."""
    features = info["features"]
    cameras = [
        name
        for name, feature in features.items()
        if feature.get("dtype") in ("video", "image") and not _is_depth(feature)
    ]
    if key is not None and key not in cameras:
        raise ValueError(f"{root} has no camera {key!r}; known: {', '.join(cameras) or 'none'}")
    if key is None and len(cameras) != 1:
        raise ValueError(
            f"{root} has {len(cameras) or 'no'} cameras"
            + (f": {', '.join(cameras)}; choose one with key= (--key)" if cameras else "")
        )
    return key or cameras[0]


def _is_depth(feature: dict[str, Any]) -> bool:
    """Whether a feature holds distances, which are no brightness."""
    return any(
        (feature.get(part) or {}).get("video.is_depth_map") for part in ("info", "video_info")
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """The frames in order: episode and number in it (N,), and where each row is on disk."""

    files: list[Path]
    episode: np.ndarray
    frame: np.ndarray
    place: np.ndarray  # (N, 2): which file, which row of it
    columns: dict[str, np.ndarray]

    @classmethod
    def of(cls, root: Path, parquet: Any, columns: Sequence[str]) -> _Rows:
        """Read all that is small: numbers, not images, and ``columns`` where they are there."""
        files = sorted(root.glob("data/**/*.parquet"), key=lambda path: natural(path.as_posix()))
        if not files:
            raise ValueError(f"{root} holds no data/**/*.parquet; fetch the dataset again")
        parts: dict[str, list[np.ndarray]] = {}
        places = []
        for number, path in enumerate(files):
            try:
                names = parquet.read_schema(path).names
                known = ("episode_index", "frame_index", *columns)
                wanted = [name for name in known if name in names]
                table = parquet.read_table(path, columns=wanted)
            except (OSError, ValueError) as error:
                raise ValueError(f"{path} cannot be read: {error}") from error
            for name in wanted:
                found = _numbers(table.column(name), path, name)
                if found is not None:
                    parts.setdefault(name, []).append(found)
            places.append(np.stack([np.full(len(table), number), np.arange(len(table))], axis=1))
        for name in ("episode_index", "frame_index"):
            if len(parts.get(name, ())) != len(files):
                raise ValueError(f"{root}/data has rows without {name}")
        joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        episode, frame = joined.pop("episode_index"), joined.pop("frame_index")
        order = np.lexsort((frame, episode))
        episode, frame = episode[order].astype(np.int64), frame[order].astype(np.int64)
        same = (np.diff(episode) == 0) & (np.diff(frame) == 0)
        if same.any():
            at = int(np.flatnonzero(same)[0])
            raise ValueError(
                f"{root}/data holds frame {frame[at]} of episode {episode[at]} twice; remove the "
                "file that does not belong there"
            )
        if not len(episode):
            raise ValueError(f"{root} holds no frames")
        whole = {name: one[order] for name, one in joined.items() if len(one) == len(order)}
        return cls(files, episode, frame, np.concatenate(places)[order], whole)

    def checksum(self) -> int:
        """CRC-32 of all that is not a picture."""
        crc = 0
        for array in (self.episode, self.frame, *self.columns.values()):
            crc = zlib.crc32(np.ascontiguousarray(array).tobytes(), crc)
        return crc

    def column(self, name: str) -> np.ndarray | None:
        """(N, width) float32; None where it is not there, or no numbers."""
        values = self.columns.get(name)
        return None if values is None else np.asarray(values, np.float32)


def _numbers(column: Any, path: Path, name: str) -> np.ndarray | None:
    """A column of numbers or of equally long lists as (n,) or (n, width); None for text."""
    values, lists = column.combine_chunks(), hasattr(column.type, "value_type")
    if lists:
        lengths = np.unique(values.value_lengths() if hasattr(values, "value_lengths") else [0])
        if len(lengths) > 1:
            raise ValueError(f"{path}: column {name!r} has rows of different lengths")
        values = values.flatten()
    array = values.to_numpy(zero_copy_only=False)
    if array.dtype.kind not in "biuf" and not column.null_count:
        return None
    if column.null_count or not np.isfinite(array).all():
        cure = "; --factors none leaves it out" if name == STATE else ""
        raise ValueError(f"{path}: column {name!r} holds NaN or nothing{cure}")
    return array.reshape(len(column), -1) if name in (STATE, ACTION) else array


@dataclass
class _Images:
    """Images that stand in the rows themselves, a row group at a time."""

    root: Path
    camera: str
    rows: _Rows
    parquet: Any
    _group: tuple[int, int] = field(default=(-1, -1), init=False)
    _cells: list[Any] = field(default_factory=list, init=False)
    _bounds: dict[int, np.ndarray] = field(default_factory=dict, init=False)

    def pictures(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """uint8 pictures (H, W, C) of rows (n,)."""
        for row in rows:
            number, inside = map(int, self.rows.place[row])
            try:
                yield decoded(self._bytes(number, inside))
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"{self.camera} of frame {self.rows.frame[row]} in episode "
                    f"{self.rows.episode[row]} of {self.root} cannot be read: {error}"
                ) from error

    def _bytes(self, number: int, row: int) -> bytes:
        path = self.rows.files[number]
        if number not in self._bounds:
            found = self.parquet.ParquetFile(path).metadata
            counts = [found.row_group(g).num_rows for g in range(found.num_row_groups)]
            self._bounds[number] = np.cumsum([0, *counts])
        bounds = self._bounds[number]
        group = int(np.searchsorted(bounds, row, side="right")) - 1
        if self._group != (number, group):
            with self.parquet.ParquetFile(path) as file:
                column = file.read_row_group(group, columns=[self.camera]).column(self.camera)
            self._cells, self._group = column.to_pylist(), (number, group)
        cell = self._cells[row - int(bounds[group])]
        if isinstance(cell, bytes):
            return cell
        if isinstance(cell, dict) and cell.get("bytes"):
            return bytes(cell["bytes"])
        if isinstance(cell, dict) and cell.get("path"):
            return (self.root / cell["path"]).read_bytes()
        raise ValueError("the row holds neither an image nor its path")


def _factors(
    root: Path, info: dict[str, Any], state: np.ndarray | None, marks: Marks
) -> FactorTable | None:
    """The state's columns, with the names that the dataset gives."""
    if state is None:
        return None
    names = _flat(info["features"].get(STATE, {}).get("names"))
    if len(names) != state.shape[1] or len(set(names)) != len(names):
        names = [f"state {k}" for k in range(state.shape[1])]
    decided = {*marks.categorical, *marks.continuous, *(c.partition("=")[0] for c in marks.cyclic)}
    marks = Marks(
        marks.cyclic, marks.appearance, marks.categorical,
        (*marks.continuous, *(name for name in names if name not in decided)),
    )  # fmt: skip
    columns = {name: state[:, k].astype(float) for k, name in enumerate(names)}
    return table_of(str(root), columns, marks)


def _flat(names: Any) -> list[str]:
    """Names as a list, which some datasets keep in a dict (``{"motors": [...]}``)."""
    if isinstance(names, dict):
        return [name for part in names.values() for name in _flat(part)]
    return [str(name) for name in names] if isinstance(names, list | tuple) else []


def _marks_of(root: Path, files: Sequence[Path]) -> list[list[Any]]:
    """Name, size and CRC-32 of the end of each file: videos are too large to be read twice."""
    found = []
    for path in dict.fromkeys(files):
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL))
            found.append([path.relative_to(root).as_posix(), size, zlib.crc32(file.read())])
    return found
