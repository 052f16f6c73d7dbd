"""Which frames a picture of a VAE shows, and how they are made visible.

The first frames of a store are those after a reset, and hide what happens later. So three kinds
are drawn from frames of the whole store: some at random, those that the VAE does worst, and those
that differ most from each other.
"""

from __future__ import annotations

import numpy as np
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.vae_config import ChannelOrder
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.validation import spread
from bvae_rl.training.verdict.explained import coarse, farthest

RANDOM, WORST, DIFFERENT = "random", "worst", "most different"
EACH = 10  # frames of each kind


def chosen(frames: np.ndarray, decoded: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Places in ``frames`` (N, H, W, C) by kind, up to ten of each; ``decoded`` is as large.

    Random ones without repetition, in order; the worst by squared error, the worst first; the most
    different by their coarse pixels, each far from all before it. Up to ten frames are all shown,
    under one name. A frame can be of several kinds. The same ``seed`` chooses the same ones.
    """
    count = len(frames)
    if count <= EACH:
        return {"all": np.arange(count)}
    rng = np.random.default_rng(seed)
    error = [
        np.square(a.astype(np.float32) - b).sum() for a, b in zip(frames, decoded, strict=True)
    ]
    means = torch.cat(
        [coarse(frames_to_x(part)) for part in np.array_split(frames, -(-count // 64))]
    )
    return {
        RANDOM: np.sort(rng.choice(count, size=EACH, replace=False)),
        WORST: np.argsort(-np.array(error), kind="stable")[:EACH],
        DIFFERENT: np.array(farthest(means, EACH)),
    }


def frames_to_show(store: FrameStore, *, validation: float) -> np.ndarray:
    """Up to 1,024 frames spread over the whole store: held-out ones, if there are enough of them.

    They are those on which ``verdict.judge`` has its say. ``validation`` is the fraction held out.
    """
    rows = Rows(store, validation=validation).validation
    return store.take("frames", spread(rows if len(rows) >= EACH else np.arange(len(store))))


def seen(frames: np.ndarray, channel_order: ChannelOrder) -> np.ndarray:
    """Frames (..., H, W, C) of any number of channels as ones that can be drawn, C of 1 or 3.

    BGR becomes RGB; of a stack the last picture is shown, of unknown channels the last, in grey.
    """
    channels = frames.shape[-1]
    if channels == 1 or (channels == 3 and channel_order != "BGR"):
        return frames
    if channel_order != "other" and channels % 3 == 0:
        last = frames[..., -3:]
        return last[..., ::-1] if channel_order == "BGR" else last
    return frames[..., -1:]
