"""Mutual information gap (Chen et al. 2018, eq. 6), as in disentanglement_lib (encoder means).

Per factor: the gap between the two latents that know most about it, divided by the factor's
entropy; the score is the mean over factors. Binning and kinds as in ``information``; a factor
with few discrete values declared ``categorical`` gives disentanglement_lib's number exactly.

What it cannot see: a cyclic factor needs two latents to be laid out without a cut, and these
share its information, so that a perfectly separated circle (cos, sin) scores 0. Read DCI or R2
beside it. With a single latent the second best is 0. The bias of plug-in information cancels in
part in the gap, but what is left is not zero: print the number of samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.factors import Kind
from bvae_rl.metrics.information import Information, measure


@dataclass(frozen=True, eq=False)
class MIG:
    """Score in [0, 1], its parts (K,), and what it was computed from (nats)."""

    score: float
    per_factor: np.ndarray
    mutual_information: np.ndarray
    entropy: np.ndarray


def mig(codes: Any, factors: Any, *, bins: int = 20, kinds: Sequence[Kind] | None = None) -> MIG:
    """Mutual information gap of (N, D) codes and (N, K) factors; ValueError on unusable arrays."""
    return gap(measure(codes, factors, bins=bins, kinds=kinds))


def gap(information: Information) -> MIG:
    """The same, from information measured before."""
    best = np.sort(information.mutual_information, axis=0)[::-1]  # (D, K), largest first
    second = best[1] if len(best) > 1 else np.zeros_like(best[0])
    per_factor = (best[0] - second) / information.entropy
    return MIG(
        float(per_factor.mean()), per_factor, information.mutual_information, information.entropy
    )
