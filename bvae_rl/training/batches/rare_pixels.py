"""How seldom something is to be seen at a pixel, over all frames of a store.

Where a ball flies, little else ever happens. It is a pixel among many, and each of its places is
one in thousands, so that it is worth less than the detail of what stands at one place in every
frame. Pixels that count as much more as they change more seldom even that out.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.runtime.identity import fingerprint
from bvae_rl.training.batches.background import stands_out, told_apart

FRAMES, AT_ONCE = 10_000, 500  # of a store, spread evenly
SELDOM, SHARE = 30.0, 0.5  # a world of rare things: how seldom, at which share of its pixels
MOST = 300.0  # times as much as others a pixel may count
FOUND, DONE = 0.3, 0.6  # parts of a training: rare things are found by then; weights fall till then
LEFT = 0.4  # of the power of the weights, to the end: at most 10 times as much


def change_rate(store: FrameStore) -> NDArray[np.float64]:
    """How often (H, W) each pixel is not as it mostly is: before the background, or a part of it.

    A share of up to 10,000 frames, at most a half. Frames of other colours count alike, and those
    without a background of one colour as if nothing stood before it.
    """
    return _change_rate(store.folder, fingerprint(store.identity()))


@lru_cache
def _change_rate(folder: Path, content: str) -> NDArray[np.float64]:
    store = FrameStore.existing(folder)
    frames, rows = store.array("frames"), store.spread(FRAMES)
    count = torch.zeros(store.shape[1:], dtype=torch.float64)
    for part in np.array_split(rows, -(-len(rows) // AT_ONCE)):
        before = stands_out(frames_to_x(frames[part]))
        count += (before & told_apart(before)).sum(dim=(0, 1))
    share = count.numpy() / len(rows)
    rate = np.minimum(share, 1.0 - share)
    rate.setflags(write=False)
    return rate


def seldomness(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many times as seldom as usual each pixel (H, W) changes, at least 1; 1 where it never
    does. Usual is the rate at a change chosen by lot."""
    if not rate.any():
        return np.ones_like(rate)
    usual = np.square(rate).sum() / rate.sum()
    return np.maximum(1.0, np.divide(usual, rate, out=np.ones_like(rate), where=rate > 0))


def shows_rare_things(store: FrameStore) -> bool:
    """Whether half of the pixels that ever change do so 30 times as seldom as usual."""
    rate = change_rate(store)
    changing = rate > 0
    return bool(changing.any()) and float((seldomness(rate)[changing] >= SELDOM).mean()) > SHARE


def still_rare(part: float) -> float:
    """The power of the weights after a ``part`` of the training: 1, and from .3 to .6 down to .4.

    What has been found is worth enough to stay, and what stands everywhere gets its detail.
    """
    falls = min(1.0, max(0.0, (part - FOUND) / (DONE - FOUND)))
    return 1.0 + falls * (LEFT - 1.0)


def rare(store: FrameStore) -> Tensor:
    """Weights (1, 1, H, W) of 1 to 300: how many times as seldom as usual a pixel changes."""
    weights = np.minimum(seldomness(change_rate(store)), MOST)
    return torch.from_numpy(weights).float()[None, None]
