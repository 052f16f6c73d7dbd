"""What a VAE is worth on frames that it was not trained on, and an early diagnosis."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.losses import beta_norm, kl_per_latent, log_constant, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.batches.batch import frames_at
from bvae_rl.training.batches.rows import Rows

# Of a latent's posterior means over frames: above it the latent is active, since it tells them
# apart (Burda et al. 2016, arXiv 1509.00519). Its KL would also count a mean that is not 0 and the
# same for all frames.
ACTIVE_VARIANCE = 0.01
AT_ONCE = 128  # frames, whose activations stay in the cache

logger = logging.getLogger(__name__)


@torch.no_grad()
def validate(vae: BetaVAE, x: Tensor) -> dict[str, float]:
    """Evidence lower bound at a fixed draw of z, its parts, and active latents, on x."""
    config = vae.config
    shape = (len(x), config.latent_dim)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    recons, kls, means = [], [], []
    for frames, draw in zip(x.split(AT_ONCE), noise.split(AT_ONCE), strict=True):
        mu, logvar = vae.encode(frames)
        recons.append(vae.nll(sample(mu, logvar, draw), frames))
        kls.append(kl_per_latent(mu, logvar))
        means.append(mu)
    recon = torch.cat(recons).mean()
    kl = torch.cat(kls).mean(0)  # (D,)
    constant = log_constant(
        config.pixels, likelihood=config.likelihood, recon_weight=config.recon_weight
    )
    return {
        "vae/validation_recon": float(recon),
        "vae/validation_kl": float(kl.sum()),
        "vae/elbo": -float(recon + kl.sum()) - constant,
        "vae/active_latents": int(moving(vae, torch.cat(means).var(0, correction=0)).sum()),
    }


def moving(vae: BetaVAE, variance: Tensor) -> Tensor:
    """Which latents tell frames apart, by the ``variance`` (D,) of their posterior means over them.

    A quantised latent does where it takes more than one of its values, however near they are.
    """
    return variance > least_variance(vae)


def least_variance(vae: BetaVAE) -> float:
    """Of a latent's posterior means over frames, for it to tell them apart."""
    return ACTIVE_VARIANCE if vae.codebook is None else 1e-9


@torch.no_grad()
def posterior_means(vae: BetaVAE, x: Tensor) -> Tensor:
    """mu (B, D) of x (B, C, H, W), some frames at a time."""
    return torch.cat([vae.encode(frames)[0] for frames in x.split(AT_ONCE)])


@torch.no_grad()
def latent_statistics(vae: BetaVAE, x: Tensor) -> dict[str, list[float]]:
    """Mean and standard deviation of mu, and mean KL in nats, of each latent, on x (B, C, H, W)."""
    parts = [torch.stack(vae.encode(frames)) for frames in x.split(AT_ONCE)]
    mu, logvar = torch.cat(parts, dim=1)
    kl = kl_per_latent(mu, logvar).mean(0)
    return {"mean": mu.mean(0).tolist(), "std": mu.std(0).tolist(), "kl": kl.tolist()}


def diagnose(metrics: dict[str, float], config: VAEConfig, step: int) -> bool:
    """Warn, and return True, where most latents carry nothing."""
    active = int(metrics["vae/active_latents"])
    if active > max(1, config.latent_dim // 6):
        return False
    beta = metrics["vae/beta"]
    if not beta:  # no KL in the loss
        return False
    norm = beta_norm(beta, latent_dim=config.latent_dim, pixels=config.pixels)
    logger.warning(
        "%d of %d latents active at step %d: if that stays so for some thousand steps, lower the "
        "KL's weight (beta is now %g with a %s likelihood of recon_weight %g; normalised %.2g) or "
        "raise recon_weight",
        active, config.latent_dim, step, beta, config.likelihood, config.recon_weight, norm,
    )  # fmt: skip
    return True


def spread(rows: np.ndarray, most: int = 1024) -> np.ndarray:
    """Up to ``most`` of the rows (n,), evenly over them."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def validation_rows(store: FrameStore, rows: Rows) -> np.ndarray:
    """Up to 1,024 rows of held-out frames, spread over the store."""
    if len(rows.validation) < 2:  # one has no deviation
        raise ValueError(
            f"the frame store has {len(store)} frames, too few to hold some out; collect more"
        )
    return spread(rows.validation)


def validation_x(store: FrameStore, rows: Rows) -> Tensor:
    """The frames of ``validation_rows`` as x (B, C, H, W)."""
    return frames_at(store, validation_rows(store, rows))
