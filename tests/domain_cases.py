"""Membership in a visual domain, for the tests that domains cannot meet."""

from __future__ import annotations

from typing import Any

from bvae_rl.envs.domains import Domain


def holds(domain: Domain[Any], appearance: Any) -> bool:
    """Whether an appearance belongs to a domain."""
    if domain.alternative is not None and holds(domain.alternative, appearance):
        return True
    values = {spec.name: appearance.factor(spec.name) for spec in domain.specs}
    return bool(domain.source.at(values) == appearance) and all(
        any(
            low <= values[v.spec.name] + 1e-9 and values[v.spec.name] - 1e-9 <= high
            for low, high in v.ranges(domain.base)
        )
        for v in domain.variations
    )
