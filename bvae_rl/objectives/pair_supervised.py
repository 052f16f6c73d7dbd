"""The pair-supervised Beta-VAE: known groups (Bouchacourt et al. 2018, arXiv 1705.08841).

Half the pairs show one state in two looks and share the content latents' posterior; half show two
states in one look and share the look latents' posterior. Averaging as in Ada-GVAE (Locatello et al.
2020, arXiv 2002.02886). Each image then pays recon + beta * KL of its averaged posterior.

Averaging alone does not ask the two posteriors to agree: a content mean may go on moving a little
with the look, and a regressor reads that off (*leak*). So each pair also pays ``beta * align``
times the symmetric KL between its two posteriors over the shared latents, our addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.losses import average_shared, kl_per_latent, symmetric_kl
from bvae_rl.model import BetaVAE
from bvae_rl.objectives.beta_vae import reconstruction
from bvae_rl.objectives.stateless import Stateless
from bvae_rl.pairs import Batch, Pairing, Rows, content_look
from bvae_rl.schedules import Schedule


@dataclass(frozen=True)
class PairSupervisedObjective(Stateless):
    """``beta`` is a schedule over training steps, ``align`` weighs agreement (0: none)."""

    beta: Schedule
    align: float = 4.0
    name: str = "pair_supervised"

    def __post_init__(self) -> None:
        if not self.align >= 0:
            raise ValueError(f"align must not be negative, got {self.align}")

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """One state in two looks, and two states in one look."""
        return content_look(rows, groups=vae.config.groups, latents=vae.config.latents)

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """recon + beta * (KL + align * disagreement), over both images of each pair."""
        assert batch.x2 is not None and batch.shared is not None
        x = torch.cat([batch.x, batch.x2])  # (2B, C, H, W): one pass for both
        mu, logvar = vae.encode(x)
        (mu1, mu2), (logvar1, logvar2) = mu.chunk(2), logvar.chunk(2)
        apart = symmetric_kl(mu1, logvar1, mu2, logvar2)  # (B, D)
        disagreement = torch.where(batch.shared, apart, 0.0).sum(1).mean()
        mu1, logvar1, mu2, logvar2 = average_shared(mu1, logvar1, mu2, logvar2, batch.shared)
        mu, logvar = torch.cat([mu1, mu2]), torch.cat([logvar1, logvar2])
        recon = reconstruction(vae, x, mu, logvar, noise)
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        beta = self.beta(step)
        loss = recon + beta * (kl + self.align * disagreement)
        return loss, {"recon": recon, "kl": kl, "beta": beta, "disagreement": disagreement}

    def describe(self) -> dict[str, object]:
        """Name and the weight of agreement."""
        return {"name": self.name, "align": self.align}
