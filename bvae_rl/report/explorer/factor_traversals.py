"""Factor traversals in the payload: pictures of the world, and codes around several states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.report.explorer.factor_names import factor_entries
from bvae_rl.report.explorer.payload import packed


@dataclass(frozen=True, eq=False)
class FactorTraversal:
    """One factor at T ``values``, all others fixed.

    ``frames``: T of the first state, (H, W, C) uint8 or None where that cannot be.
    ``codes``: (S, T, D) around S states, of each VAE; NaN where there is no frame.
    """

    spec: FactorSpec
    values: np.ndarray
    frames: Sequence[np.ndarray | None]
    codes: Sequence[np.ndarray]


def traversals_entry(traversals: Sequence[FactorTraversal]) -> dict[str, Any]:
    """``payload["factor_traversals"]``."""
    return {"factors": [_entry(one) for one in traversals]}


def _entry(one: FactorTraversal) -> dict[str, Any]:
    there = [frame is not None for frame in one.frames]
    pictures = np.stack([frame for frame in one.frames if frame is not None])
    return {
        **factor_entries([one.spec])[0],
        "values": [float(value) for value in one.values],
        "there": there,
        "pictures": packed(pictures, "u1"),
        "codes": [packed(codes, "f2") for codes in one.codes],
    }
