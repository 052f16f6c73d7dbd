"""Relatives of the mutual information gap: MIG-sup, DCIMIG, JEMMIG and modularity.

S_jk is the share that latent j holds of factor k (``carriers.held``: chance-adjusted, 0 for latents
without information beyond what chance may lead to; both latents of a circle hold the circle's
share), I_jk = S_jk H(v_k) in nats, and (1), (2) the largest and second largest. Gaps are taken
first and limited to [0, 1] then. All scores lie in [0, 1].

MIG-sup     (Li et al. 2020)  mean over active latents j of  S_j(1) - S_j(2)  over factors
DCIMIG      (Sepliarskaia et al. 2019)  sum_k max_j G_jk / sum_k H(v_k), where G_jk is
            I_j(1) - I_j(2) at the factor of which latent j holds most, and 0 elsewhere
JEMMIG      (Do & Tran 2020)  mean over k of (2 I_k(carrier) - I_k(rival)) / (H(v_k) + H(carrier)),
            carriers and rivals as for MIG
modularity  (Ridgeway & Mozer 2018)  mean over latents j of 1 - sum over k != k* of
            I_jk**2 / (I_jk***2 (K - 1)), k* the factor of which j holds most; over the latents
            that hold more than chance may give, 0 if there are none

With one factor (MIG-sup, DCIMIG) or one latent (JEMMIG) the second is 0, and every latent that
holds anything has modularity 1.

``reference=True`` measurements give the published numbers: plug-in shares I / H of single latents;
MIG-sup and modularity over all latents, of which those without information count 0 (of noise the
published modularity says nothing: it compares one chance information with another); JEMMIG as

    1 - (H(z_j*, v_k) - I(z_j*; v_k) + max over j != j* of I(z_j; v_k)) / (H(v_k) + log bins),

in which a latent without information, but narrower than its bins, does not score 0: that is why the
default divides by the entropy of the carrier.
"""

from __future__ import annotations

import numpy as np

from bvae_rl.metrics.carriers import carriers, held
from bvae_rl.metrics.chance import mean_in_order
from bvae_rl.metrics.information import Information
from bvae_rl.metrics.results import FactorScores, LatentScores


def mig_sup(information: Information) -> LatentScores:
    """MIG-sup; 0 without active latents."""
    best, second = _two_largest(held(information))
    return _mean_over(np.clip(best - second, 0.0, 1.0), information.active)


def modularity(information: Information) -> LatentScores:
    """Modularity; 0 without latents that hold information."""
    nats = np.maximum(held(information), 0.0) * information.entropy
    squared = np.square(nats)  # (D, K)
    best = squared.max(axis=1)
    informed = best > 0
    others = (squared.sum(axis=1) - best) / max(squared.shape[1] - 1, 1)
    per_latent = np.where(informed, 1 - others / np.where(informed, best, 1), 0.0)
    return _mean_over(per_latent, information.active if information.reference else informed)


def dcimig(information: Information) -> FactorScores:
    """DCIMIG; ``per_factor`` is the share of each factor's entropy that only its latent holds."""
    nats = held(information) * information.entropy
    best, second = _two_largest(nats)
    gains = np.zeros_like(nats)
    gains[np.arange(len(nats)), nats.argmax(axis=1)] = np.clip(best - second, 0.0, best)
    kept = gains.max(axis=0)
    return FactorScores(float(kept.sum() / information.entropy.sum()), kept / information.entropy)


def jemmig(information: Information) -> FactorScores:
    """JEMMIG; the score is the mean over factors, 0 by default without active latents."""
    found = carriers(information)
    best = np.maximum([one.share for one in found], 0.0) * information.entropy
    rival = np.maximum([one.rival for one in found], 0.0) * information.entropy
    code = np.array([one.entropy for one in found])
    if information.reference:
        excess = code + information.entropy - 2 * best + rival
        per_factor = 1 - excess / (information.entropy + np.log(information.bins))
    else:
        per_factor = (2 * best - rival) / (information.entropy + code)
    per_factor = np.clip(per_factor, 0.0, 1.0)  # rounding
    return FactorScores(float(per_factor.mean()), per_factor)


def _mean_over(per_latent: np.ndarray, counted: np.ndarray) -> LatentScores:
    score = mean_in_order(per_latent[counted]) if counted.any() else 0.0
    return LatentScores(score, per_latent, int(counted.sum()))


def _two_largest(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row; the second is 0 in a matrix of one column."""
    order = np.sort(matrix, axis=1)[:, ::-1]
    return order[:, 0], order[:, 1] if order.shape[1] > 1 else np.zeros(len(order))
