"""The camera elsewhere: turned, nearer or farther, and aside, where the state is the same.

The picture's edges are repeated outwards, since nobody knows what lies there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bvae_rl.training.augment.draws import in_float32, uniform

ANGLE = 0.12  # rad, to either side
ZOOM = 0.18  # of the logarithm, to either side
SHIFT = 0.2  # of half a side, to either side


class Pose(NamedTuple):
    """One pose a picture: what it shows is turned, enlarged, then moved.

    ``angle`` (B,) in rad, clockwise as one sees it; ``zoom`` (B,) a factor; ``shift`` (B, 2) in
    half sides of the picture, to the right and down.
    """

    angle: Tensor
    zoom: Tensor
    shift: Tensor


def draw_poses(n: int, generator: torch.Generator, *, strength: float = 1.0) -> Pose:
    """``n`` independent poses: uniform angle, logarithm of the zoom, and shift along each side."""
    angle = uniform(generator, (n,), -ANGLE, ANGLE) * strength
    zoom = uniform(generator, (n,), -ZOOM, ZOOM) * strength
    return Pose(angle, zoom.exp(), uniform(generator, (n, 2), -SHIFT, SHIFT) * strength)


def seen_from(x: Tensor, poses: Pose) -> Tensor:
    """x (B, C, H, W), each picture from its pose; between pixels values are linear.

    Angles are kept in pictures that are not square, too.
    """
    height, width = x.shape[2:]
    cos, sin = poses.angle.cos() / poses.zoom, poses.angle.sin() / poses.zoom
    # where each place of the new picture was in x: the inverse map, in half sides
    back = torch.stack([cos, sin * height / width, -sin * width / height, cos], dim=1)
    linear = back.view(-1, 2, 2)
    offset = -linear @ poses.shift[..., None]
    grid = functional.affine_grid(
        torch.cat([linear, offset], dim=2).to(x), list(x.shape), align_corners=False
    )
    # the middles of the outermost pixels: padding_mode="border", which MPS knows from 2.13 on
    most = 1.0 - 1.0 / grid.new_tensor([width, height])
    return functional.grid_sample(x, grid.clamp(-most, most), align_corners=False)


@in_float32
def camera(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1], each picture from a random pose, in [0, 1].

    ``generator`` is on the CPU; ``strength`` 0 is the pose as it was.
    """
    return seen_from(x, draw_poses(len(x), generator, strength=strength)).clamp_(0.0, 1.0)
