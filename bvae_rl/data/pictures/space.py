"""What picture an observation space holds: its sides, its channels, how many are stacked.

Nothing is guessed from what happens to be divisible: four channels may be RGBA or four grey frames,
so that whoever knows says it with ``stacked``. What cannot be a picture is refused, with the line
to write instead.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.pictures.resize import MAX_SIDE, MIN_SIDE, Shape

KINDS = (1, 3, 4)  # channels of one picture: grey or depth, RGB, RGBA
FEW_BYTES = 128  # a bound of bytes below it is that of labels, and no careless 250
SYMBOLIC = (
    "symbolic observations (as MiniGrid's 7 x 7 x 3 of object ids) hold no picture: let the "
    "environment draw itself: pixels=True (--pixels), or use an RGB wrapper: "
    '--wrappers "minigrid.wrappers:RGBImgObsWrapper"'
)


@dataclass(frozen=True)
class Held:
    """How an array of ``ndim`` dimensions holds ``stack`` pictures of ``native`` (C, H, W).

    Channels come last or first; in four dimensions the pictures of a stack do, in three they lie
    one behind the other among the channels, in two there is one channel and no axis for it.
    """

    native: Shape
    channels_first: bool
    stack: int
    ndim: int


def readings(
    shape: tuple[int, ...], kinds: Collection[int], *, stacked: int | None = 1
) -> list[Held]:
    """Every way in which an array of ``shape`` may hold ``stacked`` pictures of sides >= 16.

    ``kinds``: numbers of channels that a picture may have. ``stacked`` None: any number of them.
    Four dimensions say themselves how many there are.
    """
    found = []
    if len(shape) == 2 and 1 in kinds and stacked in (None, 1) and min(shape) >= MIN_SIDE:
        found.append(Held((1, *shape), True, 1, 2))
    for channels_first in (False, True):
        if len(shape) == 3:
            among, *sides = shape if channels_first else (shape[2], *shape[:2])
            split = ((kind, among // kind) for kind in kinds if among % kind == 0)
            counts = [(kind, n) for kind, n in split if stacked in (None, n) and n]
        elif len(shape) == 4:
            one, *sides = shape[1:] if channels_first else (shape[3], *shape[1:3])
            counts = [(kind, shape[0]) for kind in kinds if one == kind]
        else:
            continue
        height, width = sides
        if min(sides) >= MIN_SIDE:
            found += [Held((c, height, width), channels_first, n, len(shape)) for c, n in counts]
    return found


def looks_like_a_picture(space: gym.Space[Any]) -> bool:
    """Whether ``space`` is more than a vector: nobody wants it as so many raw numbers.

    Of two dimensions it is a table, as of a lidar, unless its bounds are those of brightness.
    """
    shape = space.shape or ()
    if len(shape) != 2:
        return len(shape) > 2
    if min(shape) < MIN_SIDE or not isinstance(space, gym.spaces.Box):
        return False
    with suppress(ValueError):
        return divisor(space, 1) > 0
    return False


def box(space: gym.Space[Any]) -> gym.spaces.Box:
    """``space`` if it can hold a picture; TypeError for another space, with what to do."""
    if isinstance(space, gym.spaces.Dict):
        raise TypeError(
            f"expected one picture, got a Dict observation with keys {sorted(space.spaces)}: an "
            "agent takes all of it with BetaVAECombinedExtractor and MultiInputPolicy"
        )
    if not isinstance(space, gym.spaces.Box) or len(space.shape) not in (2, 3, 4):
        raise TypeError(
            f"expected a picture, Box(H, W, C), Box(C, H, W) or Box(H, W), got {short(space)}; an "
            "environment without pictures draws itself with pixels=True (--pixels), or in your "
            "code: gymnasium.wrappers.AddRenderObservation(env), made with render_mode='rgb_array'"
        )
    return space


def held_by(space: gym.spaces.Box, *, stacked: int | None) -> Held:
    """The picture in ``space``, for which no VAE says what it is; ``stacked`` None: nobody said.

    ValueError, with the line to write, where it may be read in two ways or in none.
    """
    shape = space.shape
    plain = readings(shape, (1, 3))
    if stacked is not None:
        found = readings(shape, KINDS, stacked=stacked)
        if not found and len(shape) == 2:
            raise ValueError(
                f"observation shape {shape} holds {stacked} grey pictures side by side, as "
                "VecFrameStack makes of two-dimensional ones: give each an axis before it is "
                "stacked, gymnasium.wrappers.GrayscaleObservation(env, keep_dim=True) or "
                "TransformObservation to (H, W, 1)"
            )
        if not found and plain:
            raise ValueError(
                f"observation shape {shape} is one picture, and stacked={stacked} says that it is "
                f"{stacked}; leave that out"
            )
        return _only(found, shape, stacked)
    if plain:
        return _only(plain, shape, 1)
    if readings(shape, (4,)):
        raise ValueError(
            f"observation shape {shape}: four channels are one RGBA picture or four grey frames, "
            "and nothing tells which; say stacked=1 (--stacked 1) or stacked=4 (--stacked 4)"
        )
    return _only([], shape, None)


def held_for(
    space: gym.spaces.Box, shape: Shape, native: Shape, *, stacked: int | None
) -> tuple[Held, Shape]:
    """The pictures in ``space`` that a VAE of frames ``shape``, made of pictures ``native``, takes.

    Either are taken. ``stacked`` None: as many as fit, which earlier policies leave open. Also
    returns which of the two they are. ValueError, with the line to write, for anything else.
    """
    for wanted in dict.fromkeys((native, shape)):
        found = [
            held
            for held in readings(space.shape, (wanted[0],), stacked=stacked)
            if held.native == wanted
        ]
        if found:
            return _only(found, space.shape, stacked), wanted
    raise ValueError(
        f"this VAE was trained on frames of shape (C, H, W) = {shape}"
        + (f", made of pictures {native}" if native != shape else "")
        + f"; the observation space has shape {space.shape}: "
        + _cure(space.shape, shape, native, stacked)
    )


def divisor(space: gym.spaces.Box, channels: int) -> float:
    """What turns the values of ``space`` into [0, 1]; ValueError where its bounds do not say.

    255 for bytes and floats 0..255, 1 for floats 0..1; of one of ``channels`` (depth), and of bytes
    that are few (labels, masks), the upper bound.
    """
    low, high = float(space.low.min()), float(space.high.max())
    floats = np.issubdtype(space.dtype, np.floating)
    if space.dtype == np.uint8:
        return high if 1.0 <= high < FEW_BYTES else 255.0
    if low >= 0.0 and high == 255.0:
        return 255.0
    if floats and low >= 0.0 and high <= 1.0:
        return 1.0
    if (
        channels == 1
        and low >= 0.0
        and 0.0 < high < np.inf
        and (floats or space.dtype == np.uint16)
    ):
        return high
    raise ValueError(
        "pictures are uint8, or float in 0..1 or 0..255, and depth is in 0..its upper bound; this "
        f"observation space is {space.dtype} in [{low:g}, {high:g}]; give the space its true "
        "bounds: gymnasium.wrappers.TransformObservation(env, func, Box(0, 1, shape, np.float32)), "
        "and do not wrap pictures in VecNormalize(norm_obs=True)"
    )


def other_bound(space: gym.spaces.Box, bound: float, top: float) -> str:
    """How pictures up to ``bound`` are not those up to ``top`` of a VAE, and what to write; or "".

    ``top`` 1: bytes, or floats in 0..1 or 0..255. Bytes of 0 to 255 are frames, whatever they show.
    """
    plain = bound in (1.0, 255.0)
    if (plain if top == 1.0 else bound == top) or (space.dtype == np.uint8 and bound == 255.0):
        return ""
    if top == 1.0:
        return (
            f"bytes or floats of 0 to 1, and this space says 0 to {bound:g}; divide them: "
            f"gymnasium.wrappers.TransformObservation(env, lambda picture: picture / {bound:g}, "
            f"gymnasium.spaces.Box(0, 1, {space.shape}, np.float32))"
        )
    return (
        f"depth of 0 to {top:g}, and this space says 0 to {bound:g}; give it the same bound, "
        f"gymnasium.spaces.Box(0, {top:g}, {space.shape}, np.{space.dtype})"
    )


def short(space: gym.Space[Any]) -> str:
    """Type, shape and dtype; a Box's own text may hold long lists of bounds."""
    shape = "" if space.shape is None else f" {space.shape} {space.dtype}"
    return f"{type(space).__name__}{shape}"


