"""DARLA's perceptual loss (Higgins et al. 2017, arXiv 1707.08475, eq. 2): features, not pixels.

    weight * ||J(x_hat) - J(x)||^2 + beta * KL

J is the last convolution of a denoising autoencoder's encoder, before its nonlinearity, frozen. The
paper trains that autoencoder beforehand, for 200,000 steps; here it is trained during a first part
of the steps on the same batches, while the VAE learns by its pixels, so that one command is enough.
It has the VAE's architecture with 100 latents, and a rectangle of zeros hides a part of its frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from bvae_rl.models.losses import kl_per_latent, recon_nll, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.autoencoder import damaged
from bvae_rl.training.objectives.auxiliary import AuxiliaryNetwork
from bvae_rl.training.objectives.base import Objective, Parts
from bvae_rl.training.objectives.checks import positive, whole
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry, Hyperparameters
from bvae_rl.training.schedules import Schedule

DAE_LATENTS, DAE_LEARNING_RATE = 100, 1e-3  # both of appendix A


def make_dae(vae: BetaVAE) -> BetaVAE:
    """An autoencoder of the VAE's architecture with a wider code."""
    return BetaVAE(replace(vae.config, latent_dim=DAE_LATENTS, groups={}, parts={}))


def features(encoder: nn.Sequential, x: Tensor) -> Tensor:
    """What the last convolution of ``encoder`` says of x (B, C, H, W), flat: (B, F) float32."""
    last = max(i for i, layer in enumerate(encoder) if isinstance(layer, nn.Conv2d))
    with torch.autocast(x.device.type, enabled=False):  # a difference of two near values follows
        return encoder[: last + 1](x.float()).flatten(1)


@dataclass(frozen=True)
class PerceptualObjective(Objective):
    """``beta`` is a schedule over training steps, ``weight`` that of the squared distance.

    Features take the place of pixels after ``dae_steps``.
    """

    name = "darla"

    beta: Schedule
    weight: float = 1.0
    dae_steps: int = 3000
    _dae: AuxiliaryNetwork[BetaVAE] = field(init=False, repr=False, compare=False)
    _last: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(weight=self.weight)
        whole("dae_steps", self.dae_steps, least=1)
        dae = AuxiliaryNetwork(make_dae, learning_rate=DAE_LEARNING_RATE)
        object.__setattr__(self, "_dae", dae)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL; recon is of pixels for ``dae_steps`` steps, then of features.

        Features have no pixels that could be weighed: what a batch's weights say reaches them
        through the autoencoder alone.

        ``pixels`` is that of pixels all along, ``dae`` that of the autoencoder at its last step.
        """
        if step == 0:
            self._dae.forget()  # another run with the same objective
            self._last.clear()
        dae = self._dae.network(vae)
        mu, logvar = vae.encode(batch.x)
        logits = vae.decode_logits(sample(mu, logvar, noise))
        likelihood, weight = vae.config.likelihood, vae.config.recon_weight
        pixels = recon_nll(
            logits, batch.x, likelihood=likelihood, recon_weight=weight, weight=batch.weight
        ).mean()
        recon = pixels
        if step >= self.dae_steps:
            # not vae.decode: its clamp to [0, 1] would stop the gradient
            x_hat = logits.sigmoid() if likelihood == "bernoulli" else logits
            with torch.no_grad():
                there = features(dae.encoder, batch.x)
            apart = (features(dae.encoder, x_hat) - there).square().sum(1)
            recon = self.weight * apart.mean()
        kl = kl_per_latent(mu, logvar).sum(1).mean()
        beta = self.beta(step)
        return recon + beta * kl, {
            "recon": recon, "kl": kl, "beta": beta, "pixels": pixels,
            "dae": self._last.get("recon", 0.0),
        }  # fmt: skip

    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """A step of the denoising autoencoder, until it is frozen."""
        if step >= self.dae_steps:
            return
        x = damaged(batch.x, torch.Generator().manual_seed(step), noise=0.0, mask=1.0)
        self._last["recon"] = self._dae.improve(
            lambda dae: reconstruction(dae, batch.x, dae.encode(x)[0], batch.weight)
        )

    def state_dict(self) -> dict[str, Any]:
        """The autoencoder, its optimizer and its last reconstruction error."""
        return {"dae": self._dae.state_dict(), "dae_recon": self._last.get("recon", 0.0)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with that autoencoder."""
        self._dae.load_state_dict(state["dae"])
        self._last["recon"] = float(state["dae_recon"])


def _arguments(values: Hyperparameters, annealing: Annealing) -> dict[str, Any]:
    fraction = values["dae_fraction"]
    if not 0.0 < fraction < 1.0:
        raise ValueError(
            f"dae_fraction must be above 0 and below 1, got {fraction:g}: it is the fraction of "
            "the training after which features take the place of pixels"
        )
    return {
        "beta": annealing.to(values["beta"]),
        "weight": values["weight"],
        "dae_steps": max(1, round(fraction * annealing.steps)),
    }


ENTRY = Entry(
    name="darla",
    objective=PerceptualObjective,
    source="Higgins et al. 2017b, eq. 2 and appendix A; its autoencoder trains along",
    purpose="reconstruct what matters to a network rather than each pixel",
    advice="beta: up for structure; weight: up for detail; dae_fraction: when features take over",
    arguments=_arguments,
    cost=2.1,
    paper={"beta": 1.0, "weight": 1.0, "dae_fraction": 0.5},
    tuned={"weight": 60.0, "dae_fraction": 0.25},
)
