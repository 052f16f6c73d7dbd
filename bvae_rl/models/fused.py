"""The encoder from bytes, without what costs as much as a third of its convolutions.

Space-to-depth by 2 and then a 4 x 4 convolution of stride 2 is an 8 x 8 convolution of stride 4
whose kernel is the small one after pixel-shuffle; that spares moving every pixel once more. The
kernel is divided by 255 instead of the pixels, and kept for as long as the weights stay the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FusedEncoder:
    """Encoders of ``networks.make_encoder`` at work; equal to them up to rounding.

    An encoder that begins otherwise gets x = frame / 255, as in training.
    """

    def __init__(self) -> None:
        self._weight: Tensor | None = None  # what the kernel was made from
        self._kernel: Tensor | None = None

    def run(self, encoder: nn.Sequential, x: Tensor) -> Tensor:
        """uint8 x (B, C, H, W) on any device -> (B, 2 * D), means and then log variances.

        To be called in inference mode: activations are computed in place.
        """
        layers, factor, frames = list(encoder), 1, x
        if isinstance(layers[0], nn.ZeroPad2d):
            x = layers.pop(0)(x)
        if isinstance(layers[0], nn.PixelUnshuffle):
            factor = layers[0].downscale_factor
            del layers[0]
        first, *rest = layers
        if not isinstance(first, nn.Conv2d):
            y: Tensor = encoder(frames.to(next(encoder.parameters()).device).float() / 255.0)
            return y
        kernel = self._made_from(first.weight, factor)
        stride, padding = factor * first.stride[0], factor * int(first.padding[0])
        y = F.conv2d(x.to(kernel.device).float(), kernel, first.bias, stride, padding)
        for layer in rest:
            y = F.silu(y, inplace=True) if isinstance(layer, nn.SiLU) else layer(y)
        return y

    def _made_from(self, weight: Tensor, factor: int) -> Tensor:
        """(channels, 4 * C, 4, 4) -> (channels, C, 8, 8); comparing costs a tenth of making."""
        known, kernel = self._weight, self._kernel
        if (
            known is None
            or kernel is None
            or known.device != weight.device
            or not torch.equal(known, weight)
        ):
            kernel = F.pixel_shuffle(weight, factor) / 255.0
            self._weight, self._kernel = weight.clone(), kernel
        return kernel