def _only(found: list[Held], shape: tuple[int, ...], stacked: int | None) -> Held:
    """The one reading; ValueError for none or for two orders of the axes."""
    if len({held.channels_first for held in found}) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"observation shape {shape}: channels may come first or last, and nothing tells which; "
            "keep frames apart in four dimensions (gymnasium.wrappers.FrameStackObservation)"
        )
    asked = "" if stacked in (None, 1) else f" stacked={stacked}"
    raise ValueError(
        f"observation shape {shape} holds no picture of 1, 3 or 4 channels with sides of "
        f"{MIN_SIDE} pixels and more{asked and ',' + asked}; {_no_picture(shape)}"
    )


def _no_picture(shape: tuple[int, ...]) -> str:
    """What to do about a shape that no picture has."""
    if max(shape) < MIN_SIDE:
        return SYMBOLIC
    stacks = {
        held.stack
        for kind in (3, 1)
        for held in readings(shape, (kind,), stacked=None)
        if 1 < held.stack < MIN_SIDE
    }
    if stacks:
        lines = " or ".join(f"stacked={n} (--stacked {n})" for n in sorted(stacks))
        return f"it looks like a stack of frames; say how many: {lines}"
    return (
        "let the environment draw itself: pixels=True (--pixels), or choose the picture out of it "
        "with a wrapper: gymnasium.wrappers.TransformObservation"
    )


