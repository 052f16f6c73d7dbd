"""Mutual information gap (Chen et al. 2018, eq. 6) of encoder means: is each factor in one place?

    MIG = mean over factors k of  S_k(carrier) - S_k(rival)

with S the share of the factor's information: chance-adjusted I* = (I - E0) / (H - E0). Carrier and
rival are the two latents with the largest shares; for a cyclic factor each may be a pair that lays
out a circle (see ``circles``). The gap is taken before any clipping, then limited to [0, 1]: the
rival's share is slightly negative for noise, and a gap of 1.003 says nothing. With one active
latent the rival's share is 0, with none the score is 0.

``reference=True`` is disentanglement_lib's number: S = I / H with 20 equal-width bins by
np.digitize and plug-in information, factors with few values declared ``categorical``; always in
[0, 1]. It has no rule for cyclic factors and calls a perfectly separated circle (cos, sin) 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.binning import Binning
from bvae_rl.metrics.carriers import carriers
from bvae_rl.metrics.information import Information, measure


@dataclass(frozen=True, eq=False)
class MIG:
    """Score in [0, 1], its parts (K,), and what it was computed from.

    ``mutual_information`` (D, K) is the plug-in estimate and ``entropy`` (K,), both in nats;
    ``shares`` (D, K) are those of single latents, at most 1. ``carriers`` names the one or two
    latents that carry each factor (none without active latents); ``active_latents`` counts those
    that took part.
    """

    score: float
    per_factor: np.ndarray
    mutual_information: np.ndarray
    entropy: np.ndarray
    shares: np.ndarray
    carriers: tuple[tuple[int, ...], ...]
    active_latents: int


def mig(
    codes: Any,
    factors: Any,
    *,
    bins: int = 20,
    kinds: Sequence[Kind] | None = None,
    binning: Binning = "width",
    active: Any = None,
    reference: bool = False,
) -> MIG:
    """Mutual information gap of (N, D) codes and (N, K) factors; settings as for ``measure``.

    ValueError on unusable arrays.
    """
    return gap(
        measure(
            codes,
            factors,
            bins=bins,
            kinds=kinds,
            binning=binning,
            active=active,
            reference=reference,
        )
    )


def gap(information: Information) -> MIG:
    """The same, from information measured before."""
    carried = carriers(information)
    per_factor = np.clip([c.share - c.rival for c in carried], 0.0, 1.0)
    return MIG(
        float(per_factor.mean()),
        per_factor,
        information.mutual_information,
        information.entropy,
        information.shares,
        tuple(c.latents for c in carried),
        information.active_latents,
    )
