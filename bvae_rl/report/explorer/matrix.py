"""The latent-against-factor matrix in the payload, and the points of its scatters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.intervals import Interval
from bvae_rl.metrics.pairs import PairScores
from bvae_rl.report.explorer.factor_names import factor_entries
from bvae_rl.report.explorer.payload import packed

POINTS = 400  # of a scatter


def matrix_entry(
    scores: Sequence[PairScores],
    codes: Sequence[np.ndarray],
    factors: np.ndarray,
    specs: Sequence[FactorSpec],
    *,
    about: str = "",
) -> dict[str, Any]:
    """``payload["matrix"]``: for each VAE its ``scores`` and (N, D) ``codes`` of the same frames.

    ``factors`` (N, K) are those of ``specs``; of these the ones that change have been scored.
    ``about`` says which frames they were.
    """
    kept = scores[0].factors
    columns = [list(specs).index(spec) for spec in kept]
    few = np.linspace(0, len(factors) - 1, min(POINTS, len(factors))).astype(int)
    return {
        "factors": factor_entries(kept),
        "samples": scores[0].samples,
        "level": scores[0].information.level,
        "about": about,
        "points": packed(factors[few][:, columns], "f4"),
        "vaes": [
            {
                "information": _interval(one.information),
                "nats": packed(one.nats, "f4"),
                "importance": _interval(one.importance),
                "r2": _interval(one.r2),
                "together": _interval(one.together),
                "codes": packed(found[few], "f2"),
            }
            for one, found in zip(scores, codes, strict=True)
        ],
    }


def _interval(found: Interval) -> dict[str, Any]:
    parts = {"value": found.estimate, "low": found.low, "high": found.high}
    return {name: packed(values, "f4") for name, values in parts.items()}
