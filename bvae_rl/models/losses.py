"""The terms of the objective, as pure functions.

The scale is stated here, once: every term is *summed* over pixels (or latents) and *averaged* over
the batch, in nats, so that

    loss = recon + beta * kl,        recon = recon_weight * ||x - x_hat||^2   (gaussian)

is minus the evidence lower bound, up to a constant, at beta = 1, for a Gaussian likelihood of
variance 1 / (2 recon_weight). beta means nothing without the likelihood and ``recon_weight``.
Averaged over M latents and N pixels instead, the same objective has beta_norm = beta * M / N
(Higgins et al. 2017, A.6).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

Likelihood = Literal["gaussian", "bernoulli"]
Posteriors = tuple[Tensor, Tensor, Tensor, Tensor]  # of a pair: mu, logvar, mu2, logvar2, (B, D)


def recon_nll(
    x_logits: Tensor,
    x: Tensor,
    *,
    likelihood: Likelihood,
    recon_weight: float,
    weight: Tensor | None = None,
) -> Tensor:
    """Minus log-likelihood of each image in nats, up to a constant, shape (B,).

    ``x_logits``: the decoder's output (B, C, H, W): the mean itself (gaussian) or logits
    (bernoulli; between 0 and 1 this is the cross-entropy).
    ``x``: the image, in [0, 1].
    ``recon_weight``: multiplies either, > 0.
    ``weight``: of each pixel (B, 1, H, W), or of each of its channels (B, C, H, W).
    """
    if likelihood == "gaussian":
        error = (x_logits - x).square()
    else:
        error = functional.binary_cross_entropy_with_logits(x_logits, x, reduction="none")
    return recon_weight * (error if weight is None else error * weight).sum((1, 2, 3))


def kl_per_latent(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) of each latent, in nats, shape (B, D)."""
    return 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar)


def mean_kl(mu: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    """Mean KL of each latent in nats, (D,), from mu and logvar (N, D)."""
    return kl_per_latent(torch.from_numpy(mu), torch.from_numpy(logvar)).mean(0).numpy()


def log_constant(pixels: int, *, likelihood: Likelihood, recon_weight: float) -> float:
    """What ``recon_nll`` leaves out of minus the log-likelihood of ``pixels`` values."""
    if likelihood == "gaussian":
        return 0.5 * pixels * math.log(math.pi / recon_weight)  # variance 1 / (2 recon_weight)
    return 0.0


def beta_norm(beta: float, *, latent_dim: int, pixels: int) -> float:
    """Normalised beta, beta * latent_dim / pixels (Higgins et al. 2017, appendix A.6)."""
    return beta * latent_dim / pixels


def sample(mu: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """Reparameterised z = mu + sigma * noise (Kingma and Welling 2014)."""
    return mu + torch.exp(0.5 * logvar) * noise


def average_shared(
    mu: Tensor, logvar: Tensor, mu2: Tensor, logvar2: Tensor, shared: Tensor
) -> Posteriors:
    """Replace the posteriors of ``shared`` (B, D) latents by the pair's average.

    Means and variances are averaged as in Ada-GVAE (Locatello et al. 2020, arXiv 2002.02886,
    section 4), with the shared latents known instead of inferred.
    """
    mean = 0.5 * (mu + mu2)
    log_variance = torch.logaddexp(logvar, logvar2) - math.log(2.0)
    return _where(shared, (mean, log_variance, mean, log_variance), (mu, logvar, mu2, logvar2))


def multiply_shared(
    mu: Tensor, logvar: Tensor, mu2: Tensor, logvar2: Tensor, shared: Tensor
) -> Posteriors:
    """Replace the posteriors of ``shared`` (B, D) latents by their normalised product.

    The evidence of a group is accumulated as in ML-VAE (Bouchacourt et al. 2018, arXiv 1705.08841),
    here halved so that a pair of equal posteriors stays what it is (Locatello et al. 2020).
    """
    log_variance = math.log(2.0) - torch.logaddexp(-logvar, -logvar2)
    mean = 0.5 * log_variance.exp() * (mu * (-logvar).exp() + mu2 * (-logvar2).exp())
    return _where(shared, (mean, log_variance, mean, log_variance), (mu, logvar, mu2, logvar2))


def swap_shared(
    mu: Tensor, logvar: Tensor, mu2: Tensor, logvar2: Tensor, shared: Tensor
) -> Posteriors:
    """Exchange the posteriors of ``shared`` (B, D) latents between the two images of a pair."""
    return _where(shared, (mu2, logvar2, mu, logvar), (mu, logvar, mu2, logvar2))


def symmetric_kl(mu: Tensor, logvar: Tensor, mu2: Tensor, logvar2: Tensor) -> Tensor:
    """Mean of both KL divergences between two diagonal Gaussians, a latent each, (B, D) nats."""
    var, var2, squared = logvar.exp(), logvar2.exp(), (mu - mu2).square()
    return 0.25 * ((var + squared) / var2 + (var2 + squared) / var) - 0.5


def _where(shared: Tensor, changed: Posteriors, kept: Posteriors) -> Posteriors:
    a, b, c, d = (torch.where(shared, x, y) for x, y in zip(changed, kept, strict=True))
    return a, b, c, d