def _cure(there: tuple[int, ...], shape: Shape, native: Shape, stacked: int | None) -> str:
    """What to do about observations of another shape than a VAE takes."""
    if max(there) < MIN_SIDE:
        return SYMBOLIC
    if stacked and stacked > 1:
        return (
            f"they are said to hold {stacked} frames each, which are not of these {native[0]} "
            "channels and sides; convert the frames before they are stacked, or train a VAE on "
            "frames as these"
        )
    stacks = {
        held.stack
        for wanted in (native, shape)
        for held in readings(there, (wanted[0],), stacked=None)
        if held.native == wanted and held.stack > 1
    }
    if stacks:
        n = max(stacks)
        return (
            f"if these are {n} frames stacked, say so: stacked={n} (policy_kwargs(vae, "
            f"stacked={n}), LatentVecEnv(venv, vae, stacked={n}), --stacked {n}); if it is one "
            "picture of other channels, train a VAE on it"
        )
    one = readings(there, KINDS)
    if not one:
        return "it is no such picture, nor a stack of them; train a VAE on it: bvae_rl.pretrain"
    channels, *sides = one[0].native
    lines = []
    if channels != native[0]:
        if native[0] == 1 and channels == 3:
            lines.append(
                "make it grey: gymnasium.wrappers.GrayscaleObservation(env, keep_dim=True) (--grey)"
            )
        else:
            return (
                f"it has {channels} channels, the VAE's pictures {native[0]}; train a VAE on "
                "pictures as these: bvae_rl.pretrain(env, ...)"
            )
    if tuple(sides) != native[1:]:
        height, width = shape[1:] if max(native[1:]) > MAX_SIDE else native[1:]
        lines.append(
            f"resize it: gymnasium.wrappers.ResizeObservation(env, ({height}, {width})) (--size "
            f"{height} {width})"
        )
    return "; ".join(lines) + "; or train a VAE on it"
