"""Which rows of a store train, which are held out, and which of them make pairs."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from bvae_rl.data.collecting.plan import INDEPENDENT
from bvae_rl.data.episodes import Episodes
from bvae_rl.data.frame_store import FrameStore

LEAST_EPISODES = 100  # from so many on, whole episodes are held out
STRETCH = 32  # frames that are held out together where episodes are few


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


def _stretches(episode: np.ndarray, length: int) -> np.ndarray:
    """A number (N,) for each ``length`` frames that follow each other in one episode."""
    row = np.arange(len(episode))
    starts = np.maximum.accumulate(np.where(np.diff(episode, prepend=-1) != 0, row, 0))
    begins = (row - starts) % length == 0
    return np.cumsum(begins) - 1


def _hash_fraction(numbers: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random value in [0, 1) for each integer (Knuth's multiplicative hash)."""
    return ((numbers.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)) / 2**32
