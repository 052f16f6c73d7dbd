"""The latent-against-factor matrix in the payload, and the points of its scatters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.report.explorer.factor_names import factor_entries
from bvae_rl.report.explorer.payload import packed

POINTS = 400  # of a scatter


class Bounded(NamedTuple):
    """Numbers and the ends of their intervals, three arrays of one shape."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Scored:
    """The matrices (D, K) of one VAE, and its (N, D) ``codes``.

    ``information``: shares; ``nats``: mutual information; ``importance``: of DCI; ``r2``: of probes
    of a latent alone; ``together`` (K,): of probes of all latents.
    """

    information: Bounded
    nats: np.ndarray
    importance: Bounded
    r2: Bounded
    together: Bounded
    codes: np.ndarray


def matrix_entry(
    scored: Sequence[Scored],
    factors: np.ndarray,
    specs: Sequence[FactorSpec],
    *,
    level: float = 0.95,
    about: str = "",
) -> dict[str, Any]:
    """``payload["matrix"]`` of VAEs on the same frames, whose ``factors`` (N, K) the K ``specs``
    describe. ``level`` is that of the intervals, ``about`` says which frames they were.
    """
    few = np.linspace(0, len(factors) - 1, min(POINTS, len(factors))).astype(int)
    return {
        "factors": factor_entries(specs),
        "samples": len(factors),
        "level": level,
        "about": about,
        "points": packed(factors[few], "f4"),
        "vaes": [
            {
                "information": _bounded(one.information),
                "nats": packed(one.nats, "f4"),
                "importance": _bounded(one.importance),
                "r2": _bounded(one.r2),
                "together": _bounded(one.together),
                "codes": packed(one.codes[few], "f2"),
            }
            for one in scored
        ],
    }


def _bounded(found: Bounded) -> dict[str, Any]:
    return {name: packed(values, "f4") for name, values in found._asdict().items()}
