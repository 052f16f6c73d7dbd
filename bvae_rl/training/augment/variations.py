"""The variations that an encoder can be made to ignore, by name: a new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.training.augment.colour import colour

Vary = Callable[[Tensor, torch.Generator], Tensor]  # x (B, C, H, W) in [0, 1] -> the same


@dataclass(frozen=True)
class Variation:
    """One kind of change. ``share`` of the pictures get it where there are several kinds."""

    name: str
    text: str
    """what changes, in a few words"""
    vary: Vary
    share: float = 0.5
    channels: int | None = None
    """how many channels it needs; None: any"""
    words: tuple[str, ...] = ()
    """in the names of factors that it changes"""


# In the order in which they are applied: what stands in the picture, its colours and surfaces, the
# light on it, and last the camera that takes it.
VARIATIONS: Mapping[str, Variation] = {
    row.name: row
    for row in (
        Variation("colour", "smooth random maps of the colours", colour, share=0.8, channels=3),
    )
}


def named(names: Sequence[str]) -> list[Variation]:
    """The rows called ``names``, each once, in the order in which they are applied.

    Raises ValueError for none, and for unknown ones.
    """
    known = ", ".join(VARIATIONS)
    if not names:
        raise ValueError(f"no variation is named; take some of: {known}")
    if unknown := [name for name in names if name not in VARIATIONS]:
        raise ValueError(f"unknown variation {unknown[0]!r}; known: {known}")
    return [row for name, row in VARIATIONS.items() if name in names]


def vary(x: Tensor, rows: Sequence[Variation], generator: torch.Generator) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture changed anew by ``rows``, in [0, 1].

    A single row changes every picture; of several, each changes its ``share`` of them, drawn
    independently. ``generator`` is on the CPU.
    """
    for row in rows:
        share = row.share if len(rows) > 1 else 1.0
        chosen = torch.rand(len(x), generator=generator) < share
        picked = chosen.nonzero()[:, 0].to(x.device)
        if len(picked):
            x = x.index_copy(0, picked, row.vary(x[picked], generator))
    return x


def refuse_unfit(rows: Sequence[Variation], shape: tuple[int, int, int]) -> None:
    """ValueError for a row that pictures of ``shape`` (C, H, W) cannot show."""
    for row in rows:
        if row.channels is not None and shape[0] % row.channels:
            raise ValueError(f"{row.name} takes pictures of {row.channels} channels, got {shape}")
