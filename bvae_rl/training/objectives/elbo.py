"""The evidence lower bound of a batch of single frames, in the parts that objectives weigh anew."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bvae_rl.models.losses import kl_per_latent, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch


@dataclass(frozen=True)
class Elbo:
    """Posterior and bound of B frames: ``mu``, ``logvar``, ``z``, ``kl`` (B, D), ``recon`` scalar.

    ``recon`` is the mean over the batch, in nats; ``kl`` is in nats, of each frame and latent.
    """

    mu: Tensor
    logvar: Tensor
    z: Tensor
    recon: Tensor
    kl: Tensor

    @property
    def mean_kl(self) -> Tensor:
        """Summed over latents, averaged over the batch, a scalar."""
        return self.kl.sum(1).mean()


def elbo(vae: BetaVAE, batch: Batch, noise: Tensor) -> Elbo:
    """One pass through the VAE; ``noise`` (B, D) is standard normal."""
    mu, logvar = vae.encode(batch.x)
    z = sample(mu, logvar, noise)
    recon = reconstruction(vae, batch.x, z, batch.weight)
    return Elbo(mu, logvar, z, recon, kl_per_latent(mu, logvar))


def reconstruction(vae: BetaVAE, x: Tensor, z: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over the batch of ``vae.nll``: x (B, C, H, W), z (B, D), ``weight`` (B, 1, H, W)."""
    return vae.nll(z, x, weight).mean()
