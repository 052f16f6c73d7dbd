"""Pictures that somebody has, in order and in episodes, and how they get into a frame store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.readers.factor_csv import EPISODE as EPISODE
from bvae_rl.data.readers.factor_table import FactorTable
from bvae_rl.data.readers.picture_bytes import Size, fitted

BLOCK_FRAMES = 512
Progress = Callable[[int], None]  # called with the number of frames added


def episode_numbers(numbers: np.ndarray, where: str) -> np.ndarray:
    """Episodes (N,) as 0, 1, ... in their order; ValueError if rows of one do not stand together.

    ``where`` names the numbers in messages.
    """
    if numbers.ndim != 1 or numbers.dtype.kind not in "iuf" or (numbers % 1 != 0).any():
        raise ValueError(
            f"{where} is {numbers.dtype} {numbers.shape}; episodes are whole numbers (N,)"
        )
    begins = np.r_[True, numbers[1:] != numbers[:-1]]
    names, counts = np.unique(numbers[begins], return_counts=True)
    if (counts > 1).any():
        back = names[counts > 1][0]
        row = np.flatnonzero(begins & (numbers == back))[1]
        raise ValueError(
            f"{where}: episode {back:g} comes back in row {row}; rows of an episode stand together"
        )
    return np.cumsum(begins) - 1


@dataclass(frozen=True, kw_only=True)
class Recording:
    """N pictures of whatever source, read on demand.

    ``read`` gets row numbers (n,) and gives uint8 pictures (H, W, 1 or 3), whose sides may differ
    where ``size`` (of the frames, H and W) is not theirs; ``channels`` are those of the frames.
    ``episode`` (N,) numbers the episodes from 0 on, rows of one standing together; None: nothing
    says that frames follow each other, so they count as independent. ``described`` names the
    content, so that another source is told apart. ``files`` (N) are names of the pictures, where
    they have some; ``notes`` are sentences that a reader of the frames should know. Where
    ``forward`` is set, rows can only be read from the first to the last.
    """

    name: str
    count: int
    size: Size
    channels: int
    read: Callable[[np.ndarray], Iterable[np.ndarray]]
    described: dict[str, Any]
    episode: np.ndarray | None = None
    files: Sequence[str] = ()
    factors: FactorTable | None = None
    actions: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    forward: bool = False

    def order(self, n: int | None, seed: int | None) -> tuple[np.ndarray, np.ndarray | None]:
        """Rows in the order of the store, and their episodes in it: whole ones until n are there.

        ``seed`` shuffles the episodes, or the frames where no episodes are known.
        """
        rng = None if seed is None else np.random.default_rng(seed)
        if rng is not None and self.forward:
            raise ValueError(
                f"{self.name} is compressed, so it is read from front to back and cannot be "
                "shuffled; leave out the seed, or save it with np.savez"
            )
        if self.episode is None:
            rows = np.arange(self.count) if rng is None else rng.permutation(self.count)
            return rows[:n], None
        starts = np.flatnonzero(np.r_[True, np.diff(self.episode) != 0])
        parts = np.split(np.arange(self.count), starts[1:])
        places = np.arange(len(parts)) if rng is None else rng.permutation(len(parts))
        ends = np.cumsum([len(parts[place]) for place in places])
        kept = len(parts) if n is None else min(int(np.searchsorted(ends, n)) + 1, len(parts))
        rows = np.concatenate([parts[place] for place in places[:kept]])
        return rows, np.repeat(np.arange(kept), [len(parts[place]) for place in places[:kept]])


def write_recording(
    recording: Recording,
    store: FrameStore,
    n: int | None = None,
    *,
    factors: FactorTable | None = None,
    seed: int | None = None,
    progress: Progress = lambda added: None,
) -> None:
    """Append frames until ``n`` are there (whole episodes; None: all); after a kill, the rest.

    ``factors`` (N rows) say what is true about the pictures. Raises ValueError for a store that
    was made of something else.
    """
    rows, episode = recording.order(n, seed)
    if factors is not None:
        factors.check_rows(recording.count, recording.name)
    shown = next(iter(recording.read(rows[:1]))).shape if len(rows) else ()
    frame = (*recording.size, recording.channels)
    native = {"native": [shown[2], *shown[:2]]} if shown and shown[2] >= frame[2] else {}
    store.declare(
        factor_specs=() if factors is None else factors.specs,
        imported=recording.described,
        picture={"size": recording.size, "channels": recording.channels},
        **(native if shown != frame else {}),
        seed=seed,
        labels=None if factors is None else factors.identity(),
        **({"policy": "independent"} if episode is None else {}),
    )
    if len(store) >= len(rows):
        return
    store.expect(len(rows))
    for first in range(len(store), len(rows), BLOCK_FRAMES):
        pick = rows[first : first + BLOCK_FRAMES]
        number = np.arange(first, first + len(pick))
        pictures = [
            fitted(picture, recording.size, channels=recording.channels)
            for picture in recording.read(pick)
        ]
        store.append(
            Frames(
                np.stack(pictures),
                np.zeros_like(number) if episode is None else episode[number],
                number,
                None if factors is None else factors.values[pick],
                None if recording.actions is None else recording.actions[pick],
            )
        )
        progress(len(pick))
