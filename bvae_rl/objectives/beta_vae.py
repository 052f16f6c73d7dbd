"""beta-VAE (Higgins et al. 2017, ICLR, eq. 4): recon + beta(step) * KL, on single frames."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bvae_rl.losses import kl_per_latent, recon_nll, sample
from bvae_rl.model import BetaVAE
from bvae_rl.objectives.stateless import Stateless
from bvae_rl.pairs import Batch, Pairing, Rows, single
from bvae_rl.schedules import Schedule


@dataclass(frozen=True)
class BetaVAEObjective(Stateless):
    """``beta`` is a schedule over training steps."""

    beta: Schedule
    name: str = "beta_vae"

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Independent frames."""
        return single(rows)

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """recon + beta * KL."""
        recon, kl = elbo_terms(vae, batch.x, noise)
        beta = self.beta(step)
        return recon + beta * kl, {"recon": recon, "kl": kl, "beta": beta}

    def describe(self) -> dict[str, object]:
        """Name only: the schedule is described by whoever made it."""
        return {"name": self.name}


def elbo_terms(vae: BetaVAE, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Reconstruction and KL of x (B, C, H, W), scalars; ``noise`` (B, D) is standard normal."""
    mu, logvar = vae.encode(x)
    return reconstruction(vae, x, mu, logvar, noise), kl_per_latent(mu, logvar).sum(1).mean()


def reconstruction(vae: BetaVAE, x: Tensor, mu: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """Mean over the batch of ``recon_nll`` of x (B, C, H, W) given a draw of z, a scalar."""
    likelihood, s = vae.config.likelihood, vae.config.s
    z = sample(mu, logvar, noise)
    return recon_nll(vae.decode_logits(z), x, likelihood=likelihood, s=s).mean()
