"""Encoders and decoders: convolutions between a picture and a vector, SiLU between the layers.

Their cost and quality: ``bvae-rl bench networks``, docs/networks.md.

Encoders reach H/16 x W/16 before the linear layers. Where H or W is not divisible by 16, pictures
get black pixels below and to the right, which the decoder cuts off again:

    space_to_depth  2 x 2 pixels become channels, then three 4 x 4 convolutions of stride 2: half
                    the arithmetic of the next, at equal scores
    strided         four 4 x 4 convolutions of stride 2 on the picture itself: the published one of
                    Burgess et al. 2018 (1804.03599), there with ReLU

Decoders:

    pixel_shuffle   mirrors space_to_depth; the fastest
    transposed      mirrors strided: four transposed convolutions, 4 x 4 of stride 2; the best
                    evidence lower bound an image
    broadcast       z at every place, with coordinates, then convolutions without stride (spatial
                    broadcast, Watters et al. 2019, 1901.07017); the best for positions. A place is
                    a block of 4 x 4 pixels, laid out by a pixel-shuffle at the end: a sixteenth of
                    the paper's arithmetic, and about ten times that of pixel_shuffle
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

EncoderName = Literal["space_to_depth", "strided"]
DecoderName = Literal["pixel_shuffle", "broadcast", "transposed"]


def make_encoder(
    name: EncoderName,
    shape: tuple[int, int, int],
    *,
    latent_dim: int,
    channels: Sequence[int],
    hidden: int,
) -> nn.Sequential:
    """(B, C, H, W) -> (B, 2 * latent_dim): means, then log variances.

    ``channels`` are the widths of the convolutions; strided has one more in front, as wide as the
    first. ``FusedEncoder`` knows the first two layers.
    """
    c, height, width = shape[0], *whole_sides(shape)
    bottom, right = height - shape[1], width - shape[2]
    layers: list[nn.Module] = [nn.ZeroPad2d((0, right, 0, bottom))] if bottom or right else []
    if name != "strided":
        layers.append(nn.PixelUnshuffle(2))
    widths = [c, channels[0], *channels] if name == "strided" else [4 * c, *channels]
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    flat = channels[-1] * (height // 16) * (width // 16)
    layers += [nn.Flatten(), nn.Linear(flat, hidden), nn.SiLU(), nn.Linear(hidden, 2 * latent_dim)]
    return _initialised(nn.Sequential(*layers))


def make_decoder(
    name: DecoderName,
    shape: tuple[int, int, int],
    *,
    latent_dim: int,
    channels: Sequence[int],
    hidden: int,
) -> nn.Sequential:
    """(B, latent_dim) -> (B, C, H, W): pixel means (gaussian) or logits (bernoulli)."""
    c, widths, wanted = shape[0], list(reversed(channels)), shape[1:]
    shape = (c, *whole_sides(shape))
    if name == "broadcast":
        layers = _broadcast(shape, latent_dim, widths)
    elif name == "transposed":
        layers = _growing(shape, latent_dim, [*widths, widths[-1], c], hidden)
    else:
        layers = _growing(shape, latent_dim, [*widths, 4 * c], hidden)
        layers.append(nn.PixelShuffle(2))
    if shape[1:] != wanted:
        layers.append(Crop(*wanted))
    return _initialised(nn.Sequential(*layers))


def whole_sides(shape: tuple[int, int, int]) -> tuple[int, int]:
    """(H, W) of ``shape`` (C, H, W), each rounded up to a multiple of 16."""
    _, height, width = shape
    return -(-height // 16) * 16, -(-width // 16) * 16


class Crop(nn.Module):
    """The upper left (H, W) of a picture."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, H, W)."""
        return x[..., : self.height, : self.width]


class Transposed(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` with its bias added apart.

    Up to rounding the same; on a CPU in bfloat16 the kernel that also sums the bias's gradient
    takes twice as long for the weights'.
    """

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, h, w) -> (B, C', h', w')."""
        assert output_size is None and self.bias is not None
        padding = int(self.padding[0])
        y = functional.conv_transpose2d(input, self.weight, None, self.stride, padding)
        return y + self.bias.to(y.dtype)[:, None, None]


class Broadcast(nn.Module):
    """z at every place, and the place, x and y from -1 to 1, as two more channels.

    Coordinates follow from the size: a buffer that moves with the module and is in no state dict.
    """

    coordinates: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        self.register_buffer("coordinates", torch.stack([x, y]), persistent=False)  # (2, h, w)

    def forward(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D + 2, h, w)."""
        tiled = z[:, :, None, None].expand(-1, -1, *self.coordinates.shape[1:])
        return torch.cat([tiled, self.coordinates.expand(len(z), -1, -1, -1)], dim=1)


def _growing(
    shape: tuple[int, int, int], latent_dim: int, widths: list[int], hidden: int
) -> list[nn.Module]:
    """From H/16 x W/16 on, each transposed convolution doubles the sides."""
    rows, columns = shape[1] // 16, shape[2] // 16
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, hidden),
        nn.SiLU(),
        nn.Linear(hidden, widths[0] * rows * columns),
        nn.SiLU(),
        nn.Unflatten(1, (widths[0], rows, columns)),
    ]
    for before, after in pairwise(widths):
        layers += [Transposed(before, after, 4, stride=2, padding=1), nn.SiLU()]
    return layers[:-1]


def _broadcast(
    shape: tuple[int, int, int], latent_dim: int, channels: list[int]
) -> list[nn.Module]:
    c, height, width = shape
    before = latent_dim + 2
    layers: list[nn.Module] = [Broadcast(height // 4, width // 4)]
    for after in channels:
        layers += [nn.Conv2d(before, after, 5, padding=2), nn.SiLU()]
        before = after
    layers.append(nn.Conv2d(before, 16 * c, 3, padding=1))
    return [*layers, nn.PixelShuffle(4)]


def _initialised(network: nn.Sequential) -> nn.Sequential:
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
        weighted[-1].weight.mul_(0.1)
    return network
