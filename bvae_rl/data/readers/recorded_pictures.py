"""Which part of recorded observations is the picture, and its frames in a usable size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.resize import MIN_SIDE, check_size
from bvae_rl.data.pictures.space import readings, short
from bvae_rl.data.readers.picture_bytes import Size, fitted, size_of

PICTURES = (
    f"pictures are uint8 (H, W), (H, W, C) or (C, H, W) with C = 1 or 3 and sides of at least "
    f"{MIN_SIDE} pixels; of a stack of pictures say how many channels one has (channels=); "
    "symbolic observations (as MiniGrid's 7 x 7 x 3 of object ids) hold no picture: record the "
    "dataset with an RGB wrapper (RGBImgObsWrapper)"
)


@dataclass(frozen=True)
class RecordedPicture:
    """The picture in observations: under ``key`` (None: the whole observation), shrunk to ``size``.

    ``layout`` describes it as recorded: its sides may be any, its ``shape`` is (C, H, W).
    """

    key: str | None
    layout: FrameLayout
    recorded: tuple[int, ...]
    size: Size
    grey: bool = False

    @classmethod
    def of(
        cls,
        space: gym.Space[Any],
        *,
        key: str | None = None,
        size: Size | None = None,
        grey: bool = False,
        channels: int | None = None,
    ) -> RecordedPicture:
        """Find it in ``space``; a Dict with one picture needs no ``key``.

        ``size`` (H, W) resizes, ``grey`` keeps the brightness alone. ``channels`` of one picture,
        where observations hold a stack (its newest is kept). Raises ValueError for anything that is
        no such picture.
        """
        if channels is not None and channels < 1:
            raise ValueError(f"channels must be at least 1, got {channels}")
        if size is not None:
            check_size(size)
        if isinstance(space, gym.spaces.Dict):
            key = key if key is not None else _only_picture(space, channels)
            if key not in space.spaces:
                raise ValueError(f"no key {key!r} in the observations; known: {_listed(space)}")
            part, where = space.spaces[key], f"key {key!r} of the observations"
        elif key is not None:
            raise ValueError(f"key={key!r} needs Dict observations; these are {space}")
        else:
            part, where = space, "the observation space"
        layout = _layout(part, channels)
        if layout is None:
            raise ValueError(f"{where} is no picture: {short(part)}; {PICTURES}")
        _, height, width = layout.shape
        size = size_of((height, width), size, where=where)
        recorded = tuple(int(side) for side in part.shape or ())
        return cls(key, layout, recorded, size, grey)

    def frames(self, observations: Any) -> np.ndarray:
        """Observations (N, ...) or a dict of them -> uint8 frames (N, H, W, C).

        Resizing averages over areas (``cv2.INTER_AREA``). Raises ValueError for observations that
        are not what their space says.
        """
        try:
            pictures = np.asarray(observations if self.key is None else observations[self.key])
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"the observations have no key {self.key!r}") from error
        if pictures.dtype != np.uint8 or pictures.shape[1:] != self.recorded:
            raise ValueError(
                f"the pictures are {pictures.dtype} {pictures.shape[1:]}, and their space says "
                f"uint8 {self.recorded}"
            )
        if pictures.ndim == 3:
            pictures = pictures[..., None]
        frames = self.layout.frames(pictures)
        channels = 1 if self.grey else frames.shape[-1]
        if frames.shape[1:] == (*self.size, channels):
            return frames
        resized = [fitted(frame, self.size, channels=channels) for frame in frames]
        return np.asarray(resized, np.uint8).reshape(-1, *self.size, channels)


def _only_picture(space: gym.spaces.Dict, channels: int | None) -> str:
    found = [key for key, part in space.spaces.items() if _layout(part, channels) is not None]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise ValueError(f"the observations hold several pictures: {found}; choose one with key=")
    raise ValueError(f"no key of the observations is a picture: {_listed(space)}; {PICTURES}")


def _layout(space: gym.Space[Any], channels: int | None) -> FrameLayout | None:
    """How ``space`` holds pictures of any size, or None; channels last where both would do."""
    if not isinstance(space, gym.spaces.Box) or space.dtype != np.uint8:
        return None
    shape = (*space.shape, 1) if len(space.shape) == 2 else space.shape
    if len(shape) != 3:
        return None
    kinds, stacked = ((1, 3), 1) if channels is None else ((channels,), None)
    for held in readings(shape, kinds, stacked=stacked):
        if held.stack * held.native[0] < min(held.native[1:]):
            return FrameLayout(held.native, held.channels_first, held.stack, 255.0)
    return None


def _listed(space: gym.spaces.Dict) -> str:
    return ", ".join(f"{key} ({short(part)})" for key, part in space.spaces.items())
