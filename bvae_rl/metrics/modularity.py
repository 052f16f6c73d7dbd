"""Modularity (Ridgeway & Mozer 2018): does each latent serve one factor only?

For latent j with information I_jk on the K factors in nats and k* its best factor:

    M_j = 1 - sum over k != k* of I_jk**2 / (I_jk***2 (K - 1))        score = mean over latents j

in [0, 1]. By default I is chance-adjusted (``carriers.held``), both latents of a pair that lays out
a cyclic factor hold the pair's information, and the mean is over the latents that know more than
chance may give; they are counted, and the score is 0 if there are none. Of noise the published
score says nothing: it compares one chance information with another.

Reference mode: plug-in information, mean over all latents, of which those that know nothing at all
count 0. With a single factor every latent that knows something scores 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bvae_rl.metrics.carriers import held
from bvae_rl.metrics.chance import mean_in_order
from bvae_rl.metrics.information import Information


@dataclass(frozen=True, eq=False)
class Modularity:
    """Score in [0, 1], its parts (D,), and how many latents know something about some factor.

    Latents that know nothing have 0; whether they count is stated above.
    """

    score: float
    per_latent: np.ndarray
    informative_latents: int


def modularity(information: Information) -> Modularity:
    """Modularity, from information measured before."""
    nats = np.maximum(held(information), 0.0) * information.entropy
    squared = np.square(nats)  # (D, K)
    best = squared.max(axis=1)
    known = best > 0
    others = (squared.sum(axis=1) - best) / max(squared.shape[1] - 1, 1)
    per_latent = np.where(known, 1 - others / np.where(known, best, 1), 0.0)
    counted = information.active if information.reference else known
    score = mean_in_order(per_latent[counted]) if counted.any() else 0.0
    return Modularity(score, per_latent, int(known.sum()))
