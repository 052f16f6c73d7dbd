"""From a picture as it is shown to the frame that a VAE sees: RGB of RGBA, grey of RGB, its size.

Grey is the luma of ITU-R BT.601, as in OpenCV and gymnasium. Resizing averages over areas: each new
pixel is the mean of what it covers, which is a matrix along each axis. Values are rounded to 256
levels, so that a frame in a store and the same one in a policy are equal. Bytes are made smaller by
OpenCV, which does the same and is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

NATIVE_SIDE = 128  # pictures of larger sides are made smaller where no size is asked for
MIN_SIDE, MAX_SIDE = 16, 512
LUMA = (0.299, 0.587, 0.114)

Shape = tuple[int, int, int]  # (C, H, W)


def fits(sides: tuple[int, ...]) -> bool:
    """Whether frames of these sides (H, W) can be encoded: 16 to 512 pixels."""
    return len(sides) == 2 and all(MIN_SIDE <= side <= MAX_SIDE for side in sides)


def check_size(size: tuple[int, ...]) -> tuple[int, int]:
    """``size`` as (H, W); ValueError for sides that no VAE takes."""
    if not isinstance(size, Sequence) or not fits(tuple(size)):
        raise ValueError(
            f"size is (H, W), from {MIN_SIDE} to {MAX_SIDE} pixels each, got {size}; write "
            "size=(64, 64) (--size 64 64)"
        )
    height, width = size
    return int(height), int(width)


MOST_CHANNELS = 4  # that OpenCV makes smaller


def native_size(height: int, width: int) -> tuple[int, int]:
    """(H, W) as they are up to 128; else the longer one becomes 128, the other in proportion."""
    longer = max(height, width)
    if longer <= NATIVE_SIDE:
        return height, width
    kept = (max(MIN_SIDE, round(side * NATIVE_SIDE / longer)) for side in (height, width))
    return next(kept), next(kept)


def frame_shape(native: Shape, *, size: tuple[int, int] | None = None, grey: bool = False) -> Shape:
    """(C, H, W) of the frames of pictures ``native``: alpha goes, ``grey`` leaves one channel."""
    if grey and native[0] not in (1, 3, 4):
        raise ValueError(
            f"grey takes pictures of 1, 3 or 4 channels, and these have {native[0]}: leave it out"
        )
    channels = 1 if grey else 3 if native[0] == 4 else native[0]
    return channels, *(check_size(size) if size else native_size(*native[1:]))


def convert(x: Tensor, shape: Shape) -> Tensor:
    """Pictures x (N, C, H, W) in [0, 1] as frames of ``shape``, of 256 levels in [0, 1]."""
    if x.shape[1] == 4 and shape[0] in (1, 3):
        x = x[:, :3]
    if x.shape[1] == 3 and shape[0] == 1:
        luma = torch.tensor(LUMA, dtype=x.dtype, device=x.device)
        x = (x * luma[:, None, None]).sum(1, keepdim=True)
    (before, across), (height, width) = x.shape[2:], shape[1:]
    if before != height:
        x = torch.tensor(_averages(before, height)).to(x) @ x
    if across != width:
        x = x @ torch.tensor(_averages(across, width)).to(x).T
    return (x * 255.0).round() / 255.0


def convert_bytes(pictures: np.ndarray, shape: Shape) -> np.ndarray:
    """uint8 pictures (N, H, W, C) as uint8 frames (N, H, W, C) of ``shape``: as ``convert``."""
    channels, height, width = shape
    larger = height > pictures.shape[1] or width > pictures.shape[2]  # OpenCV interpolates there
    if larger or pictures.shape[3] > MOST_CHANNELS:
        x = convert(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255.0, shape)
        return (x * 255.0).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    if pictures.shape[3] == 4 and channels in (1, 3):
        pictures = pictures[..., :3]
    grey = channels == 1 and pictures.shape[3] == 3
    frames = np.empty((len(pictures), height, width, channels), np.uint8)
    for picture, frame in zip(pictures, frames, strict=True):
        values = picture.astype(np.float32)
        if grey:
            values = values @ np.array(LUMA, np.float32)
        if picture.shape[:2] != (height, width):
            values = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
        frame[:] = np.rint(values).reshape(frame.shape)
    return frames


@lru_cache(maxsize=64)
def _averages(before: int, after: int) -> np.ndarray:
    """(after, before): what each new pixel takes of each old one; rows add up to 1.

    No tensor, since one that is made while a policy is traced for ONNX would be kept.
    """
    edges = np.arange(after + 1, dtype=np.float64) * before / after
    old = np.arange(before, dtype=np.float64)
    low = np.maximum(edges[:-1, None], old)
    high = np.minimum(edges[1:, None], old + 1)
    return ((high - low).clip(min=0.0) * after / before).astype(np.float32)
