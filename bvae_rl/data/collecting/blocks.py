"""Which kind the next block of a collection is, and how many episodes it takes.

A block is what a killed collection loses, and is held in memory until its last episode has ended.
Each begins with a reset of all environments, and ends with some of them waiting for the others. So
it is large enough to keep all of them at work, and no larger than memory allows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from bvae_rl.data.collecting.interventions import BLOCK_PAIRS, Interventions
from bvae_rl.data.frame_store import FrameStore

MAX_EPISODE_STEPS = 1000  # an episode is cut there unless somebody says otherwise
BLOCKS = 16  # of a large collection
SMALLEST_BLOCK, LARGEST_BLOCK = 512, 8192  # frames, unless episodes are long
BLOCK_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Tally:
    """How far a collection of ``frames`` and of ``pairs``, each at least, has come.

    Which kind a block is depends only on the sizes of those before it: the first one is of frames;
    then it is always the turn of the kind that is behind.
    """

    frames: int
    pairs: int = 0
    views: int = 1
    collected: int = 0
    paired: int = 0

    @classmethod
    def of(cls, store: FrameStore, frames: int, interventions: Interventions | None) -> Tally:
        """That of a store, read off its blocks."""
        tally = cls(frames, interventions.n, interventions.views) if interventions else cls(frames)
        for block in store.appended:
            tally = tally.after(block["rows"])
        return tally

    def after(self, rows: int) -> Tally:
        """That of a block of ``rows`` more."""
        if self.pairs_due:
            return replace(self, paired=self.paired + BLOCK_PAIRS)
        return replace(self, collected=self.collected + rows)

    @property
    def pairs_due(self) -> bool:
        """Whether the next block is one of interventions."""
        return self.collected * self.pairs > self.paired * self.frames  # as shares of all

    @property
    def missing(self) -> int:
        """Frames that are still to be collected, those of pairs not among them."""
        return max(0, self.frames - self.collected)

    @property
    def rows_left(self) -> int:
        """Rows of the store that are still to come, at least."""
        return self.missing + 2 * self.views * max(0, self.pairs - self.paired)

    @property
    def done(self) -> bool:
        """Whether there are enough of both."""
        return not self.rows_left


@dataclass(frozen=True)
class BlockSize:
    """``episodes`` to begin, unless there are ``frames`` before."""

    episodes: int
    frames: int


def block_size(
    missing: int, n: int, *, n_envs: int, shape: tuple[int, int, int], length: float
) -> BlockSize:
    """The next block of a collection of ``n`` frames of ``shape`` (C, H, W), ``missing`` as yet.

    ``length`` is the mean of the episodes so far, or what they are at most. A sixteenth of all,
    512 to 8,192 frames, but at least an episode of each environment, if they are that many and fit
    into ``BLOCK_BYTES``.
    """
    share = min(max(math.ceil(n / BLOCKS), SMALLEST_BLOCK), LARGEST_BLOCK)
    frames = min(missing, max(share, math.ceil(n_envs * length)), _most_frames(shape))
    return BlockSize(math.ceil(frames / length), frames)


def environments(n: int, *, n_envs: int, shape: tuple[int, int, int], length: int) -> int:
    """How many of ``n_envs`` environments a collection of ``n`` frames can keep at work.

    ``length`` is how many frames an episode has at most.
    """
    frames = min(n, _most_frames(shape))
    return min(n_envs, math.ceil(frames / length))


def _most_frames(shape: tuple[int, int, int]) -> int:
    return max(1, BLOCK_BYTES // math.prod(shape))
