"""Factors as the panels name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bvae_rl.data.factors import FactorSpec


def factor_entries(specs: Sequence[FactorSpec]) -> list[dict[str, Any]]:
    """Name, kind, role, unit and range of each."""
    return [
        {
            "name": spec.name.replace("_", " "), "kind": spec.kind, "role": spec.role,
            "unit": spec.unit, "low": spec.low, "high": spec.high,
        }
        for spec in specs
    ]  # fmt: skip
