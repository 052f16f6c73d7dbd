"""What counts as a whole number."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_whole(value: Any) -> bool:
    """Whether ``value`` is a whole number, Python's or numpy's; True and 3.0 are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
