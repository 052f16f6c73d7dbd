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
    w = frequency * torch.randn(pictures, channels, channels, generator=generator)
    b = 2.0 * math.pi * torch.rand(pictures, channels, 1, generator=generator)
    angle = torch.baddbmm(b.to(x), w.to(x), x.flatten(2))
    return (0.5 + 0.5 * angle.sin()).view_as(x)
