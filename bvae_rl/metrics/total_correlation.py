"""Total correlation of the latents as if they were Gaussian: how far are they from independent?

TC = 1/2 (sum_j log C_jj - log det C) nats, with C the covariance of the latents: the KL divergence
of a Gaussian of that covariance from the product of its marginals (Watanabe 1960; reported by
Locatello et al. 2019). 0 for uncorrelated latents, infinite where one is a linear combination of
others; shifts and scales do not matter. Only linear dependence is seen.

Exactly constant latents are left out. The plug-in estimate is biased upwards, by D (D - 1) / 4N at
first order; the default subtracts the bias, which has a closed form for Gaussian latents (Wishart),
so that independent ones give 0 on average and slightly negative values occur. ``reference=True``
does not subtract it, as disentanglement_lib.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.metrics.inputs import as_matrix
from bvae_rl.runtime.optional import require


@dataclass(frozen=True, eq=False)
class TotalCorrelation:
    """Nats, the latents it was computed from, and their correlations (D', D')."""

    nats: float
    latents: tuple[int, ...]
    correlation: np.ndarray


def gaussian_total_correlation(codes: Any, *, reference: bool = False) -> TotalCorrelation:
    """Gaussian total correlation of (N, D) codes; the correction needs scipy.

    Fewer than two latents that change have none: 0 nats. ValueError for unusable arrays and for
    fewer samples than such latents plus two.
    """
    z = as_matrix(codes, "codes")
    latents = tuple(int(j) for j in np.flatnonzero(np.ptp(z, axis=0) > 0)) if len(z) else ()
    if len(z) < len(latents) + 2:
        raise ValueError(
            f"{len(z)} samples do not determine the covariance of {len(latents)} latents; at "
            f"least {len(latents) + 2} are needed"
        )
    x = z[:, list(latents)] - z[:, list(latents)].mean(axis=0)
    x = x / np.abs(x).max(axis=0, initial=0)
    x = x / np.sqrt(np.square(x).sum(axis=0))
    correlation = x.T @ x
    if len(latents) < 2:
        return TotalCorrelation(0.0, latents, correlation)
    spread = np.linalg.eigvalsh(correlation)
    if spread[0] < len(spread) * np.finfo(float).eps:
        return TotalCorrelation(float("inf"), latents, correlation)
    nats = -0.5 * float(np.log(spread).sum())
    if not reference:
        nats -= _bias(len(latents), len(z) - 1)
    return TotalCorrelation(nats, latents, correlation)


def _bias(size: int, freedom: int) -> float:
    """Mean of the plug-in estimate minus the truth, for Gaussian latents."""
    digamma = require("scipy.special", extra="metrics").digamma
    lost = digamma((freedom - np.arange(size)) / 2) - digamma(freedom / 2)
    return float(-0.5 * lost.sum())
