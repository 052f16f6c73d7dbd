"""Frames of a LeRobot dataset that stand in videos: which file, which second, which picture.

Decoded by PyAV: LeRobot writes AV1, which OpenCV's own FFmpeg does not decode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.readers.image_folder import natural
from bvae_rl.runtime.optional import require

NEAR = 0.5  # of the time between two frames: how far a picture may be from where it should be


@dataclass(frozen=True)
class Clip:
    """Where an episode begins: a video, and the second in it."""

    path: Path
    start: float


def clips(
    root: Path, info: Mapping[str, Any], camera: str, episodes: np.ndarray, parquet: Any
) -> dict[int, Clip]:
    """The clip of each of the ``episodes``; ValueError if one is missing."""
    template = info.get("video_path")
    if not isinstance(template, str):
        raise ValueError(f"{root}/meta/info.json has no video_path, and {camera} is a video")
    numbers = [int(number) for number in np.unique(episodes)]
    try:
        if str(info["codebase_version"]).startswith("v2"):
            each = int(info.get("chunks_size") or 1000)
            found = {
                n: Clip(
                    root / template.format(
                        episode_chunk=n // each, episode_index=n, video_key=camera
                    ), 0.0,
                )
                for n in numbers
            }  # fmt: skip
        else:
            found = _from_table(root, template, camera, parquet)
    except (KeyError, IndexError) as error:
        raise ValueError(
            f"{root}: the places of the videos of {camera} are not known: {error} is missing"
        ) from error
    for number in numbers:
        if number not in found:
            raise ValueError(f"{root}/meta/episodes has no row for episode {number}")
        if not found[number].path.is_file():
            raise ValueError(
                f"{found[number].path} is missing: the video of episode {number}; fetch the "
                "dataset with its videos"
            )
    return {number: found[number] for number in numbers}


def _from_table(root: Path, template: str, camera: str, parquet: Any) -> dict[int, Clip]:
    """Format v3: several episodes share a video."""
    found = {}
    files = root.glob("meta/episodes/**/*.parquet")
    place = f"videos/{camera}/"
    wanted = [f"{place}{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
    for path in sorted(files, key=lambda path: natural(path.as_posix())):
        table = parquet.read_table(path, columns=["episode_index", *wanted])
        if missing := {"episode_index", *wanted} - set(table.column_names):
            raise KeyError(sorted(missing)[0])
        for row in table.to_pylist():
            chunk, file, start = (row[name] for name in wanted)
            path_of = template.format(video_key=camera, chunk_index=chunk, file_index=file)
            found[int(row["episode_index"])] = Clip(root / path_of, float(start))
    return found


@dataclass(frozen=True, eq=False)
class Videos:
    """The pictures of all rows: their episodes and numbers in them (N,), at ``fps``."""

    clips: Mapping[int, Clip]
    episode: np.ndarray
    frame: np.ndarray
    fps: float

    def pictures(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """uint8 pictures (H, W, 3) of rows (n,), in that order; rows of a video at once."""
        episodes = self.episode[rows]
        for part in np.split(rows, np.flatnonzero(np.diff(episodes)) + 1):
            yield from self._of_episode(part)

    def _of_episode(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Rows of one episode, ascending: decoded from the key frame before the first."""
        av = require("av", extra="lerobot")
        clip = self.clips[int(self.episode[rows[0]])]
        wanted = clip.start + self.frame[rows] / self.fps
        at = 0
        try:
            with av.open(file=str(clip.path)) as container:
                stream = container.streams.video[0]
                begin = max(0.0, float(wanted[0]) - 1 / self.fps)
                container.seek(int(begin / stream.time_base), stream=stream)
                for picture in container.decode(stream):
                    if at == len(rows) or picture.time is None:
                        break
                    if picture.time > wanted[at] + NEAR / self.fps:
                        break
                    if abs(picture.time - wanted[at]) <= NEAR / self.fps:
                        yield picture.to_ndarray(format="rgb24")
                        at += 1
        except (av.FFmpegError, IndexError) as error:
            raise ValueError(f"{clip.path} cannot be decoded: {error}") from error
        if at < len(rows):
            raise ValueError(
                f"{clip.path} has no picture at second {wanted[at]:.3f}, where frame "
                f"{self.frame[rows[at]]} of episode {self.episode[rows[at]]} should be"
            )
