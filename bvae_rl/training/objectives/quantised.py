"""QLAE (Hsu et al. 2023, arXiv 2305.18378): an autoencoder with quantised latents.

    loss = recon + N * (quantisation * mean_d (sg(mu_d) - z_d)^2
                        + commitment * mean_d (mu_d - sg(z_d))^2)

with sg for no gradient, z the nearest values (``quantisation.py``) and N the values in a frame: the
paper averages its likelihood over pixels, which are summed here, so that its weights hold. Few
values for each latent leave no room to spread one factor over several latents, or to put two into
one. The other half of the method is weight decay, which is the optimizer's
(``TrainConfig.weight_decay``): 0.1 in the paper.

The paper's two weights are for its likelihood. Beside a Gaussian one of s = 20 they are too weak:
the means leave the values behind, and in the first hundred steps all latents stood on one value.

There is no posterior: the reported KL is 0, and the evidence lower bound of validation is that of
points, of use only to compare trainings of this kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bvae_rl.models.codebook import straight_through
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import not_negative, whole
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry


@dataclass(frozen=True)
class QuantisedObjective(LikelihoodObjective):
    """``quantisation`` draws the values to the means, ``commitment`` the means to the values.

    ``levels`` is the number of values of each latent: the VAE's own (``VAEConfig.levels``).
    """

    name = "quantised"

    quantisation: float = 0.01
    commitment: float = 0.01
    levels: int = 10

    def __post_init__(self) -> None:
        not_negative(quantisation=self.quantisation, commitment=self.commitment)
        whole("levels", self.levels, least=2)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon plus both distances between means and values; ``noise`` is not used."""
        assert vae.codebook is not None
        mu = vae.encoder[:-1](batch.x).float()[:, : vae.latent_dim]  # before the codebook, (B, D)
        nearest = vae.codebook.nearest(mu)
        recon = reconstruction(vae, batch.x, straight_through(mu, nearest), batch.weight)
        quantisation = (mu.detach() - nearest).square().mean()
        commitment = (mu - nearest.detach()).square().mean()
        apart = self.quantisation * quantisation + self.commitment * commitment
        loss = recon + vae.config.pixels * apart
        used = levels_used(nearest)
        return loss, {
            "recon": recon, "kl": 0.0, "beta": 0.0, "quantisation": quantisation, "levels": used
        }  # fmt: skip


@torch.no_grad()
def levels_used(codes: Tensor) -> Tensor:
    """How many different values a latent takes in ``codes`` (B, D), averaged over latents."""
    ordered = codes.sort(dim=0).values
    return 1.0 + (ordered[1:] != ordered[:-1]).sum(0).float().mean()


ENTRY = Entry(
    name="quantised",
    objective=QuantisedObjective,
    source="Hsu et al. 2023 (QLAE); with weight decay 0.1 (--weight-decay)",
    purpose="few values for each latent, so that each is spent on one factor",
    advice="levels: down for structure, up for detail",
    paper={"levels": 10.0, "quantisation": 0.01, "commitment": 0.01},
    tuned={"quantisation": 2.0, "commitment": 2.0},
)
