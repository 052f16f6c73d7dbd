"""Another light on the same things: brighter or darker, harder or softer, from one side.

A pixel of value v gets gain (1 + slope . place) v^gamma, clipped to [0, 1]; ``place`` goes from -1
at one edge to 1 at the other, so that the slope is a linear gradient over the picture.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from bvae_rl.training.augment.draws import centres, each, in_float32, uniform

GAIN = 0.4  # of the logarithm, to either side
GAMMA = 0.5  # of the logarithm, to either side
SLOPE = 0.4  # of the light from the middle to an edge, at most


class Light(NamedTuple):
    """One light a picture: ``gain`` and ``gamma`` (B,), ``slope`` (B, 2) to the right and down."""

    gain: Tensor
    gamma: Tensor
    slope: Tensor


def draw_lights(n: int, generator: torch.Generator, *, strength: float = 1.0) -> Light:
    """``n`` independent lights: uniform logarithms, and a uniform slope in any direction."""
    gain = uniform(generator, (n,), -GAIN, GAIN) * strength
    gamma = uniform(generator, (n,), -GAMMA, GAMMA) * strength
    angle = uniform(generator, (n,), 0.0, 2.0 * math.pi)
    steep = uniform(generator, (n,), 0.0, SLOPE) * strength
    slope = steep[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return Light(gain.exp(), gamma.exp(), slope)


def lit(x: Tensor, lights: Light) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture in its light, in [0, 1]."""
    height, width = x.shape[2:]
    right, down = lights.slope.to(x).unbind(1)
    column = right[:, None] * centres(width, x) * (2.0 / width)
    row = down[:, None] * centres(height, x) * (2.0 / height)
    falls = each(lights.gain, x) * (1.0 + column[:, None, None, :] + row[:, None, :, None])
    return (x.pow(each(lights.gamma, x)) * falls).clamp_(0.0, 1.0)


@in_float32
def light(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture in a random light, in [0, 1].

    ``generator`` is on the CPU; ``strength`` 0 is the light as it was.
    """
    return lit(x, draw_lights(len(x), generator, strength=strength))
