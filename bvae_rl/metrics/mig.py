"""Mutual information gap (Chen et al. 2018, eq. 6) of encoder means: is each factor in one place?

    MIG = mean over factors k of  S_k(carrier) - S_k(rival)

with S the share of the factor's information: chance-adjusted I* = (I - E0) / (H - E0). Carrier and
rival are the two latents with the largest shares; for a cyclic factor each may be a pair that lays
out a circle (see ``circles``). The gap is taken before any clipping, then limited to [0, 1]: the
rival's share is slightly negative for noise, and a gap of 1.003 says nothing. With one active
latent the rival's share is 0, with none the score is 0.

``reference=True`` is disentanglement_lib's number: S = I / H with 20 equal-width bins by
np.digitize and plug-in information, factors with few values declared ``categorical``; always in
[0, 1]. It has no rule for cyclic factors and gives a perfectly separated circle (cos, sin) 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from bvae_rl.metrics.carriers import carriers
from bvae_rl.metrics.information import Information, Settings, measure


@dataclass(frozen=True, eq=False)
class MIG:
    """Score in [0, 1], its parts (K,), and what it was computed from.

    ``mutual_information`` (D, K) is the plug-in estimate and ``entropy`` (K,), both in nats;
    ``shares`` (D, K) are those of single latents, at most 1. ``carriers`` names the one or two
    latents that carry each factor (none without active latents), ``carried`` (K,) is their share;
    ``active_latents`` counts those that took part.
    """

    score: float
    per_factor: np.ndarray
    mutual_information: np.ndarray
    entropy: np.ndarray
    shares: np.ndarray
    carriers: tuple[tuple[int, ...], ...]
    carried: np.ndarray
    active_latents: int


def mig(codes: Any, factors: Any, **settings: Unpack[Settings]) -> MIG:
    """Mutual information gap of (N, D) codes and (N, K) factors.

    Settings and errors as for ``measure``: ``bins``, ``kinds``, ``binning``, ``active``,
    ``reference``.
    """
    return gap(measure(codes, factors, **settings))


def gap(information: Information) -> MIG:
    """The same, from information measured before."""
    found = carriers(information)
    per_factor = np.clip([one.share - one.rival for one in found], 0.0, 1.0)
    return MIG(
        float(per_factor.mean()),
        per_factor,
        information.mutual_information,
        information.entropy,
        information.shares,
        tuple(one.latents for one in found),
        np.array([one.share for one in found]),
        information.active_latents,
    )
