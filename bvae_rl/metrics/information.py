"""Mutual information of codes and factors: measured once, used by every metric that rests on it.

Codes are cut into ``bins`` bins over each latent's own range (``binning="width"``) or of equally
many samples (``"quantile"``). The factors by kind: continuous ones are cut in the same way, cyclic
ones into ``bins`` equal arcs of the whole circle (as many samples each by quantile), categorical
ones are taken as they are. See ``binning`` for the edges.

The plug-in estimate I is biased upwards: for an independent pair with B and M occupied bins by
about (B - 1)(M - 1) / 2N nats (Miller 1955), .36 at 500 samples with 20 x 20 bins. So metrics rest
on the chance-adjusted share I* = (I - E0) / (H - E0) of ``chance`` (Vinh 2010), which is at most 1
and slightly negative half the time for noise. For latents that hold a part of a factor it is biased
downwards, since a dependent pair fills fewer cells: read it with the number of samples. Factors on
a full grid, every combination equally often, are more even than chance: there independent ones
share less than 0, by E0 / H.

``reference=True`` is the published measurement instead (disentanglement_lib, Locatello 2019): 20
equal-width bins by np.digitize, plug-in shares I / H, and no rule for cyclic factors. That
continuous and cyclic factors are binned is our extension; there all factors are discrete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics import binning as bin_rules
from bvae_rl.metrics.binning import Binning
from bvae_rl.metrics.chance import chance_margin, entropy, expected_information, share
from bvae_rl.metrics.circles import Circle, circle_cells
from bvae_rl.metrics.contingency import Table, joint_entropies, marginals
from bvae_rl.metrics.inputs import check


class Settings(TypedDict, total=False):
    """The keywords of everything that measures information.

    ``bins`` (20, at least 2) and ``binning`` ("width") cut codes and factors into cells; ``kinds``
    gives the kind of each factor (all continuous). ``active`` is a boolean (D,), say a variance
    above .01; without it latents that never change are inactive, except in ``reference`` mode
    (False), the published measurement, where all count.
    """

    bins: int
    kinds: Sequence[Kind] | None
    binning: Binning
    active: Any
    reference: bool


@dataclass(frozen=True, eq=False)
class Information:
    """Mutual information (D, K) and entropy of the factors (K,), in nats, and what they rest on.

    ``mutual_information`` is the plug-in estimate, of inactive latents too. ``chance`` (D, K) is E0
    and ``margin`` (D, K) how far above it chance may lead; both are 0 in reference mode.
    ``code_entropy`` is (D,). ``active`` (D,) marks the latents that metrics count. ``circles``
    holds the carriers of each cyclic factor (none in reference mode).
    """

    mutual_information: np.ndarray
    entropy: np.ndarray
    samples: int
    bins: int
    chance: np.ndarray
    margin: np.ndarray
    code_entropy: np.ndarray
    active: np.ndarray
    reference: bool
    circles: tuple[Circle, ...]

    @property
    def shares(self) -> np.ndarray:
        """(D, K) shares of the factors' information: I*, or I / H in reference mode.

        At most 1. Inactive latents have 0.
        """
        found = share(self.mutual_information, self.chance, self.entropy)
        return np.where(self.active[:, None], found, 0.0)

    @property
    def evident(self) -> np.ndarray:
        """(D, K) whether a latent is active and holds more of a factor than chance may lead to.

        In reference mode: whether it holds any information.
        """
        beyond = np.greater(self.mutual_information, self.chance + self.margin)
        return np.asarray(beyond & self.active[:, None])

    @property
    def active_latents(self) -> int:
        """How many latents the metrics count."""
        return int(self.active.sum())

    def select(self, latents: Sequence[int], factors: Sequence[int]) -> Information:
        """The same measurement, for some of the latents and factors."""
        rows, columns = np.asarray(latents, dtype=int), np.asarray(factors, dtype=int)
        both = np.ix_(rows, columns)
        circles = [
            circle.select(rows, k)
            for k, factor in enumerate(columns)
            for circle in self.circles
            if circle.factor == factor
        ]
        return replace(
            self,
            mutual_information=self.mutual_information[both],
            entropy=self.entropy[columns],
            chance=self.chance[both],
            margin=self.margin[both],
            code_entropy=self.code_entropy[rows],
            active=self.active[rows],
            circles=tuple(circles),
        )


@dataclass(frozen=True, eq=False)
class Cells:
    """Codes and factors in cells: what is counted, once or in every bootstrap replicate.

    ``table`` holds the latents against all factors, ``circles`` the carriers of each cyclic factor
    against it: the factor, its carriers (C, 2) and their table.
    """

    table: Table
    circles: tuple[tuple[int, np.ndarray, Table], ...]
    active: np.ndarray
    bins: int
    reference: bool


def measure(codes: Any, factors: Any, **settings: Unpack[Settings]) -> Information:
    """Measure everything that the information metrics of (N, D) codes and (N, K) factors need.

    Raises ValueError for unusable arrays and settings, and for a cyclic factor whose angles all
    fall into one bin.
    """
    return count(to_cells(codes, factors, **settings))


def to_cells(
    codes: Any,
    factors: Any,
    *,
    bins: int = 20,
    kinds: Sequence[Kind] | None = None,
    binning: Binning = "width",
    active: Any = None,
    reference: bool = False,
) -> Cells:
    """The first half of ``measure``."""
    bin_rules.check_bins(bins, binning, reference=reference)
    checked = check(codes, factors, kinds=kinds)
    z = checked.codes
    every = reference and active is None
    counted = np.full(z.shape[1], True) if every else active_mask(z, active)
    levels = bin_rules.factor_cells(checked, bins, binning, reference=reference)
    found = bin_rules.published_cells(z, bins) if reference else bin_rules.cells(z, bins, binning)
    circles = []
    for k, kind in enumerate(checked.kinds):
        if kind == "cyclic" and not reference:
            carriers, arcs = circle_cells(z, checked.factors[:, k], counted, bins, binning)
            if len(carriers):
                circles.append((k, carriers, Table(arcs, levels[:, [k]].T)))
    return Cells(Table(found.T, levels.T), tuple(circles), counted, bins, reference)


def count(cells: Cells) -> Information:
    """The second half of ``measure``."""
    table = cells.table
    rows, columns = marginals(table.rows), marginals(table.columns)
    nothing = np.zeros((len(rows), len(columns)))
    code_entropy, factor_entropy = entropy(rows), entropy(columns)
    circles = []
    for factor, carriers, arcs in cells.circles:
        turns, levels = marginals(arcs.rows), columns[[factor]]
        own = entropy(turns)
        nats = _information(arcs, own, factor_entropy[[factor]])[:, 0]
        chance = expected_information(turns, levels)[:, 0]
        every = np.arange(len(carriers))
        circles.append(Circle(factor, carriers, every, nats, chance, own).best())
    return Information(
        _information(table, code_entropy, factor_entropy),
        factor_entropy,
        table.rows.shape[1],
        cells.bins,
        nothing if cells.reference else expected_information(rows, columns),
        nothing if cells.reference else chance_margin(rows, columns),
        code_entropy,
        cells.active,
        cells.reference,
        tuple(circles),
    )


def _information(table: Table, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    nats = rows[:, None] + columns - joint_entropies(table)
    return np.asarray(np.clip(nats, 0.0, np.minimum(rows[:, None], columns)))  # rounding


def active_mask(codes: np.ndarray, active: Any) -> np.ndarray:
    """``active`` as a boolean (D,) or a ValueError; None marks the latents that ever change."""
    if active is None:
        return np.asarray(np.ptp(codes, axis=0) > 0)
    mask = np.asarray(active)
    if mask.shape != (codes.shape[1],) or mask.dtype != np.bool_:
        raise ValueError(
            f"active must be one boolean for each of the {codes.shape[1]} latents, "
            f"got shape {mask.shape} of {mask.dtype}"
        )
    return mask
