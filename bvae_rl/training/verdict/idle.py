"""Latents that are idle in the end: which, and the VAE without them."""

from __future__ import annotations

import logging

from bvae_rl.models.pruned import pruned, to_keep
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.validation import least_variance

FIRST_LOOK = 5000  # batches: after fewer, what is idle may not have been learned yet

logger = logging.getLogger(__name__)


def without_idle(vae: BetaVAE) -> BetaVAE:
    """``vae`` without the latents that do not tell its validation frames apart, which is said.

    It needs statistics. Those of parts stay, which an actuator moves.
    """
    variance = [std**2 for std in vae.meta["statistics"]["std"]]
    keep = to_keep(vae.config, variance, least_variance(vae))
    small = pruned(vae, keep)
    groups = small.config.groups or {"": (0, small.latent_dim)}
    sizes = " and ".join(f"{end - start} {name}".strip() for name, (start, end) in groups.items())
    cut = vae.latent_dim - small.latent_dim
    logger.info("%s latents tell frames apart; the other %d are cut out", sizes, cut)
    return small
