"""FactorVAE (Kim and Mnih 2018, arXiv 1802.05983, eq. 2 and algorithm 2): recon + KL + gamma * TC.

The total correlation is the mean logit of a discriminator that separates codes of q(z) from codes
whose latents were permuted over the batch, each on its own, which have the same marginals and
nothing else. As in algorithm 2 the two come from different frames: one half of the batch trains the
VAE and gives the codes, the other half is encoded only and gives the permuted ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bvae_rl.models.losses import sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.auxiliary import AuxiliaryNetwork
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import positive, whole
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule

HIDDEN_LAYERS = 6
BETAS = (0.5, 0.9)  # of the discriminator's Adam


def make_discriminator(latent_dim: int, width: int) -> nn.Sequential:
    """(B, D) -> logits (B, 1), positive for codes of q(z): log D / (1 - D)."""
    layers: list[nn.Module] = []
    before = latent_dim
    for _ in range(HIDDEN_LAYERS):
        layers += [nn.Linear(before, width), nn.LeakyReLU(0.2)]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 1))


def permute_latents(z: Tensor, step: int) -> Tensor:
    """Each column of z (B, D) in an order of its own, which depends on the step only."""
    generator = torch.Generator().manual_seed(step)
    order = torch.rand(z.shape, generator=generator).argsort(0).to(z.device)
    return z.gather(0, order)


def discriminator_loss(logits: Tensor, permuted_logits: Tensor) -> Tensor:
    """Cross-entropy of telling the two apart, a scalar in nats; log 2 by chance."""
    return 0.5 * (functional.softplus(-logits).mean() + functional.softplus(permuted_logits).mean())


@dataclass(frozen=True)
class FactorVAEObjective(LikelihoodObjective):
    """``beta`` weighs the KL, ``gamma`` the total correlation: schedules over training steps.

    ``width`` is that of the discriminator, ``learning_rate`` its Adam's.
    """

    name = "factor"

    beta: Schedule
    gamma: Schedule
    width: int = 1000
    learning_rate: float = 1e-4
    _discriminator: AuxiliaryNetwork[nn.Sequential] = field(init=False, repr=False, compare=False)
    _codes: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("width", self.width, least=1)
        positive(learning_rate=self.learning_rate)
        discriminator = AuxiliaryNetwork(
            lambda vae: make_discriminator(vae.latent_dim, self.width),
            learning_rate=self.learning_rate,
            betas=BETAS,
        )
        object.__setattr__(self, "_discriminator", discriminator)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL + gamma * TC of one half of the batch.

        ``accuracy`` is the fraction of samples and permuted samples that the discriminator gets
        right.
        """
        if step == 0:
            self._discriminator.forget()  # another run with the same objective
        if len(batch.x) < 4:
            raise ValueError(
                f"FactorVAE permutes codes within half of a batch, got {len(batch.x)} images in "
                "all; take at least 4"
            )
        discriminator = self._discriminator.network(vae)
        e = elbo(vae, batch.part(0, 2), noise[0::2])
        with torch.no_grad():
            others = sample(*vae.encode(batch.part(1, 2).x), noise[1::2])
        permuted = permute_latents(others, step)
        with torch.autocast(e.z.device.type, enabled=False):
            logits, permuted_logits = discriminator(e.z), discriminator(permuted)
        self._codes.update(z=e.z.detach(), permuted=permuted)
        beta, gamma, tc = self.beta(step), self.gamma(step), logits.mean()
        accuracy = 0.5 * ((logits > 0).float().mean() + (permuted_logits <= 0).float().mean())
        loss = e.recon + beta * e.mean_kl + gamma * tc
        return loss, {
            "recon": e.recon, "kl": e.mean_kl, "beta": beta, "gamma": gamma, "tc": tc,
            "accuracy": accuracy,
        }  # fmt: skip

    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """The discriminator's step, on the codes of the VAE before its own, as in algorithm 2."""
        codes, permuted = self._codes["z"], self._codes["permuted"]
        self._discriminator.improve(lambda net: discriminator_loss(net(codes), net(permuted)))

    def state_dict(self) -> dict[str, Any]:
        """The discriminator and its optimizer."""
        return self._discriminator.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with that discriminator."""
        self._discriminator.load_state_dict(state)


ENTRY = Entry(
    name="factor",
    objective=FactorVAEObjective,
    source="Kim and Mnih 2018, eq. 2 and algorithm 2",
    purpose="independent latents, judged by a discriminator, with the VAE's own detail",
    advice="gamma: up for independence",
    annealed=("beta", "gamma"),
    cost=0.9,
    paper={"beta": 1.0, "gamma": 35.0, "width": 1000.0, "learning_rate": 1e-4},
    tuned={"gamma": 10.0, "width": 256.0},
)
