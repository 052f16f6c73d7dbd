"""The one way from an observation to ``x``: channel order, frame stacks, scaling, size, range.

``x`` is float32 in [0, 1], shape (B, C, H, W). Everything that feeds a picture to a BetaVAE (store,
extractor, latent wrapper) goes through ``FrameLayout``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from bvae_rl.data.pictures.resize import (
    MAX_SIDE,
    MIN_SIDE,
    Shape,
    convert,
    convert_bytes,
    fits,
    frame_shape,
)
from bvae_rl.data.pictures.space import (
    box,
    divisor,
    held_by,
    held_for,
    looks_like_a_picture,
    other_bound,
    short,
)

__all__ = [
    "MAX_SIDE", "MIN_SIDE", "FrameLayout", "byte_planes", "check_unit_range", "fits", "frames_to_x",
    "picture_key", "x_to_frames",
]  # fmt: skip


@dataclass(frozen=True)
class FrameLayout:
    """How observations hold frames: ``stack`` frames, which become ``shape`` (C, H, W).

    ``divisor`` turns stored values into [0, 1]: 255 for uint8 (and float 0..255), else the upper
    bound. ``native`` (C, H, W) is a picture as it is shown, None: as ``shape``. ``ndim`` counts the
    observation's dimensions (``picture_space.Held``), ``key`` names it in a Dict observation.
    """

    shape: Shape
    channels_first: bool
    stack: int
    divisor: float
    native: Shape | None = None
    ndim: int = 3
    key: str | None = None

    @classmethod
    def of(
        cls,
        space: gym.Space[Any],
        *,
        shape: Shape | None = None,
        native: Shape | None = None,
        top: float | None = None,
        stacked: int | None = None,
        size: tuple[int, int] | None = None,
        grey: bool = False,
        key: str | None = None,
    ) -> FrameLayout:
        """Read the layout off ``space``.

        Args:
            space: of the observation; of a Dict the picture under ``key`` is meant, or the only
                one.
            shape: (C, H, W) that a VAE was trained on. Without it any picture will do.
            native: (C, H, W) of the pictures that the VAE's frames were made of; None: ``shape``.
            top: the bound of the depth that the VAE was trained on; 1: no depth; None: not known.
            stacked: how many frames the channels hold; None: nobody said, so that one picture of
                1 or 3 channels is taken (with ``shape``: as many as fit).
            size: (H, W) to resize to; by default pictures of up to 128 pixels stay as they are, and
                of larger ones the longer side becomes 128. Without ``shape`` only.
            grey: one channel of three. Without ``shape`` only.

        Raises TypeError for a space that is no picture, and ValueError for one of another size or
        of channels that nothing explains, with the line to write.
        """
        if isinstance(space, gym.spaces.Dict):
            key = picture_key(space, key)
            part = space.spaces[key]
        elif key is not None:
            raise ValueError(
                f"key={key!r} names a picture in a Dict observation, and this one is "
                f"{short(space)}; leave it out"
            )
        else:
            part = space
        held_in = box(part)
        if shape is None:
            held = held_by(held_in, stacked=stacked)
            shape, shown = frame_shape(held.native, size=size, grey=grey), held.native
        else:
            held, shown = held_for(held_in, shape, native or shape, stacked=stacked)
        bound = divisor(held_in, held.native[0])
        if top is not None and (why := other_bound(held_in, bound, top)):
            raise ValueError(f"this VAE was trained on {why}, or train a VAE on it")
        return cls(
            shape, held.channels_first, held.stack, bound,
            native=None if shown == shape else shown, ndim=held.ndim, key=key,
        )  # fmt: skip

    @property
    def observed(self) -> tuple[int, ...]:
        """The shape of an observation, as its space says."""
        channels, height, width = self.native or self.shape
        if self.ndim == 2:
            return height, width
        if self.ndim == 3:
            channels *= self.stack
        one = (channels, height, width) if self.channels_first else (height, width, channels)
        return one if self.ndim == 3 else (self.stack, *one)

    def split(self, observations: torch.Tensor) -> torch.Tensor:
        """(B, *space.shape) of any scale -> pictures (B * stack, C, H, W), values as they came.

        ValueError for observations unlike their space.
        """
        if tuple(observations.shape[1:]) != self.observed:
            raise ValueError(
                f"the space says pictures of shape {self.observed}, and what came has shape "
                f"{tuple(observations.shape)}: a batch (B, *{self.observed}) is expected; of one "
                "picture give picture[None], and see which wrapper changes it without its space"
            )
        if not self.channels_first:  # the last axis before the last two
            axes = list(range(observations.ndim))
            observations = observations.permute(*axes[:-3], -1, -3, -2)
        return observations.reshape(-1, *(self.native or self.shape))

    def x(self, observations: np.ndarray | torch.Tensor, *, scaled: bool = False) -> torch.Tensor:
        """Observations (B, *space.shape) -> x (B * stack, C, H, W); ``scaled``: divided already.

        Raises ValueError if x is not in [0, 1].
        """
        x = self.split(as_tensor(observations)).contiguous().float()
        if not scaled and self.divisor != 1.0:
            x = x / self.divisor
        check_unit_range(x)
        return x if self.native is None else convert(x, self.shape)

    def frames(self, observations: Any) -> np.ndarray:
        """Observations (B, *space.shape) -> uint8 frames (B, H, W, C), of a stack the newest."""
        if self.stack > 1:
            observations = self._newest(self._part(observations))
            return replace(self, stack=1, key=None, ndim=3).frames(observations)
        return np.ascontiguousarray(self.all_frames(observations))

    def all_frames(self, observations: Any) -> np.ndarray:
        """Observations (B, *space.shape) -> uint8 frames (B * stack, H, W, C), oldest first.

        Float pictures are rounded to 256 levels; ValueError for those out of range.
        """
        observations = self._part(observations)
        if observations.dtype != np.uint8 or self.divisor != 255.0:
            return x_to_frames(self.x(observations))
        held_so = self.stack == 1 and self.ndim == 3 and not self.channels_first
        if (
            held_so
            and self.native is None
            and observations.shape[1:] == (*self.shape[1:], self.shape[0])
        ):
            return observations
        pictures = self.split(as_tensor(observations)).permute(0, 2, 3, 1).numpy()
        return pictures if self.native is None else convert_bytes(pictures, self.shape)

    def of_each(self, observations: Sequence[Any]) -> np.ndarray:
        """Single observations, B of them -> uint8 frames (B, H, W, C), of a stack the newest."""
        return self.frames(np.stack([np.asarray(self._part(one)) for one in observations]))

    def _part(self, observations: Any) -> np.ndarray:
        """The picture in a Dict observation, or the observation itself."""
        if self.key is not None and isinstance(observations, Mapping):
            observations = observations[self.key]
        return np.asarray(observations)

    def _newest(self, observations: np.ndarray) -> np.ndarray:
        """(B, *space.shape) -> the last picture of each stack, (B, H, W, C) or (B, C, H, W)."""
        if self.ndim == 4:
            return observations[:, -1]
        channels = (self.native or self.shape)[0]
        return observations[:, -channels:] if self.channels_first else observations[..., -channels:]


def picture_key(space: gym.spaces.Dict, key: str | None = None) -> str:
    """``key``, or the only one under which ``space`` holds a picture; else a ValueError."""
    pictures = [name for name, part in space.spaces.items() if looks_like_a_picture(part)]
    listed = ", ".join(f"{name} {short(space.spaces[name])}" for name in pictures)
    if key is not None:
        if key not in space.spaces:
            raise ValueError(
                f"the observation has no key {key!r}; its pictures: {listed or 'none'}"
            )
        if pictures and key not in pictures:
            raise ValueError(
                f"the observation's key {key!r} is no picture, {short(space.spaces[key])}; its "
                f"pictures: {listed}"
            )
        return key
    if not pictures:
        raise ValueError(
            f"none of the observation's keys {sorted(space.spaces)} is a picture; let the "
            "environment draw itself: pixels=True (--pixels)"
        )
    if len(pictures) > 1:
        raise ValueError(
            f"the observation holds several pictures: {listed}; choose one: key={pictures[0]!r} "
            f"(--key {pictures[0]})"
        )
    return pictures[0]


def frames_to_x(frames: np.ndarray) -> torch.Tensor:
    """uint8 frames (B, H, W, C) -> x (B, C, H, W) in [0, 1]."""
    return byte_planes(frames).float().div_(255.0)


def byte_planes(frames: np.ndarray) -> torch.Tensor:
    """uint8 frames (B, H, W, C) -> uint8 (B, C, H, W), plain memory; copied only where needed.

    ValueError for other values than bytes, which would be divided twice.
    """
    if frames.dtype != np.uint8:
        raise ValueError(
            f"frames are uint8 (B, H, W, C), got {frames.dtype} {frames.shape}; floats in [0, 1] "
            "are x already: torch.from_numpy(frames).permute(0, 3, 1, 2)"
        )
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))


def x_to_frames(x: torch.Tensor) -> np.ndarray:
    """x (B, C, H, W) in [0, 1] -> uint8 frames (B, H, W, C); values outside are clipped."""
    scaled = (x.detach().float().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def as_tensor(values: np.ndarray | torch.Tensor) -> torch.Tensor:
    """``values`` as a tensor; of numbers that torch does not compute with (uint16), as floats."""
    if isinstance(values, np.ndarray) and values.dtype == np.uint16:
        values = values.astype(np.float32)
    if isinstance(values, np.ndarray) and min(values.strides, default=0) < 0:
        values = values.copy()  # a picture that was turned upside down; torch takes no such view
    return torch.as_tensor(values)


def check_unit_range(x: torch.Tensor) -> None:
    """Raise a ValueError unless x lies in [0, 1]; NaN fails too. An exported graph cannot check."""
    if torch.compiler.is_exporting() or not x.numel():
        return
    low, high = (float(end) for end in torch.aminmax(x))
    if low != low:
        raise ValueError("the picture holds NaN; look for the environment or wrapper that made it")
    if not (low >= -1e-3 and high <= 1.0 + 1e-3):
        raise ValueError(
            f"the encoder expects pixels in [0, 1] and got [{low:.3g}, {high:.3g}]; leave "
            "normalize_images=True for uint8 images, keep float ones within their space's bounds, "
            "and do not wrap images in VecNormalize(norm_obs=True)"
        )
