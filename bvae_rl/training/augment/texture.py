"""Other surfaces of the same colours: a random filter, and a smooth random relief over the picture.

The filter is a random convolution (Lee et al. 2020, arXiv 1910.05396) mixed with the picture (Xu et
al. 2021, arXiv 2007.13003), with one kernel for all channels and weights that add up to 1: what is
even keeps its colour, which is the business of ``colour``, and edges and grain change.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bvae_rl.training.augment.blur import gaussian_rows
from bvae_rl.training.augment.draws import centres, each, in_float32, uniform, unit

FILTER = 0.4  # standard deviation of the kernel's weights, at most
RELIEF = 0.1  # standard deviation of what the relief adds, at most
FINE, COARSE = 1.5, 12.0  # usual pixels, width of the relief's Gaussian along either side
STEP = 2  # pixels from one draw of the relief to the next
KERNEL = 3


class Surface(NamedTuple):
    """One surface a picture: ``kernel`` (B, 3, 3), ``height`` (B,) of the relief in [0, 1].

    ``width`` (B, 2) is how far the relief's bumps reach down and to the right, in usual pixels;
    ``bumps`` (B, H', W') are what they are made of, normal.
    """

    kernel: Tensor
    height: Tensor
    width: Tensor
    bumps: Tensor


def draw_surfaces(
    n: int, generator: torch.Generator, *, sides: tuple[int, int], strength: float = 1.0
) -> Surface:
    """``n`` independent surfaces for pictures of ``sides`` H and W."""
    uneven = torch.randn(n, KERNEL, KERNEL, generator=generator)
    uneven = uneven - uneven.mean((1, 2), keepdim=True)
    kernel = uneven * uniform(generator, (n, 1, 1), 0.0, FILTER) * strength
    kernel[:, KERNEL // 2, KERNEL // 2] += 1.0
    height = uniform(generator, (n,), 0.0, RELIEF) * strength
    width = uniform(generator, (n, 2), math.log(FINE), math.log(COARSE)).exp()
    rows, columns = (-(-side // STEP) for side in sides)
    return Surface(kernel, height, width, torch.randn(n, rows, columns, generator=generator))


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """x (B, C, H, W), each picture convolved with its ``kernel`` (B, 3, 3), edges repeated."""
    pictures, channels = x.shape[:2]
    edge = KERNEL // 2
    wide = functional.pad(x, (edge, edge, edge, edge), mode="replicate")
    weight = kernel.to(x).repeat_interleave(channels, 0)[:, None]
    found = functional.conv2d(wide.flatten(0, 1)[None], weight, groups=pictures * channels)
    return found.view_as(x)


def relief(surfaces: Surface, x: Tensor) -> Tensor:
    """The heights (B, 1, H, W) of reliefs for x, of mean 0 and standard deviation 1 a picture."""
    width = surfaces.width.to(x) * unit(x)
    bumps = surfaces.bumps.to(x)
    down, right = (
        gaussian_rows(centres(side, x), STEP * centres(number, x), reach)
        for side, number, reach in zip(x.shape[2:], bumps.shape[1:], width.unbind(1), strict=True)
    )
    smooth = down @ bumps @ right.mT
    away = smooth - smooth.mean((1, 2), keepdim=True)
    size = away.square().mean((1, 2), keepdim=True).sqrt()
    return (away / size.clamp_min(1e-6))[:, None]


@in_float32
def texture(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture with a random surface, in [0, 1].

    ``generator`` is on the CPU; ``strength`` 0 is the picture as it was.
    """
    sides = (x.shape[2], x.shape[3])
    surfaces = draw_surfaces(len(x), generator, sides=sides, strength=strength)
    heights = each(surfaces.height, x) * relief(surfaces, x)
    return filtered(x, surfaces.kernel).add_(heights).clamp_(0.0, 1.0)
