"""Encoder and decoder: plain convolutions between space-to-depth and pixel-shuffle.

Space-to-depth by 2 in front (and its inverse behind) halves the arithmetic at the same quality.
For inputs of H x W divisible by 16: H/2 after space-to-depth, H/16 after three strided layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

EncoderName = Literal["space_to_depth"]
DecoderName = Literal["pixel_shuffle", "broadcast"]


def make_encoder(
    name: EncoderName,
    shape: tuple[int, int, int],
    *,
    latents: int,
    channels: Sequence[int],
    hidden: int,
) -> nn.Sequential:
    """(B, C, H, W) -> (B, 2 * latents): means, then log variances."""
    c, height, width = shape
    layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
    before = 4 * c
    for after in channels:
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        before = after
    flat = channels[-1] * (height // 16) * (width // 16)
    layers += [nn.Flatten(), nn.Linear(flat, hidden), nn.SiLU(), nn.Linear(hidden, 2 * latents)]
    return _initialised(nn.Sequential(*layers), last_gain=0.1)


def make_decoder(
    name: DecoderName,
    shape: tuple[int, int, int],
    *,
    latents: int,
    channels: Sequence[int],
    hidden: int,
) -> nn.Sequential:
    """(B, latents) -> (B, C, H, W): pixel means (gaussian) or logits (bernoulli)."""
    maker = {"pixel_shuffle": _pixel_shuffle, "broadcast": _broadcast}[name]
    layers = maker(shape, latents, list(reversed(channels)), hidden)
    return _initialised(nn.Sequential(*layers), last_gain=0.1)


class Broadcast(nn.Module):
    """z at each place, with coordinates (spatial broadcast, Watters et al. 2019, 1901.07017)."""

    coordinates: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        self.register_buffer("coordinates", torch.stack([x, y]), persistent=False)  # (2, h, w)

    def forward(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D + 2, h, w)."""
        height, width = self.coordinates.shape[1:]
        tiled = z[:, :, None, None].expand(-1, -1, height, width)
        return torch.cat([tiled, self.coordinates.expand(len(z), -1, -1, -1)], dim=1)


def _pixel_shuffle(
    shape: tuple[int, int, int], latents: int, channels: list[int], hidden: int
) -> list[nn.Module]:
    c, height, width = shape
    rows, columns = height // 16, width // 16
    layers: list[nn.Module] = [
        nn.Linear(latents, hidden),
        nn.SiLU(),
        nn.Linear(hidden, channels[0] * rows * columns),
        nn.SiLU(),
        nn.Unflatten(1, (channels[0], rows, columns)),
    ]
    for before, after in pairwise(channels):
        layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    layers.append(nn.ConvTranspose2d(channels[-1], 4 * c, 4, stride=2, padding=1))
    return [*layers, nn.PixelShuffle(2)]


def _broadcast(
    shape: tuple[int, int, int], latents: int, channels: list[int], hidden: int
) -> list[nn.Module]:
    c, height, width = shape
    before = latents + 2
    layers: list[nn.Module] = [Broadcast(height // 4, width // 4)]
    for after in channels:
        layers += [nn.Conv2d(before, after, 5, padding=2), nn.SiLU()]
        before = after
    layers.append(nn.Conv2d(before, 16 * c, 3, padding=1))
    return [*layers, nn.PixelShuffle(4)]


def _initialised(network: nn.Sequential, *, last_gain: float) -> nn.Sequential:
    """He initialisation, with a small last layer so that training starts near the prior."""
    weighted = [
        module
        for module in network
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    ]
    for module in weighted:
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    with torch.no_grad():
        weighted[-1].weight.mul_(last_gain)
    return network
