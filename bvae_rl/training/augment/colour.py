"""Smooth random maps of the colour cube: what has one colour keeps having one, any one.

Each channel of the new picture is 0.5 + 0.5 sin(w . rgb + b), w normal and b uniform over a turn: a
random Fourier feature of the colour (Rahimi and Recht 2007), so that a low ``frequency`` bends the
cube gently and a high one tears near colours apart.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FREQUENCY = 4.0


def colour(x: Tensor, generator: torch.Generator, *, frequency: float = FREQUENCY) -> Tensor:
    """x (B, C, H, W) in [0, 1] with one random map of its colours a picture, in [0, 1].

    Args:
        x: pictures; C channels are mapped together, 3 of a colour picture.
        generator: on the CPU, so that every device draws the same.
        frequency: standard deviation of w in rad over the width of a channel, at least 0.
    """
    pictures, channels = x.shape[:2]
    return map_colours(x, *draw_maps(pictures, channels, generator, frequency=frequency))


def draw_maps(
    n: int, channels: int, generator: torch.Generator, *, frequency: float
) -> tuple[Tensor, Tensor]:
    """w (n, C, C) and b (n, C, 1) of n random maps, to be kept for several pictures."""
    w = frequency * torch.randn(n, channels, channels, generator=generator)
    return w, 2.0 * math.pi * torch.rand(n, channels, 1, generator=generator)


def map_colours(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """x (B, C, ...) in [0, 1], each picture under its map w (B, C, C), b (B, C, 1), in [0, 1]."""
    angle = torch.baddbmm(b.to(x), w.to(x), x.flatten(2))
    return (0.5 + 0.5 * angle.sin()).view_as(x)
