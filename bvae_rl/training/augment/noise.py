"""A worse camera: a blur of random width, as of a lens out of focus, then the sensor's noise."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bvae_rl.training.augment.blur import gaussian_rows
from bvae_rl.training.augment.draws import centres, each, in_float32, uniform, unit

NOISE = 0.1  # standard deviation, at most
BLUR = 1.2  # standard deviation in pixels at the usual side, at most


class Sensor(NamedTuple):
    """One camera a picture: standard deviations (B,) of noise and, in usual pixels, of blur."""

    noise: Tensor
    blur: Tensor


def draw_sensors(n: int, generator: torch.Generator, *, strength: float = 1.0) -> Sensor:
    """``n`` independent cameras, from perfect to the worst uniformly."""
    noise = uniform(generator, (n,), 0.0, NOISE) * strength
    return Sensor(noise, uniform(generator, (n,), 0.0, BLUR) * strength)


def blurred(x: Tensor, reach: Tensor) -> Tensor:
    """x (B, C, H, W) averaged with Gaussians of deviations ``reach`` (B,) in usual pixels."""
    height, width = (centres(side, x) for side in x.shape[2:])
    reach = reach.to(x) * unit(x)
    down = gaussian_rows(height, height, reach)
    right = down if len(height) == len(width) else gaussian_rows(width, width, reach)
    beside = torch.bmm(x.flatten(1, 2), right.mT).view_as(x)
    return down[:, None] @ beside


@in_float32
def noise(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1], blurred and noisy, each picture to its own degree, in [0, 1].

    ``generator`` is on the CPU; ``strength`` 0 is the picture as it was.
    """
    sensors = draw_sensors(len(x), generator, strength=strength)
    grain = torch.randn(x.shape, generator=generator).to(x)
    return torch.addcmul(blurred(x, sensors.blur), grain, each(sensors.noise, x)).clamp_(0.0, 1.0)
