"""What each variation does to a store's frames, to be looked at before an encoder ignores it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from bvae_rl.data.pictures.frame_layout import frames_to_x, x_to_frames
from bvae_rl.models.vae_config import ChannelOrder
from bvae_rl.plots import frame_sheet
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.augment.variations import named, refuse_unfit, vary
from bvae_rl.training.pictures.shown_frames import seen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIED = "variations.png"
CLEAN, MIXED = "as recorded", "as trained"


def variations_sheet(
    frames: np.ndarray,
    names: Sequence[str],
    *,
    seed: int = 0,
    strength: float = 1.0,
    frequency: float = FREQUENCY,
    part: float = PART,
    channel_order: ChannelOrder = "RGB",
) -> Figure:
    """Frames (N, H, W, C) uint8, below them each of ``names`` alone, then all as trained.

    ``seed`` draws the changes, ``strength`` is theirs, ``frequency`` and ``part`` those of the
    colour maps, and ``channel_order`` is the VAE's. With one name its row is what an encoder sees.

    Raises ValueError for unknown names, and for variations that these frames cannot get.
    """
    rows = named(names, frequency=frequency, part=part)
    x = frames_to_x(frames)
    refuse_unfit(rows, tuple(x.shape[1:]), channel_order=channel_order)
    generator = torch.Generator().manual_seed(seed)
    kinds = {row.name: [row] for row in rows} | ({MIXED: rows} if len(rows) > 1 else {})
    varied = {
        name: x_to_frames(vary(x, some, generator, strength=strength))
        for name, some in kinds.items()
    }
    sheet = {CLEAN: frames, **varied}
    return frame_sheet({name: seen(shown, channel_order) for name, shown in sheet.items()})
