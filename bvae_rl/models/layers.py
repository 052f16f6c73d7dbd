"""Networks as plain layers: what to compute in which order, with weights as numpy arrays.

For programs without torch: ``report/explorer`` writes them into a page, and its JavaScript runs
them. Each layer is a dict with its ``kind``:

    pad         bottom, right: black rows and columns
    unshuffle   factor: blocks of pixels become channels
    conv        weight (O, I, k, k), bias (O,), stride, padding
    transposed  the same, weight (I, O, k, k)
    linear      weight (O, I), bias (O,)
    silu
    flatten     (C, H, W) -> (C * H * W,)
    unflatten   shape (C, H, W)
    shuffle     factor: channels become blocks of pixels
    crop        height, width: the upper left
    broadcast   height, width: the vector at every place, then x and y from -1 to 1
    codebook    values (D, V): the first D numbers, each as the nearest of its values
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from bvae_rl.models.codebook import Codebook
from bvae_rl.models.networks import Broadcast, Crop

Layer = dict[str, Any]


def layers_of(network: nn.Sequential) -> list[Layer]:
    """The layers of an encoder or a decoder; TypeError for one that is not known here."""
    return [_layer(module) for module in network]


def _layer(module: nn.Module) -> Layer:
    match module:
        case nn.ZeroPad2d():
            _, right, _, bottom = module.padding
            return {"kind": "pad", "bottom": int(bottom), "right": int(right)}
        case nn.PixelUnshuffle():
            return {"kind": "unshuffle", "factor": module.downscale_factor}
        case nn.PixelShuffle():
            return {"kind": "shuffle", "factor": module.upscale_factor}
        case nn.Conv2d() | nn.ConvTranspose2d():
            return {
                "kind": "conv" if isinstance(module, nn.Conv2d) else "transposed",
                "stride": int(module.stride[0]),
                "padding": int(module.padding[0]),
                **_weights(module),
            }
        case nn.Linear():
            return {"kind": "linear", **_weights(module)}
        case nn.SiLU():
            return {"kind": "silu"}
        case nn.Flatten():
            return {"kind": "flatten"}
        case nn.Unflatten():
            return {"kind": "unflatten", "shape": [int(size) for size in module.unflattened_size]}
        case Crop():
            return {"kind": "crop", "height": module.height, "width": module.width}
        case Broadcast():
            _, height, width = module.coordinates.shape
            return {"kind": "broadcast", "height": height, "width": width}
        case Codebook():
            return {"kind": "codebook", "values": _array(module.values)}
    raise TypeError(f"a layer {module} has no plain form; known are those of networks.py")


def _weights(module: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> Layer:
    bias = None if module.bias is None else _array(module.bias)
    out = module.out_features if isinstance(module, nn.Linear) else module.out_channels
    return {
        "weight": _array(module.weight),
        "bias": np.zeros(out, np.float32) if bias is None else bias,
    }


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
