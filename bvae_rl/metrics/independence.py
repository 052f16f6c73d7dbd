"""How independent the latents are of each other: needs no factors (Locatello et al. 2019).

A VAE that shows a factor by two latents, or bends a plane of two factors over its latents, has
latents that tell of each other; one latent for each of independent factors does not.

    1 - mean over active latents i of max over active j != i of S(i; j),

S the share of i's information that j holds, adjusted for chance as in ``information``. Where the
frames' own factors depend on each other, as on-policy, so do the best latents: compare on the same
frames alone. disentanglement_lib's mutual-information score is the mean over pairs; the largest of
each latent does not fade where most latents have nothing to do with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.metrics.information import measure
from bvae_rl.metrics.inputs import as_matrix


@dataclass(frozen=True, eq=False)
class Independence:
    """Score in [0, 1], 1 for independent latents, and the shares (D, D), 0 on the diagonal."""

    score: float
    shares: np.ndarray


def independence(codes: Any, *, bins: int = 20, active: Any = None) -> Independence:
    """Independence of (N, D) codes in ``bins`` bins of equally many samples.

    ``active`` (D,) marks the latents that count, of those that change. Fewer than two have nothing
    to depend on: 1. Errors as for ``measure``.
    """
    z = as_matrix(codes, "codes")
    changing = np.ptp(z, axis=0) > 0 if len(z) else np.zeros(z.shape[1], bool)
    latents = np.flatnonzero(changing if active is None else changing & np.asarray(active, bool))
    shares = np.zeros((z.shape[1], z.shape[1]))
    if len(latents) < 2:
        return Independence(1.0, shares)
    counted = z[:, latents]
    found = measure(counted, counted, bins=bins, binning="quantile").shares
    np.fill_diagonal(found, 0.0)
    shares[np.ix_(latents, latents)] = found
    return Independence(float(1.0 - np.clip(found.max(axis=0), 0.0, 1.0).mean()), shares)
