"""Other surfaces of the same colours: a random filter, and a random relief over the picture.

The filter is a random convolution (Lee et al. 2020, arXiv 1910.05396) mixed with the picture (Xu et
al. 2021, arXiv 2007.13003), with one kernel for all channels and weights that add up to 1: what is
even keeps its colour, which is the business of ``colour``, and edges and grain change. The relief
is a sum of a few waves, whose directions and lengths are normal (random Fourier features, Rahimi
and Recht 2007), so bumps or streaks; half of the reliefs are patterns of two tones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bvae_rl.training.augment.draws import centres, each, in_float32, uniform, unit

FILTER = 0.4  # standard deviation of the kernel's weights, at most
RELIEF = 0.1  # standard deviation of what a smooth relief adds, at most
TONE = 0.15  # what a pattern adds or takes, at most
SOFT, HARD = 0.7, 20.0  # steepness of a pattern's edges, in tanh(steepness relief)
FINE, COARSE = 1.5, 12.0  # usual pixels, how far bumps reach along and across
WAVES = 6
KERNEL = 3


class Surface(NamedTuple):
    """One surface a picture: ``kernel`` (B, 3, 3), ``height`` (B,) of the relief in [0, 1].

    ``waves`` (B, N, 2) are in rad a usual pixel to the right and down, ``phase`` (B, N) in rad.
    ``steepness`` (B,) makes a pattern of two tones of a relief; 0 leaves it smooth.
    """

    kernel: Tensor
    height: Tensor
    waves: Tensor
    phase: Tensor
    steepness: Tensor


def draw_surfaces(n: int, generator: torch.Generator, *, strength: float = 1.0) -> Surface:
    """``n`` independent surfaces."""
    uneven = torch.randn(n, KERNEL, KERNEL, generator=generator)
    uneven = uneven - uneven.mean((1, 2), keepdim=True)
    kernel = uneven * uniform(generator, (n, 1, 1), 0.0, FILTER) * strength
    kernel[:, KERNEL // 2, KERNEL // 2] += 1.0
    width = uniform(generator, (n, 1, 2), math.log(FINE), math.log(COARSE)).exp()
    along, across = (torch.randn(n, WAVES, 2, generator=generator) / width).unbind(2)
    turn = uniform(generator, (n, 1), 0.0, math.pi)
    right, down = (
        along * turn.cos() - across * turn.sin(),
        along * turn.sin() + across * turn.cos(),
    )
    phase = uniform(generator, (n, WAVES), 0.0, 2.0 * math.pi)
    smooth = torch.rand(n, generator=generator) < 0.5
    steepness = uniform(generator, (n,), math.log(SOFT), math.log(HARD)).exp()
    height = uniform(generator, (n,), 0.0, strength) * torch.where(smooth, RELIEF, TONE)
    waves = torch.stack([right, down], dim=2)
    return Surface(kernel, height, waves, phase, steepness.masked_fill(smooth, 0.0))


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """x (B, C, H, W), each picture convolved with its ``kernel`` (B, 3, 3), edges repeated."""
    pictures, channels = x.shape[:2]
    edge = KERNEL // 2
    wide = functional.pad(x, (edge, edge, edge, edge), mode="replicate")
    weight = kernel.to(x).repeat_interleave(channels, 0)[:, None]
    found = functional.conv2d(wide.flatten(0, 1)[None], weight, groups=pictures * channels)
    return found.view_as(x)


def relief(surfaces: Surface, x: Tensor) -> Tensor:
    """Smooth reliefs (B, 1, H, W) for x, of mean 0 and standard deviation 1 in each picture."""
    right, down = (surfaces.waves.to(x) / unit(x)).unbind(2)
    rows, columns = (centres(side, x) for side in x.shape[2:])
    angles = (down[..., None] * rows)[..., None] + (right[..., None] * columns)[:, :, None]
    added = (angles + surfaces.phase.to(x)[..., None, None]).sin_().sum(1, keepdim=True)
    away = added - added.mean((2, 3), keepdim=True)
    size = away.square().mean((2, 3), keepdim=True).sqrt()
    return away / size.clamp_min(1e-6)


def heights(surfaces: Surface, x: Tensor) -> Tensor:
    """What each surface adds to x (B, C, H, W), the same to all channels: (B, 1, H, W)."""
    smooth, steepness = relief(surfaces, x), each(surfaces.steepness, x)
    shape = torch.where(steepness > 0, (steepness * smooth).tanh(), smooth)
    return each(surfaces.height, x) * shape


@in_float32
def texture(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture with a random surface, in [0, 1].

    ``generator`` is on the CPU; ``strength`` 0 is the picture as it was.
    """
    surfaces = draw_surfaces(len(x), generator, strength=strength)
    return filtered(x, surfaces.kernel).add_(heights(surfaces, x)).clamp_(0.0, 1.0)
