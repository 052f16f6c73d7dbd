"""beta-TCVAE (Chen et al. 2018, arXiv 1802.04942, eq. 4): the KL in three parts, each weighed.

    E_x KL(q(z|x) || p(z)) =  I(z; n)                        index-code mutual information
                            + KL(q(z) || prod_j q(z_j))      total correlation
                            + sum_j KL(q(z_j) || p(z_j))     dimension-wise KL

q(z) is estimated from the batch by minibatch weighted sampling (section 4.1). The three estimates
add up to log q(z|x) - log p(z) at the sampled z, whatever the estimate of q(z). So the loss takes
the KL in closed form and the estimates only for what differs from it, which has less variance and
the same mean:

    recon + gamma * KL + (alpha - gamma) * I + (beta - gamma) * TC

With all three weights 1 it is the VAE, to the last digit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch, Pairing, single
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.schedules import Schedule


@dataclass(frozen=True)
class KLTerms:
    """Means over the batch, scalars, in nats."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor


def kl_terms(z: Tensor, mu: Tensor, logvar: Tensor, *, size: int) -> KLTerms:
    """Decompose the KL of samples ``z`` (B, D) of their posteriors, from a data set of ``size``.

    The estimate of q(z) is sum_j q(z | x_j) / (B * size). ``size`` is thus a constant in each
    logarithm: it moves I by log(size), TC by (D - 1) * log(size) and the rest by the opposite, and
    no gradient. With ``size`` 1 the batch is taken for the data, and TC of independent latents is
    near 0.
    """
    pairwise = log_density(z[:, None], mu[None], logvar[None])  # (B, B, D): sample, posterior
    constant = math.log(len(z) * size)
    joint = torch.logsumexp(pairwise.sum(2), 1) - constant  # (B,)
    marginals = (torch.logsumexp(pairwise, 1) - constant).sum(1)  # (B,)
    conditional = log_density(z, mu, logvar).sum(1)
    prior = log_density(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return KLTerms(
        (conditional - joint).mean(), (joint - marginals).mean(), (marginals - prior).mean()
    )


def log_density(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; mu, exp(logvar)) of each element, in nats."""
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu).square() * (-logvar).exp())


@dataclass(frozen=True)
class TCVAEObjective(LikelihoodObjective):
    """``alpha``, ``beta``, ``gamma`` are schedules of the three weights, in the order of eq. 4.

    What is logged rests on the number of training frames, which ``pairing`` looks up.
    """

    name = "tc"

    alpha: Schedule
    beta: Schedule
    gamma: Schedule
    _size: int = field(default=1, init=False, repr=False, compare=False)  # training frames

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Single frames, which are counted."""
        object.__setattr__(self, "_size", len(rows.train))
        return single(rows)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + alpha * I + beta * TC + gamma * dimension-wise KL."""
        e = elbo(vae, batch, noise)
        terms = kl_terms(e.z, e.mu, e.logvar, size=self._size)
        alpha, beta, gamma = self.alpha(step), self.beta(step), self.gamma(step)
        loss = (
            e.recon
            + gamma * e.mean_kl
            + (alpha - gamma) * terms.mutual_information
            + (beta - gamma) * terms.total_correlation
        )
        return loss, {
            "recon": e.recon, "kl": e.mean_kl, "beta": beta, "mi": terms.mutual_information,
            "tc": terms.total_correlation, "dimension_kl": terms.dimension_wise,
        }  # fmt: skip


ENTRY = Entry(
    name="tc",
    objective=TCVAEObjective,
    source="Chen et al. 2018, eq. 4, minibatch weighted sampling",
    purpose="independent latents at less cost in detail than a large beta",
    advice="beta (of the total correlation): up for independence; alpha, gamma as in the VAE",
    annealed=("alpha", "beta", "gamma"),
    paper={"alpha": 1.0, "beta": 6.0, "gamma": 1.0},
    tuned={"beta": 4.0},
)
