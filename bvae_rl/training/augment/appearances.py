"""Image augmentations that change the appearance of a frame and not its state.

They stand in for appearances that an environment cannot switch: hue rotation and a random mixing of
the channels, brightness, contrast and sensor noise. Nothing moves a pixel. Colour augmentation for
self-supervision goes back to Chen et al. 2020 (SimCLR, arXiv 2002.05709, appendix A), channel
mixing for control to Lee et al. 2020 (arXiv 1910.05396).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Strength:
    """How far appearances may change; 0 switches a change off."""

    hue: float = 1.0
    """turns of the hue circle, up to half of this in either direction"""
    mixing: float = 0.3
    """standard deviation of what each channel takes from the others"""
    brightness: float = 0.25
    """added to each pixel, at most"""
    contrast: float = 0.4
    """factor 1 - contrast to 1 + contrast, around the mean"""
    noise: float = 0.03
    """standard deviation of the noise, at most"""
    unchanged: float = 0.2
    """fraction of frames that keep their appearance"""


@dataclass(frozen=True)
class DrawnAppearances:
    """One new appearance a frame: ``matrix`` (n, 3, 3), ``shift``, ``contrast``, ``noise`` (n,)."""

    matrix: Tensor
    shift: Tensor
    contrast: Tensor
    noise: Tensor
    seed: int


def draw_appearances(
    n: int, rng: np.random.Generator, *, strength: Strength | None = None
) -> DrawnAppearances:
    """``n`` independent appearances."""
    strength = strength or Strength()
    kept = rng.random(n) < strength.unchanged
    angle = np.where(kept, 0.0, rng.uniform(-math.pi, math.pi, n) * strength.hue)
    mixing = np.where(kept[:, None, None], 0.0, rng.normal(0.0, strength.mixing, (n, 3, 3)))
    mixing -= mixing.mean(axis=2, keepdims=True)  # grey stays grey
    matrix = hue_rotation(torch.from_numpy(angle)) + torch.from_numpy(mixing)

    def uniform(low: float, high: float, neutral: float) -> Tensor:
        return torch.from_numpy(np.where(kept, neutral, rng.uniform(low, high, n))).float()

    return DrawnAppearances(
        matrix.float(),
        uniform(-strength.brightness, strength.brightness, 0.0),
        uniform(1.0 - strength.contrast, 1.0 + strength.contrast, 1.0),
        uniform(0.0, strength.noise, 0.0),
        int(rng.integers(2**62)),
    )


def change_appearance(x: Tensor, appearances: DrawnAppearances) -> Tensor:
    """x (k * n, 3, H, W) in [0, 1], k blocks in the same n new appearances, clipped to [0, 1].

    Frames of one appearance have one noise level, and each its own noise.
    """
    frames, _, height, width = x.shape
    n = len(appearances.matrix)
    if frames % n:
        raise ValueError(f"{frames} frames cannot be shown in {n} appearances, equally many each")
    matrix = appearances.matrix.to(x).repeat(frames // n, 1, 1)
    mixed = (matrix @ x.flatten(2)).view(frames, 3, height, width)
    mean = mixed.mean(dim=(1, 2, 3), keepdim=True)

    def each(value: Tensor) -> Tensor:
        return value.to(x).repeat(frames // n)[:, None, None, None]

    changed = mean + each(appearances.contrast) * (mixed - mean) + each(appearances.shift)
    generator = torch.Generator().manual_seed(appearances.seed)
    noise = torch.randn(x.shape, generator=generator).to(x)
    return (changed + each(appearances.noise) * noise).clamp(0.0, 1.0)


def hue_rotation(angle: Tensor) -> Tensor:
    """Rotations (n, 3, 3) of RGB about the grey axis by ``angle`` (n,) in radians (Rodrigues)."""
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    third = torch.full((3, 3), 1.0 / 3.0, dtype=angle.dtype)
    cross = torch.tensor(
        [[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], dtype=angle.dtype
    ) / math.sqrt(3.0)
    return cos * torch.eye(3, dtype=angle.dtype) + sin * cross + (1.0 - cos) * third
