"""Smooth random maps of the colour cube: what has one colour keeps having one, any one.

Each channel of the new picture is 0.5 + 0.5 sin(w . rgb + b), w normal and b uniform over a turn: a
random Fourier feature of the colour (Rahimi and Recht 2007), so that a low ``frequency`` bends the
cube gently and a high one tears near colours apart.

Of a ``part`` of the pictures only some colours are mapped, a random half of the cube, chosen by one
more such sine. A world changes its walls and keeps its floor: an encoder that has only seen all
colours change at once is no help there (docs/results/hardening/minigrid.md).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from bvae_rl.training.augment.draws import RGB, in_float32

FREQUENCY = 4.0
PART = 0.7
EDGE = 2.0  # how far the sine that chooses is stretched before it is cut to [0, 1]


class ColourMap(NamedTuple):
    """One map a picture: ``w`` (B, 4, 3) in rad over the width of a channel, ``b`` (B, 4).

    The first three rows give the new channels, the last one says which colours are mapped.
    """

    w: Tensor
    b: Tensor


def check_maps(*, frequency: float, part: float) -> None:
    """ValueError unless ``frequency`` is above 0 and ``part`` from 0 to 1."""
    if not (math.isfinite(frequency) and frequency > 0.0):
        raise ValueError(f"the frequency of the colour maps must be above 0, got {frequency:g}")
    if not 0.0 <= part <= 1.0:
        raise ValueError(
            f"part is the share of the colour maps that leaves some colours as they are, from 0 to "
            f"1, got {part:g}"
        )


def draw_colour_maps(
    n: int, generator: torch.Generator, *, frequency: float, part: float = PART
) -> ColourMap:
    """``n`` independent maps; ``frequency`` is the standard deviation of w.

    A share ``part`` of them leaves some colours as they are; of the others the last row is 1
    whatever the colour.
    """
    w = frequency * torch.randn(n, RGB + 1, RGB, generator=generator)
    b = 2.0 * math.pi * torch.rand(n, RGB + 1, generator=generator)
    whole = torch.rand(n, generator=generator) >= part
    w[whole, RGB], b[whole, RGB] = 0.0, 0.5 * math.pi
    return ColourMap(w, b)


def recoloured(x: Tensor, maps: ColourMap) -> Tensor:
    """x (B, 3 k, H, W) with the colours of each picture mapped, of all k frames in one way."""
    stack = x.shape[1] // RGB
    w = maps.w.to(x).repeat_interleave(stack, 0)
    b = maps.b.to(x).repeat_interleave(stack, 0)[..., None]
    rgb = x.reshape(-1, RGB, x.shape[2] * x.shape[3])
    sines = torch.baddbmm(b, w, rgb).sin_()
    mapped, chosen = sines[:, :RGB], sines[:, RGB:]
    share = chosen.mul_(EDGE).add_(0.5).clamp_(0.0, 1.0)
    return rgb.lerp(mapped.mul_(0.5).add_(0.5), share).view_as(x)


@in_float32
def colour(
    x: Tensor,
    generator: torch.Generator,
    *,
    frequency: float = FREQUENCY,
    part: float = PART,
    strength: float = 1.0,
) -> Tensor:
    """x (B, 3 k, H, W) in [0, 1] with one random map of its colours a picture, in [0, 1].

    Args:
        x: colour pictures, or stacks of k of them along the channels.
        generator: on the CPU, so that every device draws the same.
        frequency: standard deviation of w in rad over the width of a channel, at least 0.
        part: share of the pictures of which only some colours are mapped, from 0 to 1.
        strength: 0 the picture itself, from 1 on its map alone, and between them a blend.

    Raises ValueError for other numbers of channels: grey pictures have no colours.
    """
    if x.shape[1] % RGB:
        raise ValueError(
            f"colour maps the {RGB} channels of a picture together, and x has {x.shape[1]} "
            f"channels, shape {tuple(x.shape)}; vary grey pictures with light instead"
        )
    maps = draw_colour_maps(len(x), generator, frequency=frequency, part=part)
    mapped = recoloured(x, maps)
    return mapped if strength >= 1.0 else x.lerp(mapped, strength)
