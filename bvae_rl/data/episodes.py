"""The episodes of a store: how many, how long, how they ended, and what that hides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bvae_rl.data.frame_store import FrameStore

FEW = 10  # episodes
EPISODES, CUT, SHORT = "episodes", "cut", "short"  # what is noted with a block

MORE = "collect more frames (--frames), or shorter episodes (--max-episode-steps)"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Episodes:
    """Episodes of ``lengths`` (E,) frames, ``cut`` of them by ``max_episode_steps``.

    ``short`` more ended within the steps that were skipped.
    """

    lengths: np.ndarray
    cut: int
    short: int

    @classmethod
    def of(cls, store: FrameStore) -> Episodes | None:
        """Those that were acted in ``store``; None where it does not say how they ended."""
        ends = np.cumsum([block["rows"] for block in store.appended])
        noted = [
            (end - block["rows"], end, block)
            for end, block in zip(ends, store.appended, strict=True)
            if EPISODES in block
        ]
        if not noted:
            return None
        episode = np.asarray(store.array("episode"))
        lengths = [np.unique(episode[a:b], return_counts=True)[1] for a, b, _ in noted]
        cut, short = (sum(block[name] for *_, block in noted) for name in (CUT, SHORT))
        return cls(np.concatenate(lengths), cut, short)

    @staticmethod
    def mean_length(store: FrameStore) -> float | None:
        """Frames of an episode on average; None before there is one."""
        noted = [block for block in store.appended if EPISODES in block]
        episodes = sum(block[EPISODES] for block in noted)
        return sum(block["rows"] for block in noted) / episodes if episodes else None

    def summary(self, max_episode_steps: int) -> str:
        """Their number, their lengths, and how many were cut."""
        n, lengths = len(self.lengths), self.lengths
        spread = f"{np.median(lengths):,.0f} frames in the median"
        if lengths.min() < lengths.max():
            spread += f" ({lengths.min():,} to {lengths.max():,})"
        ended = f"{self.cut / n:.0%} cut after {max_episode_steps:,} steps"
        text = f"{n:,} episode{'s'[: n > 1]} of {spread}, {ended if self.cut else 'none cut'}"
        return f"{text}; {self.short:,} more were too short to keep" if self.short else text

    def doubts(self, max_episode_steps: int, *, more: str = MORE) -> list[str]:
        """What of the world such episodes may hide, and what to do about it."""
        n, found = len(self.lengths), []
        if 2 * self.cut >= n:
            found.append(
                f"{self.cut:,} of {n:,} episodes were cut after {max_episode_steps:,} steps: what "
                "comes later in them is not among the frames; unless they never end, collect with "
                f"max_episode_steps (--max-episode-steps) above {max_episode_steps}"
            )
        if n < FEW:
            found.append(
                f"{n} episode{'s'[: n > 1]} only: what differs between episodes (places, colours, "
                f"opponents) was seen {n} time{'s'[: n > 1]}; {more}"
            )
        return found


def tell(
    store: FrameStore,
    max_episode_steps: int,
    *,
    say: Callable[[str], None] = logger.info,
    more: str = MORE,
) -> None:
    """``say`` what frames and episodes a store holds, and warn of what they hide.

    ``more``: what to do where these are few.
    """
    if store.native is not None:
        (channels, height, width), (_, *sides) = store.native, store.shape
        say(
            f"frames of {sides[0]}x{sides[1]} are made of pictures of {height}x{width}x{channels}; "
            "another size is size=(H, W) (--size H W)"
        )
    for doubt in _out_of_range(store):
        logger.warning("%s", doubt)
    found = Episodes.of(store)
    if found is not None:
        say(found.summary(max_episode_steps))
        for doubt in found.doubts(max_episode_steps, more=more):
            logger.warning("%s", doubt)


def _out_of_range(store: FrameStore) -> Iterator[str]:
    """What factors of a store are not where their specs say."""
    specs = store.factor_specs
    values = store.column("factors") if specs else np.empty((0, 0))
    for spec, column in zip(specs, values.T, strict=False):
        low, high = float(column.min()), float(column.max())
        if not (spec.contains(low) and spec.contains(high)):
            yield (
                f"factor {spec.name!r} was seen from {low:g} to {high:g}, and its spec says "
                f"{spec.range_text}; give FactorSpec its true range, by which scores are binned"
            )


def refuse_cut_blocks(store: FrameStore) -> None:
    """ValueError for a store of blocks that end in the middle of episodes, as they once did."""
    if store.blocks and EPISODES not in store.appended[0]:
        raise ValueError(
            f"the {len(store)} frames in {store.folder} were collected in blocks that end in the "
            "middle of episodes, which is not gone on with; train on them as they are (bvae-rl "
            f"pretrain {store.folder}), or delete the folder and collect again"
        )
