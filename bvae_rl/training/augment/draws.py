"""What the variations share: draws on the CPU, arithmetic in float32, and what a channel is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")

USUAL_SIDE = 64  # pixels: lengths in pixels are meant for this side and grow with it
RGB = 3


def uniform(generator: torch.Generator, size: tuple[int, ...], low: float, high: float) -> Tensor:
    """``size`` independent draws from [low, high), on the CPU."""
    return low + (high - low) * torch.rand(size, generator=generator)


def each(value: Tensor, x: Tensor) -> Tensor:
    """One value a picture (B,) as (B, 1, 1, 1), where x is."""
    return value.to(x)[:, None, None, None]


def centres(length: int, x: Tensor) -> Tensor:
    """The middles of ``length`` pixels in a row, from the middle of the row, in pixels."""
    return torch.arange(length, device=x.device, dtype=x.dtype) - (length - 1) / 2


def unit(x: Tensor) -> float:
    """How many pixels of x (B, C, H, W) are one pixel of a picture of the usual side."""
    return min(x.shape[-2:]) / USUAL_SIDE


def picture_channels(channels: int) -> int:
    """Channels of one picture among ``channels``: 3 where they are RGB or a stack of it, else 1."""
    return RGB if channels % RGB == 0 else 1


def in_float32(
    vary: Callable[Concatenate[Tensor, P], Tensor],
) -> Callable[Concatenate[Tensor, P], Tensor]:
    """``vary`` on float32 whatever autocast says: places and angles need more than 8 bits."""

    @functools.wraps(vary)
    def exact(x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return vary(x.float(), *args, **kwargs)

    return exact
