"""What stands before a frame's background, its most usual colour; pure functions."""

from __future__ import annotations

from torch import Tensor

THRESHOLD = 0.1  # of a channel's range: a pixel that differs by more is another thing
MOST = 0.5  # fraction of a picture that can stand out
GRID = 4  # the background is looked up at every fourth pixel in both directions


def stands_out(x: Tensor) -> Tensor:
    """Where x (B, C, H, W) differs from its background, bool (B, 1, H, W)."""
    background = x[:, :, ::GRID, ::GRID].flatten(2).median(dim=2).values[:, :, None, None]
    return ((x - background).abs() > THRESHOLD).any(dim=1, keepdim=True)


def told_apart(counts: Tensor) -> Tensor:
    """Whether at most half of each picture (B, 1, H, W) counts: (B, 1, 1, 1), or all counts 1."""
    return counts.float().mean(dim=(1, 2, 3), keepdim=True) <= MOST
