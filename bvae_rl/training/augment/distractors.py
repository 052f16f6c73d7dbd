"""Things that mean nothing before what is shown: one to three discs and boxes of any colour."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bvae_rl.training.augment.draws import (
    USUAL_SIDE,
    centres,
    in_float32,
    picture_channels,
    uniform,
    unit,
)

MOST = 3
SMALLEST, LARGEST = 2.0, 7.0  # usual pixels from the middle of a thing to its side


class Things(NamedTuple):
    """N things a picture, the later before the earlier; lengths in usual pixels.

    ``middle`` (B, N, 2) from the picture's, to the right and down; ``half`` (B, N, 2) is half of
    width and height, 0 of a thing that is not there; ``round`` (B, N) tells discs, of radius
    ``half[..., 0]``, from boxes; ``colour`` (B, N, C) in [0, 1].
    """

    middle: Tensor
    half: Tensor
    round: Tensor
    colour: Tensor


def draw_things(
    n: int,
    generator: torch.Generator,
    *,
    channels: int,
    room: tuple[float, float],
    strength: float = 1.0,
) -> Things:
    """Things for ``n`` pictures, their middles anywhere in ``room``, half of a picture's sides.

    The frames of a stack get the same colour. ``strength`` is a factor of the size.
    """
    count = torch.randint(1, MOST + 1, (n, 1), generator=generator)
    there = torch.arange(MOST) < count
    half = uniform(generator, (n, MOST, 2), SMALLEST, LARGEST) * strength * there[..., None]
    middle = uniform(generator, (n, MOST, 2), -1.0, 1.0) * torch.tensor(room)
    discs = torch.rand(n, MOST, generator=generator) < 0.5
    one = picture_channels(channels)
    colour = torch.rand(n, MOST, one, generator=generator).repeat(1, 1, channels // one)
    return Things(middle, half, discs, colour)


def pasted(x: Tensor, things: Things) -> Tensor:
    """x (B, C, H, W) with ``things`` before it, opaque and with sharp edges."""
    height, width = x.shape[2:]
    middle, half = things.middle.to(x)[..., None], things.half.to(x).square()[..., None]
    right = (centres(width, x) / unit(x) - middle[:, :, 0]).square()  # (B, N, W)
    down = (centres(height, x) / unit(x) - middle[:, :, 1]).square()  # (B, N, H)
    across, tall = half.unbind(2)  # (B, N, 1)
    # squared distances, which in a box are 0, outside of a side's reach without end
    disc = things.round.to(x.device)[..., None]
    right = torch.where(disc, right, torch.where(right < across, 0.0, torch.inf))
    down = torch.where(disc, down, torch.where(down < tall, 0.0, torch.inf))
    covers = right[:, :, None, :] + down[..., None] < across[..., None]  # (B, N, H, W)
    free = torch.ones_like(covers[:, 0])
    seen = torch.empty_like(covers)
    for last in reversed(range(covers.shape[1])):  # of what is covered twice the last is seen
        torch.logical_and(covers[:, last], free, out=seen[:, last])
        free &= ~covers[:, last]
    colours = (things.colour.to(x).mT @ seen.flatten(2).to(x)).view_as(x)
    return torch.addcmul(colours, x, free[:, None].to(x))


@in_float32
def distractors(x: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """x (B, C, H, W) in [0, 1] with one to three things before each picture, in [0, 1].

    ``generator`` is on the CPU; ``strength`` is a factor of their size, 0 shows none.
    """
    height, width = x.shape[2:]
    half = USUAL_SIDE / 2 / min(height, width)
    things = draw_things(
        len(x),
        generator,
        channels=x.shape[1],
        room=(half * width, half * height),
        strength=strength,
    )
    return pasted(x, things)
