"""What reconstructions explain of pictures, and which pictures differ most; pure functions.

The share explained is an R2 over pixels: 1 for equal pictures, 0 for what the mean picture does,
negative for worse. Taken over all pixels it says little, since what is small is a small part of
them; so it is taken over some pixels apart: those before the background, those that move. And
since there, too, what is large hides what is small, places are counted: each weighs the same.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

NOTHING = 1e-6  # a sum of squares below it is rounding: one pixel off by 1 / 255 has 1.5e-5
PLACE = 8  # pixels, the side of a place; places overlap by half
LEAST = 0.1  # squared difference that a place must hold to count: of one pixel, 0.3 of the range
DRAWN = 0.5  # share of that which must be explained


def squares(a: Tensor, b: Tensor, where: Tensor | None = None) -> Tensor:
    """Squared difference at each pixel, summed over channels: (B, C, H, W) -> (B, 1, H, W).

    Pixels outside of ``where`` (B, 1, H, W) are 0.
    """
    found = (a - b).square().sum(dim=1, keepdim=True)
    return found if where is None else found * where


def share(left: Tensor, there: Tensor) -> float | None:
    """Share explained: 1 - sum(left) / sum(there), of squares; None where nothing differs."""
    total = float(there.cpu().double().sum())  # Apple's GPUs have no float64
    return None if total < NOTHING else 1.0 - float(left.cpu().double().sum()) / total


def places(left: Tensor, there: Tensor, where: Tensor, things: Tensor) -> tuple[int, int]:
    """How many places show nothing of what is there, and how many there are.

    ``left`` and ``there`` are squares, ``where`` and ``things`` say which pixels count and which
    belong to anything that might be drawn, all (B, 1, H, W). A place is a window of 8 x 8 pixels in
    which ``there`` sums to at least 0.1 over ``where``. It shows nothing where less than half of
    that is explained, and in no overlapping window half of the ``things``: the blurred edge of what
    is drawn counts as shown.
    """

    def shown(mask: Tensor) -> tuple[Tensor, Tensor]:
        total = _sums(there * mask)
        counts = total >= LEAST
        return counts, counts & (_sums(left * mask) <= (1.0 - DRAWN) * total)

    counts, drawn = shown(where)
    beside = functional.max_pool2d(shown(things)[1].float(), 3, stride=1, padding=1) > 0
    return int((counts & ~drawn & ~beside).sum()), int(counts.sum())


def _sums(squared: Tensor) -> Tensor:
    """Sums over places, which overlap by half: (B, 1, H, W) -> (B, 1, rows, columns)."""
    return functional.avg_pool2d(squared, PLACE, PLACE // 2, ceil_mode=True, divisor_override=1)


def pixel_share(frames: np.ndarray, decoded: np.ndarray) -> float:
    """Share of the pixels' variance that ``decoded`` explains of ``frames``, both (N, H, W, C).

    An R2: 1 for equal pictures, 0 for what the mean picture does.
    """
    x = frames.astype(np.float64)
    left = np.square(x - decoded).sum()
    return float(1.0 - left / np.square(x - x.mean(axis=0)).sum())


def farthest(points: Tensor, count: int) -> list[int]:
    """Rows of ``points`` (N, D) far from each other, the first of them farthest from the mean.

    Each further one is farthest from all before it (Gonzalez 1985); fewer than ``count`` where
    the others are equal to one of them.
    """
    away = (points - points.mean(dim=0)).square().sum(dim=1)
    if not len(points) or float(away.max()) < NOTHING:
        return list(range(min(1, len(points))))
    found = [int(away.argmax())]
    nearest = torch.full_like(away, torch.inf)
    while len(found) < min(count, len(points)):
        nearest = torch.minimum(nearest, (points - points[found[-1]]).square().sum(dim=1))
        if float(nearest.max()) < NOTHING:
            break
        found.append(int(nearest.argmax()))
    return found


def coarse(x: Tensor, side: int = 16) -> Tensor:
    """x (N, C, H, W) as rows of the means over a grid of ``side`` x ``side``, (N, C * side**2)."""
    return functional.adaptive_avg_pool2d(x, side).flatten(1)
