"""sigma-VAE (Rybkin et al. 2021, arXiv 2006.13202, section 4): the decoder's variance is fitted.

The likelihood is Gaussian with one sigma for all pixels, at each batch the one of greatest
likelihood, sigma^2 = the mean squared error. recon is then minus the log-likelihood with all its
constants, so that beta = 1 is the evidence lower bound whatever the scale of the pixels.

``VAEConfig.recon_weight`` plays no part in training: 1 / (2 sigma^2) takes its place. Validation
still uses the config's, so ``vae/elbo`` and ``vae/validation_recon`` are at that fixed weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bvae_rl.models.losses import kl_per_latent, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch, Pairing, single
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import Objective, Parts
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule

LEAST_LOG_SIGMA = (
    -6.0
)  # of the reference code: a frame reconstructed perfectly would else count infinitely


def optimal_log_sigma(x_hat: Tensor, x: Tensor, weight: Tensor | None = None) -> Tensor:
    """log sigma, a scalar without gradient: half the log of the mean squared error, clipped.

    ``weight`` (B, 1, H, W) is what each pixel counts. The clip at -6 is soft (softplus) and well
    above it moves the result by exp(-(log sigma + 6)), 4% of sigma where that is 0.06.

    No gradient is needed: where the likelihood is greatest, it does not change with sigma.
    """
    with torch.no_grad():
        error = (x_hat - x).square()
        if weight is None:
            mean = error.mean()
        else:
            mean = (error * weight).sum() / weight.expand_as(error).sum()
        return LEAST_LOG_SIGMA + functional.softplus(0.5 * mean.log() - LEAST_LOG_SIGMA)


def gaussian_nll(
    x_hat: Tensor, x: Tensor, log_sigma: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Minus log N(x; x_hat, sigma^2), summed over the pixels of each image (B,), in nats."""
    scaled = ((x_hat - x) * (-log_sigma).exp()).square()
    nll = 0.5 * (scaled + math.log(2 * math.pi)) + log_sigma
    return (nll if weight is None else nll * weight).flatten(1).sum(1)


@dataclass(frozen=True)
class SigmaVAEObjective(Objective):
    """``beta`` is a schedule over training steps; 1 is the evidence lower bound."""

    name = "sigma"

    beta: Schedule

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Independent frames; ValueError for another likelihood than the Gaussian."""
        if vae.config.likelihood != "gaussian":
            raise ValueError(
                f"sigma-VAE fits the variance of a gaussian likelihood, got "
                f"{vae.config.likelihood}; train with --likelihood gaussian"
            )
        return single(rows)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL, recon at the batch's own sigma."""
        mu, logvar = vae.encode(batch.x)
        x_hat = vae.decode_logits(sample(mu, logvar, noise))
        log_sigma = optimal_log_sigma(x_hat, batch.x, batch.weight)
        recon = gaussian_nll(x_hat, batch.x, log_sigma, batch.weight).mean()
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        beta = self.beta(step)
        parts: dict[str, Tensor | float] = {
            "recon": recon,
            "kl": kl,
            "beta": beta,
            "sigma": log_sigma.exp(),
        }
        return recon + beta * kl, parts


ENTRY = Entry(
    name="sigma",
    objective=SigmaVAEObjective,
    likelihood="gaussian",
    source="Rybkin et al. 2021, section 4, optimal sigma of each batch",
    purpose="no recon_weight to choose: the likelihood sharpens as the pictures do",
    advice="beta: up for structure; recon_weight is used by validation only",
    cost=1.2,
    paper={"beta": 1.0},
)
