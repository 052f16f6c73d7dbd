"""The one check of pictures that somebody hands over: type, shape, channel order, scale, batch.

An array is uint8 frames (N, H, W, C), a tensor is x (B, C, H, W), float in [0, 1]. Whatever else
comes is refused with the line that makes it right; nothing is divided, turned or repeated silently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bvae_rl.data.pictures.frame_layout import check_unit_range
from bvae_rl.data.pictures.resize import MIN_SIDE, Shape, convert_bytes

CONVERT = "bvae_rl.data.pictures.resize.convert_bytes(frames, vae.shape)"


def checked_frames(frames: Any, shape: Shape, *, native: Shape | None = None) -> np.ndarray:
    """uint8 frames (N, H, W, C) of ``shape`` (C, H, W).

    Pictures of ``native`` are taken too, and converted (``resize.py``). TypeError or ValueError,
    with the line to write, for anything else.
    """
    array = checked_array(frames)
    found = (array.shape[3], *array.shape[1:3])
    if found == shape:
        return array
    if found == native:
        return convert_bytes(array, shape)
    made = f", made of pictures {native}" if native and native != shape else ""
    raise ValueError(
        f"this encoder takes frames of (C, H, W) = {shape}{made}, got frames of {found}: "
        f"{_cure(found, shape)}"
    )


def checked_array(frames: Any) -> np.ndarray:
    """uint8 frames (N, H, W, C) of any sides from 16 on, or an error that says what they are."""
    if isinstance(frames, torch.Tensor):
        raise TypeError(
            "frames are a numpy array, uint8 (N, H, W, C), got a tensor of shape "
            f"{tuple(frames.shape)}; x (B, C, H, W) in [0, 1] goes to vae.encode(x), and frames "
            "are bvae_rl.data.pictures.frame_layout.x_to_frames(x)"
        )
    if not isinstance(frames, np.ndarray):
        raise TypeError(
            f"frames are a numpy array, uint8 (N, H, W, C), got {type(frames).__name__}; write "
            "np.stack(frames)"
        )
    if frames.ndim == 3 and frames.shape[2] in (1, 3, 4):
        raise ValueError(
            f"frames are (N, H, W, C), got {frames.shape}: one picture? write frames[None]"
        )
    if frames.ndim == 3:
        raise ValueError(
            f"frames are (N, H, W, C), got {frames.shape}: grey ones? write frames[..., None]"
        )
    if frames.ndim != 4:
        raise ValueError(f"frames are uint8 (N, H, W, C), got {frames.dtype} {frames.shape}")
    if frames.dtype != np.uint8:
        scale = "255 * " if np.issubdtype(frames.dtype, np.floating) else ""
        raise ValueError(
            f"frames are uint8, got {frames.dtype}; of values in "
            + (
                "[0, 1] write (255 * frames).round().astype(np.uint8), of [0, 255] "
                "frames.round().astype(np.uint8)"
                if scale
                else "0..255 write frames.astype(np.uint8)"
            )
        )
    if len(frames) and min(frames.shape[1:3]) < MIN_SIDE <= min(frames.shape[2:]):
        raise ValueError(
            f"frames are (N, H, W, C), got {frames.shape}: channels first? write "
            "frames.transpose(0, 2, 3, 1)"
        )
    return frames


def check_x(x: Any, shape: Shape, *, values: bool = True) -> None:
    """A TypeError or ValueError unless ``x`` is a float tensor (B, C, H, W) of ``shape`` in [0, 1].

    ``values`` False leaves the range out, as where it is known.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(
            f"x is a tensor (B, C, H, W) in [0, 1], got {type(x).__name__}; uint8 frames "
            "(N, H, W, C) go to vae.encode_frames(frames), or through "
            "bvae_rl.data.pictures.frame_layout.frames_to_x(frames)"
        )
    if not x.is_floating_point():
        raise ValueError(
            f"x is float in [0, 1], got {x.dtype}; write x / 255, or "
            "bvae_rl.data.pictures.frame_layout.frames_to_x(frames) for uint8 frames (N, H, W, C)"
        )
    if tuple(x.shape[1:]) != shape:
        channels, height, width = shape
        one = "one picture? write x[None]; " if tuple(x.shape) == shape else ""
        last = (height, width, channels)
        order = "channels last? write x.permute(0, 3, 1, 2); " if tuple(x.shape[1:]) == last else ""
        raise ValueError(
            f"x is (B, {channels}, {height}, {width}), got {tuple(x.shape)}; {one}{order}resize "
            "what comes from another environment, or train a VAE on it"
        )
    if values:
        check_unit_range(x)


def _cure(found: Shape, shape: Shape) -> str:
    if found[0] == 3 and shape == (1, *found[1:]):
        return f"RGB for a grey VAE; write {CONVERT}"
    if found[0] == shape[0]:
        return f"another size; write {CONVERT}"
    return "other channels; train a VAE on these: bvae_rl.pretrain(frames, out=...)"
