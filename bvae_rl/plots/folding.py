"""Inactive latents folded into one row a group, so that a heatmap of many latents can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Groups = Mapping[str, tuple[int, int]]
LEAST = 2  # inactive latents of a group that are folded; a single one keeps its row and its name


class Folded(NamedTuple):
    """Rows as they are drawn: values (R, K), names, which are active (R,), and groups of rows."""

    values: NDArray[np.float64]
    names: list[str]
    active: NDArray[np.bool_]
    groups: dict[str, tuple[int, int]]


def folded(
    values: NDArray[np.float64], names: Sequence[str], active: NDArray[np.bool_], groups: Groups
) -> Folded:
    """``values`` (D, K) with the inactive latents of each group as its last row.

    That row is called "14 inactive" and holds the largest value of each column, so that nothing
    hides in it. Without ``groups`` all latents are one.
    """
    rows: list[NDArray[np.float64]] = []
    labels: list[str] = []
    on: list[bool] = []
    edges: dict[str, tuple[int, int]] = {}
    for group, (first, last) in (groups or {"": (0, len(names))}).items():
        begin, asleep = len(rows), np.flatnonzero(~active[first:last]) + first
        fold = len(asleep) >= LEAST
        for d in range(first, last):
            if active[d] or not fold:
                rows.append(values[d])
                labels.append(names[d])
                on.append(bool(active[d]))
        if fold:
            rest = values[asleep]
            rows.append(np.fmax.reduce(rest, axis=0))
            labels.append(f"{len(asleep)} inactive")
            on.append(False)
        edges[group] = (begin, len(rows))
    return Folded(np.stack(rows), labels, np.array(on), edges if groups else {})
