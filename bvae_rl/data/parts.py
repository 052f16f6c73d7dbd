"""Which stores a store was made of, as its description says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

JOINED = "joined"  # hashes of the stores whose frames it holds, one store after the other
GROWN = "grown"  # what was added to which store, each time that it grew


def first_rows(described: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    """With how many rows of the store ``other`` the one that is ``described`` begins; 0: with none.

    Both as ``FrameStore.identity`` describes them; the one grew from the other, perhaps in steps.
    """
    steps = described.get(GROWN, ())
    return max((s["rows"] for s in steps if s.get("sha256") == other.get("sha256")), default=0)


def rows_within(described: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> int:
    """How many rows of the store that is ``described`` come from the stores ``others``."""
    rows = {other.get("sha256"): int(other.get("rows", 0)) for other in others}
    if (mine := described.get("sha256")) in rows:
        return rows[mine]
    joined = sum(rows.get(one, 0) for one in described.get(JOINED, ()))
    grown = [first_rows(described, {"sha256": one}) for one in rows]
    return joined + max(grown, default=0)
