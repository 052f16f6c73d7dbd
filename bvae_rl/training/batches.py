"""What a batch is, which rows of a store train, and how a batch is put together.

A ``Pairing`` draws a ``Batch`` from a store: single frames, or pairs from the sources that
``pair_sources.py`` knows by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.episodes import Episodes
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.plan import INDEPENDENT

LEAST_EPISODES = 100  # from so many on, whole episodes are held out
STRETCH = 32  # frames that are held out together where episodes are few


@dataclass(frozen=True)
class Batch:
    """``x`` (B, C, H, W) in [0, 1]; for pairs also ``x2`` and what is known about them.

    ``shared`` (B, D) marks the latents that both frames of a pair have in common, ``factors``
    (B, K) are those of ``x`` where an objective asks for them, ``weight`` (B, 1, H, W) is what each
    pixel of ``x`` counts in the likelihood, ``weight2`` the same for ``x2``; None is 1 everywhere.
    For grids ``x`` holds their pictures in four blocks, ``take`` (B, D) is the number of the block
    that each latent is taken from, and ``direction`` (B, D) says whether the other state of the
    grid has more (1) or less (-1) of what a latent holds, 0 where that is not known (``grids.py``).
    """

    x: Tensor
    x2: Tensor | None = None
    shared: Tensor | None = None
    factors: Tensor | None = None
    weight: Tensor | None = None
    weight2: Tensor | None = None
    take: Tensor | None = None
    direction: Tensor | None = None

    @property
    def blocks(self) -> int:
        """How many parts of equal length ``x`` has, row i of each belonging together."""
        return 1 if self.take is None else 4

    @property
    def weights(self) -> Tensor | None:
        """The weights of all images, those of ``x`` before those of ``x2``; None is 1."""
        parts = [part for part in (self.weight, self.weight2) if part is not None]
        return torch.cat(parts) if parts else None

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        return self._each(lambda tensor: tensor.to(device))

    def part(self, first: int, size: int) -> Batch:
        """Every ``size``-th row from ``first`` on."""

        def rows(tensor: Tensor) -> Tensor:
            return torch.cat([block[first::size] for block in tensor.chunk(self.blocks)])

        return self._each(rows)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        found: dict[str, Tensor] = {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None
        }
        return Batch(**{name: change(tensor) for name, tensor in found.items()})


Pairing = Callable[[FrameStore, np.random.Generator, int], Batch]  # store, rng, images in the batch
Source = Callable[[FrameStore, np.random.Generator, int], Batch]  # store, rng, pairs


class Rows:
    """The rows of a store that training may use, and its pairs; looked up once.

    No validation frame has a training twin: where states were sampled (in two views), they are held
    out one by one; where frames follow each other, whole episodes are, if there are enough of them,
    and of few long ones stretches.
    """

    def __init__(self, store: FrameStore, *, validation: float = 0.0) -> None:
        self.store = store
        state = store.column("state")
        episode = store.column("episode")
        episodes = int(episode[-1]) + 1 if len(episode) else 0
        follow = len(np.unique(state)) == len(state) and episodes < len(state)
        played = store.meta.get("policy") != INDEPENDENT or Episodes.mean_length(store) is not None
        stretch = min(STRETCH, len(state) // LEAST_EPISODES)
        if follow and episodes >= LEAST_EPISODES:
            group = episode
        elif follow and played and stretch > 1:
            group = _stretches(episode, stretch)
        else:
            group = state
        held_out = _hash_fraction(group) < validation
        self.train = np.flatnonzero(~held_out)
        self.validation = np.flatnonzero(held_out)
        self._usable = ~held_out
        self.episode = episode
        order = self.train[np.argsort(state[self.train], kind="stable")]
        twins = state[order[1:]] == state[order[:-1]]
        self.same_state = np.stack([order[:-1][twins], order[1:][twins]], axis=1)  # (P, 2)
        order = self.train[np.argsort(episode[self.train], kind="stable")]
        starts = np.flatnonzero(np.r_[True, episode[order[1:]] != episode[order[:-1]]])
        self._episode_rows, self._starts = order, starts
        self._lengths = np.diff(np.r_[starts, len(order)])
        self._long = worth_pairing(self._lengths)

    @property
    def has_same_appearance(self) -> bool:
        """Whether any episode has two frames to pair."""
        return len(self._long) > 0

    def same_appearance(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Rows (n, 2): two different frames of one episode each."""
        episode = rng.choice(self._long, size=n)
        length = self._lengths[episode]
        first = rng.integers(length)
        second = (first + 1 + rng.integers(length - 1)) % length
        return self._episode_rows[self._starts[episode][:, None] + np.stack([first, second], 1)]

    @cached_property
    def one_appearance(self) -> bool:
        """Whether all episodes look alike, which is so unless appearance factors differ."""
        specs = self.store.factor_specs
        looks = [k for k, spec in enumerate(specs) if spec.role == "appearance"]
        return not looks or not np.ptp(self.store.column("factors")[:, looks], axis=0).any()

    @property
    def has_two_states(self) -> bool:
        """Whether there are two frames of one appearance."""
        return self.has_same_appearance or (self.one_appearance and len(self.train) > 1)

    def two_states(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Rows (n, 2): two frames of one appearance; of any episodes, where all look alike.

        What stays as it is throughout an episode, a goal or a map, is then no part of what the two
        share.
        """
        if not self.one_appearance:
            return self.same_appearance(rng, n)
        first = rng.integers(len(self.train), size=n)
        second = (first + 1 + rng.integers(len(self.train) - 1, size=n)) % len(self.train)
        return self.train[np.stack([first, second], axis=1)]

    def following(self, gap: int) -> np.ndarray:
        """Rows (P, 2): a training frame, and the one ``gap`` steps later in its episode."""
        first = np.arange(max(0, len(self.episode) - gap))
        second = first + gap
        same = self.episode[first] == self.episode[second]
        kept = same & self._usable[first] & self._usable[second]
        return np.stack([first[kept], second[kept]], axis=1)

    def interventions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Runs of frames between which one and the same actuator moved, the others at zero.

        Actions are taken after each row. Returns the first row of each pair (P,), the last row that
        the same actuator alone led to (P,), and its number (P,); nothing in a store of no actions.
        """
        try:
            moved = self.store.column("actions") != 0  # (N, A)
        except KeyError:
            moved = np.zeros((len(self.episode), 1), dtype=bool)
        alone = np.where(moved.sum(1) == 1, moved.argmax(1), -1)  # (N,), -1: none or several
        goes_on = np.zeros(len(alone), dtype=bool)  # the transition to the next row counts
        both = self._usable[:-1] & self._usable[1:] & (self.episode[1:] == self.episode[:-1])
        goes_on[:-1] = (alone[:-1] >= 0) & both
        # the last row of a run: where the next transition is none, or another actuator's
        ends = np.arange(len(alone))
        breaks = ~goes_on[:-1] | ~goes_on[1:] | (alone[:-1] != alone[1:])
        last = np.flatnonzero(np.r_[breaks, True])
        ends = last[np.searchsorted(last, ends)] + 1
        first = np.flatnonzero(goes_on)
        return first, ends[first], alone[first]


def worth_pairing(lengths: np.ndarray) -> np.ndarray:
    """Which episodes of ``lengths`` (E,) frames give pairs of independent states.

    Those of two frames are interventions, whose states hardly differ: used if there are no others.
    """
    return np.flatnonzero(lengths > (2 if (lengths > 2).any() else 1))


def single(rows: Rows) -> Pairing:
    """Independent frames, no pairs."""

    def draw(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
        return Batch(frames_at(store, rng.choice(rows.train, size=images)))

    return draw


def with_factors(rows: Rows) -> Pairing:
    """Independent frames with their factors; ValueError if the store has none."""

    def draw(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
        picked = rng.choice(rows.train, size=images)
        factors = torch.from_numpy(store.take("factors", picked).astype(np.float32))
        return Batch(frames_at(store, picked), factors=factors)

    return draw


def mixture(sources: Sequence[Source], *, pictures: int = 2) -> Pairing:
    """Batches of pairs (or grids, of four ``pictures``), equally many from each source."""

    def draw(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
        counts = np.diff(np.linspace(0, images // pictures, len(sources) + 1).round().astype(int))
        parts = [source(store, rng, int(n)) for source, n in zip(sources, counts, strict=True) if n]
        blocks = parts[0].blocks  # those of all parts stay together
        joined = {
            item.name: torch.cat(
                [
                    block
                    for blocks_of in zip(
                        *(getattr(part, item.name).chunk(blocks) for part in parts), strict=True
                    )
                    for block in blocks_of
                ]
            )
            for item in fields(Batch)
            if all(getattr(part, item.name) is not None for part in parts)
        }
        return Batch(**joined)

    return draw


def frames_at(store: FrameStore, rows: np.ndarray) -> Tensor:
    """Frames of a store by row (n,), as x (n, C, H, W), in memory as stored: channels last."""
    frames = torch.from_numpy(store.take("frames", rows))
    return frames.permute(0, 3, 1, 2).float().div_(255.0)


def _stretches(episode: np.ndarray, length: int) -> np.ndarray:
    """A number (N,) for each ``length`` frames that follow each other in one episode."""
    row = np.arange(len(episode))
    starts = np.maximum.accumulate(np.where(np.diff(episode, prepend=-1) != 0, row, 0))
    begins = (row - starts) % length == 0
    return np.cumsum(begins) - 1


def _hash_fraction(numbers: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random value in [0, 1) for each integer (Knuth's multiplicative hash)."""
    return ((numbers.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)) / 2**32
