"""The one way from an observation to ``x``: channel order, frame stacks, scaling, range checks.

``x`` is float32 in [0, 1], shape (B, C, H, W). Everything that feeds a picture to a BetaVAE (store,
extractor, latent wrapper) goes through ``FrameLayout``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch

MIN_SIDE, MAX_SIDE = 32, 128
SIDES = f"sides of {MIN_SIDE} to {MAX_SIDE} pixels divisible by 16"


@dataclass(frozen=True)
class FrameLayout:
    """How an observation space holds frames: ``stack`` frames of ``shape`` (C, H, W).

    ``divisor`` turns stored values into [0, 1]: 255 for uint8 (and float 0..255), else 1.
    """

    shape: tuple[int, int, int]
    channels_first: bool
    stack: int
    divisor: float

    @classmethod
    def of(cls, space: gym.Space[Any], *, shape: tuple[int, int, int] | None = None) -> FrameLayout:
        """Read the layout off ``space``; ``shape`` (C, H, W) is what a VAE was trained on.

        Without ``shape`` frames have 3 channels, or 1 if there is one in all. Raises TypeError for
        a space that is no picture, and ValueError for one of another size.
        """
        if isinstance(space, gym.spaces.Dict):
            raise TypeError(
                f"expected one image, got a Dict observation with keys {sorted(space.spaces)}: to "
                "collect and pretrain, take the image out with a wrapper (for MiniGrid: "
                "RGBImgObsWrapper, then ImgObsWrapper); an agent may take all of it, with "
                "BetaVAECombinedExtractor and MultiInputPolicy"
            )
        if not isinstance(space, gym.spaces.Box) or len(space.shape) != 3:
            raise TypeError(f"expected an image space Box(H, W, C) or Box(C, H, W), got {space}")
        for channels in (shape[0],) if shape else (3, None):
            for held, channels_first, stack in readings(space.shape, channels):
                if fits(held[1:]) and shape in (None, held):
                    return cls(held, channels_first, stack, _divisor(space))
        if shape is not None:
            raise ValueError(
                f"this VAE was trained on frames of shape (C, H, W) = {shape}; the observation "
                f"space has shape {space.shape}: neither (H, W) nor (C, H, W) first, with channels "
                f"in multiples of {shape[0]}; resize or convert the picture, or train a VAE on it "
                "(symbolic observations hold no picture: use an RGB wrapper)"
            )
        raise ValueError(
            f"observation shape {space.shape} is no picture of 1 or 3 channels with {SIDES}; "
            f"{_cure(space.shape)}"
        )

    def split(self, observations: torch.Tensor) -> torch.Tensor:
        """(B, *space.shape) of any scale -> (B * stack, C, H, W), values as they came."""
        if not self.channels_first:
            observations = observations.permute(0, 3, 1, 2)  # (B, stack * C, H, W)
        return observations.reshape(-1, *self.shape)

    def x(self, observations: np.ndarray | torch.Tensor, *, scaled: bool = False) -> torch.Tensor:
        """Observations (B, *space.shape) -> x (B * stack, C, H, W); ``scaled``: divided already.

        Raises ValueError if x is not in [0, 1].
        """
        x = self.split(torch.as_tensor(observations)).contiguous().float()
        if not scaled and self.divisor != 1.0:
            x = x / self.divisor
        check_unit_range(x)
        return x

    def frames(self, observations: np.ndarray) -> np.ndarray:
        """Observations (B, *space.shape) -> uint8 frames (B, H, W, C), of a stack the newest."""
        frames = self.all_frames(observations)
        return np.ascontiguousarray(frames[self.stack - 1 :: self.stack])

    def all_frames(self, observations: np.ndarray) -> np.ndarray:
        """Observations (B, *space.shape) -> uint8 frames (B * stack, H, W, C), oldest first.

        Float pictures are rounded to 256 levels; ValueError for those out of range.
        """
        if observations.dtype != np.uint8:
            return x_to_frames(self.x(observations))
        if self.stack == 1 and not self.channels_first:
            return observations
        return self.split(torch.from_numpy(observations)).permute(0, 2, 3, 1).numpy()


def fits(sides: tuple[int, ...]) -> bool:
    """Whether frames of these sides (H, W) can be encoded."""
    return len(sides) == 2 and all(MIN_SIDE <= s <= MAX_SIDE and s % 16 == 0 for s in sides)


def readings(
    shape: tuple[int, ...], channels: int | None
) -> Iterator[tuple[tuple[int, int, int], bool, int]]:
    """How an array (A, B, C) may hold pictures of any size, channels last before channels first.

    Yields (C, H, W), whether channels come first, and how many pictures are stacked. ``channels``
    of one picture; None: 1 or 3, and no stack.
    """
    for channels_first in (False, True):
        stacked, height, width = shape if channels_first else (shape[2], *shape[:2])
        one = channels or (stacked if stacked in (1, 3) else stacked + 1)
        if stacked % one == 0 and stacked < min(height, width):
            yield (one, height, width), channels_first, stacked // one


def image_layouts(space: gym.Space[Any], *, shape: tuple[int, int, int]) -> dict[str, FrameLayout]:
    """The layout of each picture (a Box of three dimensions) in a Dict space, by its key.

    Raises TypeError for another space, and ValueError for one without a picture or with a picture
    that a VAE of ``shape`` (C, H, W) does not fit.
    """
    if not isinstance(space, gym.spaces.Dict):
        raise TypeError(f"expected a Dict observation space, got {space}; use BetaVAEExtractor")
    pictures = {
        key: part
        for key, part in space.spaces.items()
        if isinstance(part, gym.spaces.Box) and len(part.shape) == 3
    }
    if not pictures:
        raise ValueError(f"none of the observation's keys {sorted(space.spaces)} is a picture")
    layouts = {}
    for key, part in pictures.items():
        try:
            layouts[key] = FrameLayout.of(part, shape=shape)
        except ValueError as error:
            raise ValueError(f"key {key!r} of the observation: {error}") from error
    return layouts


def picture_layouts(
    space: gym.Space[Any], *, shape: tuple[int, int, int]
) -> Mapping[Any, FrameLayout]:
    """The layout of each picture in any observation space; the key is None if it is one picture."""
    if isinstance(space, gym.spaces.Dict):
        return image_layouts(space, shape=shape)
    return {None: FrameLayout.of(space, shape=shape)}


def frames_to_x(frames: np.ndarray) -> torch.Tensor:
    """uint8 frames (B, H, W, C) -> x (B, C, H, W) in [0, 1]."""
    return byte_planes(frames).float().div_(255.0)


def byte_planes(frames: np.ndarray) -> torch.Tensor:
    """uint8 frames (B, H, W, C) -> uint8 (B, C, H, W), plain memory; copied only where needed."""
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))


def x_to_frames(x: torch.Tensor) -> np.ndarray:
    """x (B, C, H, W) in [0, 1] -> uint8 frames (B, H, W, C); values outside are clipped."""
    scaled = (x.detach().float().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def check_unit_range(x: torch.Tensor) -> None:
    """Raise a ValueError unless x lies in [0, 1]; NaN fails too. An exported graph cannot check."""
    if torch.compiler.is_exporting():
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


def _divisor(space: gym.spaces.Box) -> float:
    """What turns the values of ``space`` into [0, 1]: 255 for bytes and floats 0..255, else 1."""
    low, high = float(space.low.min()), float(space.high.max())
    if space.dtype == np.uint8 or (low == 0.0 and high == 255.0):
        return 255.0
    if low >= 0.0 and high <= 1.0:
        return 1.0
    raise ValueError(
        f"pictures are uint8, or float in 0..1 or 0..255; this observation space is {space.dtype} "
        f"in [{low:g}, {high:g}]; give the space its true bounds, and do not wrap images in "
        "VecNormalize(norm_obs=True)"
    )


def _cure(shape: tuple[int, ...]) -> str:
    """What to do about an observation (H, W, C) or (C, H, W) that is no picture."""
    small, middle, large = sorted(shape)
    if large < MIN_SIDE:
        return (
            "symbolic observations (as MiniGrid's 7 x 7 x 3 of object ids) hold no picture: use an "
            "RGB wrapper (RGBImgObsWrapper)"
        )
    if fits((middle, large)) and small not in (1, 3):
        return (
            f"{small} channels look like a stack: pretrain on single frames, and stack them for "
            "the agent afterwards"
        )
    side = min(max(16 * round(middle / 16), MIN_SIDE), MAX_SIDE)
    return f"resize it: gymnasium.wrappers.ResizeObservation(env, ({side}, {side}))"
