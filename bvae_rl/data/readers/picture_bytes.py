"""From pictures as somebody stored them to the bytes of frames: depth, channels, size.

Every reader of recorded pictures (folders, arrays, Minari, LeRobot) ends here.
"""

from __future__ import annotations

import numpy as np

from bvae_rl.data.pictures.resize import MIN_SIDE, convert_bytes, native_size

Size = tuple[int, int]  # (H, W)
ONE = 1.01  # floats of 0..1 are a hair more where they were resized


def size_of(recorded: Size, size: Size | None, *, where: str) -> Size:
    """Sides of the frames: ``size``, or those of the pictures, of larger ones 128 at most.

    ValueError for pictures that are smaller than a frame can be.
    """
    if size is None and min(recorded) < MIN_SIDE:
        raise ValueError(
            f"{where} holds pictures of {recorded[0]} x {recorded[1]} pixels, and a frame needs "
            f"{MIN_SIDE}; resize them: size=(64, 64), or on the command line --size 64 64"
        )
    return native_size(*recorded) if size is None else size


def white(dtype: np.dtype, low: float, high: float) -> float:
    """The stored value of full brightness, where values lie between ``low`` and ``high``.

    1 for bool, for floats of 0..1 (or a hair more) and for bytes that are only 0 and 1 (as dSprites
    has), 65535 for 16 bits, else 255. ValueError for values that are no brightness.
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("the pictures hold NaN or infinity")
    if dtype == np.uint16:
        return 65535.0
    if low < 0.0 or high > 255.0:
        raise ValueError(
            f"the pictures are {dtype} in [{low:g}, {high:g}]; brightness is 0 to 255, 0 to 1 in "
            "floats, or uint16; scale them first"
        )
    if high <= (1.0 if dtype.kind != "f" else ONE):
        return 1.0
    if dtype.kind == "f" and high < 2.0:
        raise ValueError(
            f"the pictures are {dtype} in [{low:g}, {high:g}], which is neither 0 to 1 nor 0 to "
            "255; cut them off at 1: np.clip(pictures, 0, 1)"
        )
    return 255.0


def as_bytes(pictures: np.ndarray, white: float) -> np.ndarray:
    """Pictures of any type, full brightness ``white``, as uint8; the nearest of 256 levels."""
    if pictures.dtype == np.uint8 and white == 255.0:
        return pictures
    levels = np.rint(pictures.astype(np.float32) * (255.0 / white))
    return np.minimum(levels, 255.0).astype(np.uint8)


def fitted(picture: np.ndarray, size: Size, *, channels: int) -> np.ndarray:
    """One uint8 picture (H, W, 1 or 3) in the sides and the channels (1 or 3) of the frames."""
    if picture.shape[2] < channels:
        picture = np.repeat(picture, channels, axis=2)
    if picture.shape == (*size, channels):
        return picture
    return convert_bytes(picture[None], (channels, *size))[0]
