"""Several VAEs of the same frames: how many nats each carries, and what its pictures lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import rate_distortion
from bvae_rl.plots.rate_distortion import DISTORTION
from bvae_rl.scripts.same_frames import require_same_frames
from bvae_rl.training.pictures.decoded import active_latents, carried, decode
from bvae_rl.training.validation import spread, validate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SQUARED = "distortion: squared error of an image"


def compared(
    name: str,
    vae: BetaVAE,
    beside: Sequence[str],
    frames: np.ndarray,
    *,
    width: float | None = None,
) -> dict[str, Figure]:
    """``rate_distortion`` of ``vae`` and of those ``beside``, on frames (N, H, W, C); {} alone.

    In nats where all have one likelihood and weight, else the squared error of what they decode
    from their means. ValueError for a VAE of other frames.
    """
    if not beside:
        return {}
    vaes = {name: vae, **{one: BetaVAE.load(find_vae(one)) for one in beside}}
    require_same_frames(vaes)
    shown = frames[spread(np.arange(len(frames)))]
    x = frames_to_x(shown)
    found = [validate(each, x) for each in vaes.values()]
    same = len({(v.config.likelihood, v.config.recon_weight) for v in vaes.values()}) == 1
    if same:
        distortion = [each["vae/validation_recon"] for each in found]
    else:
        distortion = [_squared(each, shown) for each in vaes.values()]
    figure = rate_distortion(
        [carried(each, *each.posterior_frames(shown))[0].sum() for each in vaes.values()],
        distortion, list(vaes),
        active=[active_latents(each, each.encode_frames(shown)).sum() for each in vaes.values()],
        joined=False, chosen=0,
        distortion_label=DISTORTION if same else SQUARED, width=width,
    )  # fmt: skip
    return {"rate_distortion": figure}


def _squared(vae: BetaVAE, frames: np.ndarray) -> float:
    """Summed over the pixels of an image in [0, 1], mean over frames."""
    off = frames.astype(np.float32) - decode(vae, vae.encode_frames(frames))
    return float(np.square(off / 255).sum() / len(frames))
