"""What a batch is, and which frames go together in it.

A ``Pairing`` draws a ``Batch`` from a store. ``shared`` marks the latents that two frames of a pair
have in common: the *content* group when one state is shown in two looks, the *look* group when two
states are shown in one look (known groups: Bouchacourt et al. 2018, arXiv 1705.08841).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from bvae_rl.frames import FrameStore
from bvae_rl.plug.frames_in import frames_to_x

Groups = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Batch:
    """``x`` (B, C, H, W) in [0, 1]; for pairs also ``x2`` and ``shared`` (B, D)."""

    x: torch.Tensor
    x2: torch.Tensor | None = None
    shared: torch.Tensor | None = None
    action: torch.Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""

        def move(tensor: torch.Tensor | None) -> torch.Tensor | None:
            return None if tensor is None else tensor.to(device)

        return Batch(self.x.to(device), move(self.x2), move(self.shared), move(self.action))


Pairing = Callable[[FrameStore, np.random.Generator, int], Batch]  # store, rng, images in the batch


class Rows:
    """The rows of a store that training may use, and its pairs; looked up once.

    Episodes and states are split as a whole, so that no validation frame has a training twin.
    """

    def __init__(self, store: FrameStore, *, validation: float = 0.0) -> None:
        state = np.asarray(store.array("state"))
        held_out = _hash_fraction(state) < validation
        self.train = np.flatnonzero(~held_out)
        self.validation = np.flatnonzero(held_out)
        order = self.train[np.argsort(state[self.train], kind="stable")]
        twins = state[order[1:]] == state[order[:-1]]
        self.same_state = np.stack([order[:-1][twins], order[1:][twins]], axis=1)  # (P, 2)
        episode = np.asarray(store.array("episode"))
        order = self.train[np.argsort(episode[self.train], kind="stable")]
        starts = np.flatnonzero(np.r_[True, episode[order[1:]] != episode[order[:-1]]])
        self._episode_rows, self._starts = order, starts
        self._lengths = np.diff(np.r_[starts, len(order)])
        self._long = np.flatnonzero(self._lengths > 1)

    @property
    def has_same_look(self) -> bool:
        """Whether any episode has two frames to pair."""
        return len(self._long) > 0

    def same_look(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Rows (n, 2): two different frames of one episode each."""
        episode = rng.choice(self._long, size=n)
        length = self._lengths[episode]
        first = rng.integers(length)
        second = (first + 1 + rng.integers(length - 1)) % length
        return self._episode_rows[self._starts[episode][:, None] + np.stack([first, second], 1)]


def single(rows: Rows) -> Pairing:
    """Independent frames, no pairs."""

    def draw(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
        return Batch(_x(store, rng.choice(rows.train, size=images)))

    return draw


def content_look(rows: Rows, *, groups: Groups, latents: int) -> Pairing:
    """Half the pairs show one state in two looks, half two states in one look."""
    if "content" not in groups or "look" not in groups:
        raise ValueError(
            f"pairs need the latent groups 'content' and 'look', got {dict(groups)}; "
            "for example content=24 and look=8"
        )
    if not len(rows.same_state) or not rows.has_same_look:
        raise ValueError(
            "the frame store holds no pairs of one state in two looks; collect it with two views "
            "(bvae-rl collect --views 2) or train without pairs"
        )
    masks = torch.zeros(2, latents, dtype=torch.bool)
    for row, name in enumerate(("content", "look")):
        masks[row, slice(*groups[name])] = True

    def draw(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
        n = images // 4
        same_state = rows.same_state[rng.integers(len(rows.same_state), size=n)]
        pairs = np.concatenate([same_state, rows.same_look(rng, n)])  # (2n, 2)
        x = _x(store, pairs.T.ravel())
        shared = masks.repeat_interleave(n, dim=0)  # (2n, D)
        return Batch(x[: 2 * n], x[2 * n :], shared)

    return draw


def _x(store: FrameStore, rows: np.ndarray) -> torch.Tensor:
    return frames_to_x(store.array("frames")[rows])


def _hash_fraction(numbers: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random value in [0, 1) for each integer (Knuth's multiplicative hash)."""
    return ((numbers.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)) / 2**32
