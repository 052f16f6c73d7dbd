"""Groups of stored frames that share a factor, for scores that otherwise need an environment.

The FactorVAE and BetaVAE scores look at frames of which one factor is the same and the others are
as they come. Where frames are given, such groups are found among them instead of drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bvae_rl.data.factors import FactorSpec

PARTS = 20  # of the range of a factor that has a value of its own in each frame
LEAST = 8  # different frames of a group


def fixed_factor_rows(
    factors: np.ndarray, specs: Sequence[FactorSpec], n_groups: int, size: int, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (G, L) of ``factors`` (N, K), and the column that each group shares (G,).

    A group shares a value; of a factor with more than ``PARTS`` values, a twentieth of the frames
    in its order. Rows are drawn with replacement among those that do, which are at least ``LEAST``.
    ValueError if no factor has so many frames of a value.
    """
    rng = np.random.default_rng(seed)
    found = {
        k: parts
        for k in range(len(specs))
        if np.ptp(factors[:, k]) > 0 and (parts := _parts(factors[:, k]))
    }
    if not found:
        raise ValueError(
            f"no factor has a value that {LEAST} of the {len(factors)} frames share, so there are "
            "no groups to score; give more frames, or leave factor_vae and beta_vae out"
        )
    fixed = rng.choice(list(found), size=n_groups)
    rows = [rng.choice(found[k][rng.integers(len(found[k]))], size=size) for k in fixed]
    return np.stack(rows), fixed


def _parts(values: np.ndarray) -> list[np.ndarray]:
    """Rows that share a value, or a part of the range; those of too few frames are left out."""
    distinct, number = np.unique(values, return_inverse=True)
    if len(distinct) > PARTS:
        number = np.argsort(np.argsort(values, kind="stable"), kind="stable") * PARTS // len(values)
    parts = (np.flatnonzero(number == n) for n in range(number.max() + 1))
    return [part for part in parts if len(part) >= LEAST]
