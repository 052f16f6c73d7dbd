"""The frames to choose from, in the payload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bvae_rl.report.explorer.payload import packed


def frames_entry(
    frames: np.ndarray,
    *,
    source: str,
    factors: np.ndarray | None = None,
    factor_names: Sequence[str] = (),
    drawn: bool = False,
) -> dict[str, Any]:
    """``frames`` uint8 (N, H, W, C); ``source`` says where they are from.

    ``factors`` (N, K) are the true ones, of ``factor_names``. ``drawn`` says that a decoder made
    the frames.
    """
    entry: dict[str, Any] = {
        "pictures": packed(frames, "u1"),
        "source": source,
        "drawn": drawn,
    }
    if factors is not None:
        entry |= {"factors": packed(factors, "f4"), "factor_names": list(factor_names)}
    return entry
