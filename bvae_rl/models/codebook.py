"""Latent quantisation (Hsu et al. 2023, QLAE, arXiv 2305.18378).

Each latent takes one of a few learned values of its own, the nearest to what the encoder says:

    z_d = argmin over v in V_d of |mu_d - v|,    V_d starts as V values from -1/2 to 1/2

and the gradient passes as if nothing had happened (straight through, Bengio et al. 2013). The
codebook is the encoder's last layer, so whoever runs or copies the encoder gets quantised codes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LOGVAR = -12.0  # a point: the narrowest posterior that ``BetaVAE.encode`` gives


class Codebook(nn.Module):
    """``values`` (D, V), learned: of ``latent_dim`` D, each with ``levels`` V values."""

    def __init__(self, latent_dim: int, levels: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.linspace(-0.5, 0.5, levels).repeat(latent_dim, 1))

    def nearest(self, mu: Tensor) -> Tensor:
        """mu (B, D) -> the nearest values (B, D); their gradient goes to the values alone."""
        return quantise(mu.detach(), self.values)

    def forward(self, output: Tensor) -> Tensor:
        """An encoder's output (B, 2 * D) -> quantised means, and log variances of points."""
        mu = output[:, : len(self.values)].float()
        z = straight_through(mu, self.nearest(mu))
        return torch.cat([z, torch.full_like(z, LOGVAR)], dim=1)


def quantise(mu: Tensor, values: Tensor) -> Tensor:
    """mu (B, D) -> the nearest of ``values`` (D, V) of each latent, (B, D); of two the first."""
    level = (mu[:, :, None] - values).abs().argmin(dim=2)  # (B, D)
    return values[torch.arange(len(values), device=values.device), level]


def straight_through(mu: Tensor, quantised: Tensor) -> Tensor:
    """``quantised``, bit for bit, with the gradient of ``mu``."""
    return quantised.detach() + (mu - mu.detach())  # the bracket is 0
