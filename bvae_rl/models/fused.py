"""The encoder from bytes, without what costs as much as a third of its convolutions.

Space-to-depth by 2 and then a 4 x 4 convolution of stride 2 is an 8 x 8 convolution of stride 4
whose kernel is the small one after pixel-shuffle; that spares moving every pixel once more. The
kernel is divided by 255 instead of the pixels. What coordinate channels contribute is the same for
every picture: a constant. Both are kept for as long as the weights stay the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bvae_rl.models.networks import Coordinates


class FusedEncoder:
    """Encoders of ``networks.make_encoder`` at work; equal to them up to rounding.

    One that does not begin as these do gets x = frame / 255, as in training.
    """

    def __init__(self) -> None:
        self._weight: Tensor | None = None  # what the next two were made from
        self._kernel: Tensor | None = None
        self._constant: Tensor | None = None  # (1, channels, h, w), only with coordinates

    def run(self, encoder: nn.Sequential, x: Tensor) -> Tensor:
        """uint8 x (B, C, H, W) on any device -> (B, 2 * D), means and then log variances.

        To be called in inference mode: activations are computed in place.
        """
        factor, coordinates, first, rest = _parts(encoder)
        if first is None:
            y: Tensor = encoder(x.to(next(encoder.parameters()).device).float() / 255.0)
            return y
        kernel, constant = self._first(first, factor, coordinates)
        stride, padding = factor * first.stride[0], factor * int(first.padding[0])
        y = F.conv2d(x.to(kernel.device).float(), kernel, first.bias, stride, padding)
        if constant is not None:
            y += constant
        for layer in rest:
            y = F.silu(y, inplace=True) if isinstance(layer, nn.SiLU) else layer(y)
        return y

    def _first(
        self, first: nn.Conv2d, factor: int, coordinates: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """(channels, 4 * C, 4, 4) -> (channels, C, 8, 8); looking costs a tenth of making."""
        weight = first.weight
        known, kernel = self._weight, self._kernel
        if (
            known is None
            or kernel is None
            or known.device != weight.device
            or not torch.equal(known, weight)
        ):
            pixels, self._constant = weight, None
            if coordinates is not None:
                pixels, places = weight.tensor_split([-len(coordinates)], dim=1)
                self._constant = F.conv2d(
                    coordinates[None], places, stride=first.stride, padding=first.padding
                )
            kernel = F.pixel_shuffle(pixels, factor) / 255.0
            self._weight, self._kernel = weight.clone(), kernel
        return kernel, self._constant


def _parts(
    encoder: nn.Sequential,
) -> tuple[int, Tensor | None, nn.Conv2d | None, list[nn.Module]]:
    """Factor of space-to-depth, coordinates, first convolution, what comes after it.

    No convolution where the encoder begins otherwise.
    """
    layers = list(encoder)
    factor: int = 1
    coordinates: Tensor | None = None
    if layers and isinstance(unshuffle := layers[0], nn.PixelUnshuffle):
        factor, layers = unshuffle.downscale_factor, layers[1:]
    if layers and isinstance(places := layers[0], Coordinates):
        coordinates, layers = places.coordinates, layers[1:]
    if layers and isinstance(layers[0], nn.Conv2d):
        return factor, coordinates, layers[0], layers[1:]
    return factor, coordinates, None, layers
