"""Relatives of the mutual information gap: MIG-sup, DCIMIG, JEMMIG and RMIG.

S_jk is the share that latent j holds of factor k (``carriers.held``: chance-adjusted, 0 for latents
that know no factor beyond what chance may lead to; both latents of a circle hold the circle's
share), I_jk = S_jk H(v_k) in nats, and (1), (2) the largest and second largest. Gaps are taken
first and limited to [0, 1] then.

MIG-sup   (Li et al. 2020)  mean over active latents j of  S_j(1) - S_j(2)  over factors
DCIMIG    (Sepliarskaia et al. 2019)  sum_k max_j G_jk / sum_k H(v_k), where G_jk is I_j(1) - I_j(2)
          at the factor latent j knows most about, and 0 elsewhere
JEMMIG    (Do & Tran 2020)  mean over k of (2 I_k(carrier) - I_k(rival)) / (H(v_k) + H(carrier)),
          carriers and rivals as for MIG
RMIG      (Do & Tran 2020)  MIG of samples z ~ q(z | x) in the place of their means

With one factor (MIG-sup, DCIMIG) or one latent (JEMMIG, RMIG) the second is 0. All lie in [0, 1].

``reference=True`` measurements give the published numbers: plug-in shares I / H of single latents;
MIG-sup over all latents; and JEMMIG as

    1 - (H(z_j*, v_k) - I(z_j*; v_k) + max over j != j* of I(z_j; v_k)) / (H(v_k) + log bins),

which a code that knows nothing, but is narrower than its bins, does not score 0: that is why the
default divides by the entropy of the carrier. RMIG is there the binned version, see ``rmig``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.binning import factor_cells
from bvae_rl.metrics.carriers import carriers, held
from bvae_rl.metrics.chance import mean_in_order
from bvae_rl.metrics.information import Information, measure
from bvae_rl.metrics.inputs import as_matrix, check
from bvae_rl.metrics.mig import MIG, gap
from bvae_rl.runtime.optional import require


@dataclass(frozen=True, eq=False)
class MIGSup:
    """Score in [0, 1] and the gap of each latent (D,), 0 for inactive ones."""

    score: float
    per_latent: np.ndarray
    active_latents: int


@dataclass(frozen=True, eq=False)
class FactorGap:
    """Score in [0, 1] and its parts by factor (K,)."""

    score: float
    per_factor: np.ndarray


def mig_sup(information: Information) -> MIGSup:
    """MIG-sup; 0 without active latents."""
    best, second = _two_largest(held(information))
    per_latent = np.clip(best - second, 0.0, 1.0)
    active = information.active
    score = mean_in_order(per_latent[active]) if active.any() else 0.0
    return MIGSup(score, per_latent, information.active_latents)


def dcimig(information: Information) -> FactorGap:
    """DCIMIG; ``per_factor`` is the share of each factor's entropy that only its latent holds."""
    nats = held(information) * information.entropy
    best, second = _two_largest(nats)
    gains = np.zeros_like(nats)
    gains[np.arange(len(nats)), nats.argmax(axis=1)] = np.clip(best - second, 0.0, best)
    kept = gains.max(axis=0)
    return FactorGap(float(kept.sum() / information.entropy.sum()), kept / information.entropy)


def jemmig(information: Information) -> FactorGap:
    """JEMMIG; the score is the mean over factors, 0 by default without active latents."""
    carried = carriers(information)
    best = np.maximum([c.share for c in carried], 0.0) * information.entropy
    rival = np.maximum([c.rival for c in carried], 0.0) * information.entropy
    code = np.array([c.entropy for c in carried])
    if information.reference:
        excess = code + information.entropy - 2 * best + rival
        per_factor = 1 - excess / (information.entropy + np.log(information.bins))
    else:
        per_factor = (2 * best - rival) / (information.entropy + code)
    per_factor = np.clip(per_factor, 0.0, 1.0)  # rounding
    return FactorGap(float(per_factor.mean()), per_factor)


def rmig(
    codes: Any,
    factors: Any,
    *,
    deviations: Any,
    bins: int | None = None,
    limits: tuple[float, float] = (-4.0, 4.0),
    kinds: Sequence[Kind] | None = None,
    active: Any = None,
    reference: bool = False,
    seed: int = 0,
) -> MIG:
    """MIG of samples of the posteriors N(codes, deviations**2), both (N, D).

    By default one sample is drawn for each row with ``seed`` and cut into 20 ``bins``. In
    reference mode the posterior's mass in each of 100 ``bins`` of equal width over ``limits`` is
    used, plug-in; needs SciPy. Tails lie in the outer bins; these, 100 and the limits are our
    choice: give the published ones where numbers are compared. Divided by the factors' entropies.
    ValueError as for ``measure``, and for deviations that are negative or of another shape.
    """
    mean, spread = as_matrix(codes, "codes"), as_matrix(deviations, "deviations")
    if spread.shape != mean.shape or (spread < 0).any():
        raise ValueError(
            f"deviations must be at least 0 and of the codes' shape {mean.shape}, "
            f"got shape {spread.shape} and minimum {spread.min():g}"
        )
    if not reference:
        noise = np.random.default_rng(seed).standard_normal(mean.shape)
        drawn = mean + spread * noise
        return gap(measure(drawn, factors, bins=bins or 20, kinds=kinds, active=active))
    if not limits[0] < limits[1]:
        raise ValueError(f"limits must be (low, high) with low < high, got {limits}")
    plain = measure(mean, factors, kinds=kinds, active=active, reference=True)
    levels = factor_cells(check(mean, factors, kinds=kinds), 20, "width", reference=True).T
    edges = np.linspace(*limits, (bins or 100) + 1)[1:-1]
    nats = np.array(
        [_mass_information(m, s, levels, edges) for m, s in zip(mean.T, spread.T, strict=True)]
    )
    shares = np.where(plain.active[:, None], nats / plain.entropy, 0.0)
    order = np.sort(shares, axis=0)[::-1]
    per_factor = order[0] - (order[1] if len(order) > 1 else 0.0)
    best = tuple((int(j),) for j in shares.argmax(axis=0))
    return MIG(
        float(per_factor.mean()),
        per_factor,
        nats,
        plain.entropy,
        shares,
        best,
        plain.active_latents,
    )


def _mass_information(
    mean: np.ndarray, spread: np.ndarray, levels: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """I (K,) of one latent's posterior mass, (N,) means and deviations, and (K, N) factors."""
    distance = edges - mean[:, None]  # (N, bins - 1)
    sharp = (spread == 0)[:, None]
    scaled = distance / np.where(sharp, 1, spread[:, None])
    below = require("scipy.special", extra="metrics").ndtr(scaled)
    below = np.where(sharp, distance > 0, below)
    mass = np.diff(below, axis=1, prepend=0, append=1)  # (N, bins)
    return np.array([_information(mass, level) for level in levels])


def _information(mass: np.ndarray, level: np.ndarray) -> float:
    joint = np.zeros((int(level.max()) + 1, mass.shape[1]))
    np.add.at(joint, level, mass / len(mass))
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    return max(float((joint * np.log(ratio)).sum()), 0.0)


def _two_largest(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row; the second is 0 in a matrix of one column."""
    order = np.sort(matrix, axis=1)[:, ::-1]
    return order[:, 0], order[:, 1] if order.shape[1] > 1 else np.zeros(len(order))
