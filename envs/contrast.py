"""Whether two parts of a scene can be told apart by their colours."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

RGB = tuple[int, int, int]
LEAST = 40.0  # Euclidean distance in RGB, 0 to 441, below which two parts look alike


def check_distinct(
    colours: Mapping[str, RGB], *, allow: bool = False, least: float = LEAST
) -> None:
    """Raise a ValueError that names the first two parts closer than ``least``, unless ``allow``."""
    if allow:
        return
    for first, second in combinations(colours, 2):
        apart = float(np.linalg.norm(np.subtract(colours[first], colours[second], dtype=float)))
        if apart < least:
            raise ValueError(
                f"in this appearance {first} {_rgb(colours[first])} and {second} "
                f"{_rgb(colours[second])} cannot be told apart: {apart:.0f} of 441 in RGB, and "
                f"{least:.0f} is the least; choose other values, or pass indistinct=True"
            )


def _rgb(colour: RGB) -> str:
    return "(" + ", ".join(f"{channel:.0f}" for channel in colour) + ")"
