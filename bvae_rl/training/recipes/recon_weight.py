"""How much the squared error weighs, so that a beta means the same in every world.

All betas were tuned where a good deal moves: in PlanarReach the mean picture costs some 24,000 nats
at a ``recon_weight`` of 20. Pong's costs 900: there the KL of any latent outweighs what it draws,
and all of them become idle. So where less is to be explained, each pixel's error weighs more.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.runtime.identity import fingerprint
from bvae_rl.training.batches.pixel_weights import Weighting, foreground

FRAMES = 500  # of a store, spread evenly
REFERENCE = 24_000.0  # nats that the mean picture costs in PlanarReach
MOST = 64  # times the usual weight: sigma = 0.02 of a channel's range, five of 255 steps


def recon_weight(store: FrameStore) -> float:
    """What a Gaussian likelihood weighs on the frames of ``store``: 20, or 2, 4, ... 64 times that.

    As much as brings the cost of their mean picture nearest to 24,000 nats, measured on up to 500
    frames whose foreground counts ten times, however the training weighs it. It is never less than
    20, and 20 where all frames are equal.
    """
    return _recon_weight(store.folder, fingerprint(store.identity()))


@lru_cache
def _recon_weight(folder: Path, content: str) -> float:
    store = FrameStore.existing(folder)
    x = frames_to_x(store.array("frames")[store.spread(FRAMES)])
    squared = (x - x.mean(dim=0)).square() * foreground(x, Weighting.factor)
    nats = VAEConfig.recon_weight * float(squared.double().sum()) / len(x)
    times = 2 ** round(math.log2(REFERENCE / nats)) if nats > 0 else 1
    return VAEConfig.recon_weight * min(MOST, max(1, times))
