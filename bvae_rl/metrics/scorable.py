"""Factors of a few frames that no score takes, and why: so that all others are scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.binning import arcs

ARCS = 20  # bins of a circle, as scores have them


def unscorable(factors: np.ndarray, specs: Sequence[FactorSpec]) -> dict[str, str]:
    """Why a column of ``factors`` (N, K) cannot be scored, by the name of its spec.

    A value that is not finite, or a cyclic factor that stays within one of 20 arcs of its circle
    without being constant. Constant ones are left to ``inputs.changing``.
    """
    found: dict[str, str] = {}
    for values, spec in zip(np.asarray(factors, float).T, specs, strict=True):
        if bad := int((~np.isfinite(values)).sum()):
            found[spec.name] = f"not finite in {bad} of {len(values)} frames"
        elif spec.kind == "cyclic" and np.ptp(values) > 0:
            turns = (values[:, None] - spec.low) / (spec.high - spec.low)
            if np.ptp(arcs(turns, ARCS, "width")) == 0:
                found[spec.name] = f"moves by less than a {ARCS}th of its circle"
    return found


def scorable(
    factors: np.ndarray, specs: Sequence[FactorSpec], *, say: Callable[[str], None]
) -> tuple[np.ndarray, tuple[FactorSpec, ...]]:
    """The other columns and their specs; what is left out is said by name."""
    left = unscorable(factors, specs)
    if left:
        say(f"not scored: {', '.join(f'{name} ({why})' for name, why in left.items())}")
    kept = [k for k, spec in enumerate(specs) if spec.name not in left]
    return factors[:, kept], tuple(specs[k] for k in kept)
