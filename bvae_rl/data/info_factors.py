"""The factors that an environment tells while it acts, in ``info["factors"]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def info_factors(info: Mapping[str, Any]) -> np.ndarray | None:
    """A copy of ``info["factors"]``, float64 (K,): the environment may write into its own later.

    What is no row of numbers is something else that an environment calls so: None.
    """
    known = info.get("factors")
    try:
        array = np.array(known, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.ndim == 1 else None
