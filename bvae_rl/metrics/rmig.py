"""RMIG (Do & Tran 2020): MIG of samples z ~ q(z | x) in the place of their means.

``reference=True`` is the published, binned version: the posterior's mass in each of ``bins`` bins
of equal width over ``limits``, plug-in, over the factors' entropies. Tails lie in the outer bins;
these, 100 and the limits are our choice: give the published ones where numbers are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.chance import entropy
from bvae_rl.metrics.contingency import marginals
from bvae_rl.metrics.information import measure, to_cells
from bvae_rl.metrics.inputs import as_matrix
from bvae_rl.metrics.mig import MIG, gap
from bvae_rl.runtime.optional import require


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
    """RMIG of the posteriors N(codes, deviations**2), both (N, D), and (N, K) factors.

    By default one sample is drawn for each row with ``seed`` and cut into 20 ``bins``; in reference
    mode the bins are 100, the factors are cut into 20, and SciPy is needed. ValueError as for
    ``measure``, and for deviations that are negative or of another shape.
    """
    mean, spread = as_matrix(codes, "codes"), as_matrix(deviations, "deviations")
    if spread.shape != mean.shape or (spread < 0).any():
        raise ValueError(
            f"deviations must be at least 0 and of the codes' shape {mean.shape}, "
            f"got shape {spread.shape} and minimum {spread.min():g}"
        )
    if bins is None:
        bins = 100 if reference else 20
    if not reference:
        drawn = mean + spread * np.random.default_rng(seed).standard_normal(mean.shape)
        return gap(measure(drawn, factors, bins=bins, kinds=kinds, active=active))
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    if not limits[0] < limits[1]:
        raise ValueError(f"limits must be (low, high) with low < high, got {limits}")
    cells = to_cells(mean, factors, kinds=kinds, active=active, reference=True)
    nats_of_factors = entropy(marginals(cells.table.columns))
    edges = np.linspace(*limits, bins + 1)[1:-1]
    nats = np.array(
        [
            [_information(mass, level) for level in cells.table.columns]
            for mass in (_mass(m, s, edges) for m, s in zip(mean.T, spread.T, strict=True))
        ]
    )
    shares = np.where(cells.active[:, None], nats / nats_of_factors, 0.0)
    order = np.sort(shares, axis=0)[::-1]
    per_factor = order[0] - (order[1] if len(order) > 1 else 0.0)
    return MIG(
        float(per_factor.mean()),
        per_factor,
        nats,
        nats_of_factors,
        shares,
        tuple((int(j),) for j in shares.argmax(axis=0)),
        order[0],
        int(cells.active.sum()),
    )


def _mass(mean: np.ndarray, spread: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Posterior mass (N, bins) of one latent of (N,) means and deviations."""
    distance = edges - mean[:, None]  # (N, bins - 1)
    sharp = (spread == 0)[:, None]
    below = require("scipy.special", extra="metrics").ndtr(
        distance / np.where(sharp, 1, spread[:, None])
    )
    return np.diff(np.where(sharp, distance > 0, below), axis=1, prepend=0, append=1)


def _information(mass: np.ndarray, level: np.ndarray) -> float:
    joint = np.zeros((int(level.max()) + 1, mass.shape[1]))
    np.add.at(joint, level, mass / len(mass))
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    return max(float((joint * np.log(ratio)).sum()), 0.0)
