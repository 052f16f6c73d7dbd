"""What a batch is, and how one is put together.

A ``Pairing`` draws a ``Batch`` from a store: single frames, or pairs from the sources that
``pair_sources.py`` knows by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.training.batches.rows import Rows


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
