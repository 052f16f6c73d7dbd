"""InfoMEC (Hsu et al. 2023, QLAE): modularity, explicitness and compactness from information.

From the matrix S (D, K) of shares of the factors' information:

    InfoM = (mean_j max_k S_jk / sum_k S_jk - 1/K) / (1 - 1/K)        over latents
    InfoC = (mean_k max_j S_jk / sum_j S_jk - 1/D) / (1 - 1/D)        over factors, D active latents

and InfoE from ``infoe``. All lie in [0, 1] by default; InfoM is 1 with a single factor and InfoC
with a single active latent, if anything is held.

By default S is chance-adjusted (``carriers.held``), InfoM is the mean over latents that hold more
than chance may give and InfoC over factors that some latent holds (0 if there are none): the
published ratios of noise compare one chance information with another. For InfoC a pair of latents
that lays out a cyclic factor counts as one.

Reference mode follows the published code: S from nearest neighbours (``mutual_info_classif``, 10
neighbours, its noise drawn with ``seed``; plug-in entropies), latents of at most 1/20 of the
largest range pruned, means over all others; a latent without information, where the published
code has no number, counts as if it held all factors alike. That continuous and cyclic factors are
cut into bins is our extension. Needs scikit-learn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from bvae_rl.metrics.carriers import held, on_circles
from bvae_rl.metrics.chance import entropy, mean_in_order
from bvae_rl.metrics.contingency import marginals
from bvae_rl.metrics.infoe import infoe
from bvae_rl.metrics.information import Cells, Information, Settings, count, to_cells
from bvae_rl.metrics.inputs import as_matrix
from bvae_rl.runtime.optional import require


@dataclass(frozen=True, eq=False)
class InfoMEC:
    """The three scores in [0, 1], the shares (D, K) behind the first two, and the active latents.

    In reference mode InfoE may lie below 0 and shares above 1.
    """

    infom: float
    infoe: float
    infoc: float
    shares: np.ndarray
    active: np.ndarray
    infoe_per_factor: np.ndarray


def infomec(codes: Any, factors: Any, *, seed: int = 0, **settings: Unpack[Settings]) -> InfoMEC:
    """InfoMEC of (N, D) codes and (N, K) factors; ``seed`` draws the split for InfoE.

    Settings and errors as for ``measure``.
    """
    cells = to_cells(codes, factors, **settings)
    if cells.reference:
        shares, active = _published(as_matrix(codes, "codes"), cells, seed)
        m = _purity(shares, active)
        c = _purity(shares[active].T, np.full(shares.shape[1], active.any()))
    else:
        information = count(cells)
        shares, active = held(information), information.active
        m, c = infom(information), infoc(information)
    linear = infoe(
        codes, factors, kinds=settings.get("kinds"), bins=cells.bins, reference=cells.reference,
        seed=seed,
    )  # fmt: skip
    return InfoMEC(m, linear.score, c, shares, active, linear.per_factor)


def infom(information: Information) -> float:
    """InfoM in [0, 1], from information measured before."""
    return _purity(held(information), np.any(information.evident, axis=1))


def infoc(information: Information) -> float:
    """InfoC in [0, 1], from information measured before."""
    shares, merged = held(information), np.zeros(len(information.entropy), dtype=int)
    for k, carrier in on_circles(information):
        shares[list(carrier.latents[1:]), k] = 0.0
        merged[k] = len(carrier.latents) - 1
    evident = np.any(information.evident, axis=0)
    return _purity(shares[information.active].T, evident, fewer=merged)


def _purity(shares: np.ndarray, counted: np.ndarray, *, fewer: Any = 0) -> float:
    """Mean over the counted rows of how far the largest of M shares makes their sum, in [0, 1].

    ``fewer`` is subtracted from M, row by row. A row of zeros counts as one of equal shares.
    """
    if not counted.any():
        return 0.0
    best = shares.max(axis=1)
    total = np.maximum([math.fsum(row) for row in shares], best)
    least = 1 / np.maximum(np.broadcast_to(shares.shape[1] - fewer, best.shape), 1)
    top = np.where(best > 0, best / np.where(best > 0, total, 1), least)
    room = 1 - least
    rows = np.where(room > 0, (top - least) / np.where(room > 0, room, 1), best > 0)
    return mean_in_order(rows[counted].clip(0.0, 1.0))


def _published(codes: np.ndarray, cells: Cells, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Nearest-neighbour shares (D, K) and the latents of more than 1/20 of the largest range."""
    extent, levels = np.ptp(codes, axis=0), cells.table.columns
    active = cells.active & (extent > extent.max() / 20)
    selection = require("sklearn.feature_selection", extra="metrics")
    shares = np.zeros((codes.shape[1], len(levels)))
    for k, level in enumerate(levels):
        if active.any():
            shares[active, k] = selection.mutual_info_classif(
                codes[:, active], level, discrete_features=False, n_neighbors=10, random_state=seed
            )
    return shares / entropy(marginals(levels)), active
