"""Another frame shines through: overlays of frames of the same batch, so that no data is needed.

As in SODA and SVEA (Hansen and Wang 2021, arXiv 2011.13389; Hansen et al. 2021, arXiv 2107.00644),
which take photographs of places. Here the other frame has a state of its own: what is learned is to
read the one that is seen more clearly, so the weight stays below one half.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bvae_rl.training.augment.draws import each, in_float32, uniform

WEIGHT = 0.3  # of the other frame, at most
MOST_WEIGHT = 0.45  # however strong, so that the picture is the one that is seen more clearly


class Overlay(NamedTuple):
    """For each picture the place of the other in the batch, and its weight in [0, 1], both (B,)."""

    other: Tensor
    weight: Tensor


def draw_overlays(n: int, generator: torch.Generator, *, strength: float = 1.0) -> Overlay:
    """Uniform weights; others along one random circle: none is its own but in a batch of one."""
    circle = torch.randperm(n, generator=generator)
    other = torch.empty_like(circle)
    other[circle] = circle.roll(1)
    weight = uniform(generator, (n,), 0.0, WEIGHT) * strength
    return Overlay(other, weight.clamp_max(MOST_WEIGHT))


def overlaid(x: Tensor, overlays: Overlay) -> Tensor:
    """x (B, C, H, W), each picture blended with its other."""
    return x.lerp(x[overlays.other.to(x.device)], each(overlays.weight, x))


@in_float32
def background(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1], each blended with another of the batch, in [0, 1].

    ``generator`` is on the CPU; ``strength`` is a factor of the other's weight. A batch of one
    picture stays as it is.
    """
    return overlaid(x, draw_overlays(len(x), generator, strength=strength))
