"""Frames from which nothing can be learned: one picture, or nearly black ones."""

from __future__ import annotations

import logging

import numpy as np

from bvae_rl.data.frame_store import FrameStore

LOOKED_AT = 64  # frames, spread over the store
DARK = 16  # of 255

logger = logging.getLogger(__name__)


def warn_of_blank(store: FrameStore) -> None:
    """Warn, with what to do, where the frames of ``store`` all show one picture or are too dark."""
    rows = np.unique(np.linspace(0, len(store) - 1, LOOKED_AT).astype(int))
    frames = store.read(rows).frames
    if len(frames) > 1 and (frames == frames[0]).all():
        logger.warning(
            "all frames of %s show the same picture, from which nothing can be learned: look at "
            "what the environment shows, and whether its actions change it", store.folder,
        )  # fmt: skip
    elif 0 < frames.max() < DARK:
        logger.warning(
            "the frames of %s are nearly black, %d of 255 at their brightest: give their space its "
            "true bound, gymnasium.spaces.Box(0, %d, shape, np.uint8), by which they are divided",
            store.folder, frames.max(), frames.max(),
        )  # fmt: skip
