"""A regressor of the true factors: no VAE, but an upper bound for an encoder of this size.

Latent k regresses factor k, scaled to [-1, 1]; the loss is ``weight`` times the squared error,
summed over factors and averaged over the batch. The decoder is trained on the same codes without
touching them, so that pictures can be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch, Pairing, with_factors
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import positive
from bvae_rl.training.objectives.elbo import reconstruction
from bvae_rl.training.objectives.entry import Entry


@dataclass(frozen=True)
class SupervisedObjective(LikelihoodObjective):
    """``weight`` of the regression beside the decoder's loss."""

    name = "supervised"

    weight: float = 100.0

    def __post_init__(self) -> None:
        positive(weight=self.weight)

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Single frames with their factors in [-1, 1]; ValueError if the store has none."""
        specs = rows.store.factor_specs
        if len(specs) != vae.latent_dim:
            raise ValueError(
                f"a regressor has one latent a factor: the store knows {len(specs)} factors, the "
                f"VAE has {vae.latent_dim} latents"
            )
        draw = with_factors(rows)

        def scaled(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
            batch = draw(store, rng, images)
            assert batch.factors is not None
            return replace(batch, factors=unit_factors(batch.factors, specs))

        return scaled

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """weight * squared error of the factors, plus recon for the decoder."""
        assert batch.factors is not None
        mu, _ = vae.encode(batch.x)
        error = (mu - batch.factors).square().sum(1).mean()
        recon = reconstruction(vae, batch.x, mu.detach(), batch.weight)
        loss = recon + self.weight * error
        return loss, {"recon": recon, "kl": 0.0, "beta": 0.0, "error": error}


def unit_factors(factors: Tensor, specs: Sequence[FactorSpec]) -> Tensor:
    """Factors (B, K) scaled from the range of each spec to [-1, 1]; categories by their number."""
    columns = [_unit(column, spec) for column, spec in zip(factors.unbind(1), specs, strict=True)]
    return torch.stack(columns, dim=1)


def _unit(values: Tensor, spec: FactorSpec) -> Tensor:
    if spec.kind == "categorical":
        known = torch.tensor(spec.values, dtype=values.dtype)
        number = (values[:, None] - known).abs().argmin(1).to(values.dtype)
        return 2.0 * number / (len(known) - 1) - 1.0
    return 2.0 * (values - spec.low) / (spec.high - spec.low) - 1.0


ENTRY = Entry(
    name="supervised",
    objective=SupervisedObjective,
    source="least squares; an upper bound",
    purpose="what an encoder can know if it is trained with all factors as labels",
    advice="weight: of the regression",
    paper={"weight": 100.0},
    groups=True,
    factors=True,
)
