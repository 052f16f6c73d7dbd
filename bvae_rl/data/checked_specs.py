"""Descriptions of factors as a person gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bvae_rl.data.factors import FactorSpec


def checked_specs(specs: Iterable[Any]) -> tuple[FactorSpec, ...]:
    """``specs`` as a tuple; TypeError for anything else than a ``FactorSpec``."""
    found = tuple(specs)
    for one in found:
        if not isinstance(one, FactorSpec):
            line = f"; write FactorSpec({one!r})" if isinstance(one, str) else ""
            raise TypeError(f"a factor is described by a FactorSpec, got {one!r}{line}")
    return found
