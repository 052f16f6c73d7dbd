"""Things inside each other: states that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

TOUCH = 0.015  # metres that a contact may be deep


def out_of_reach(x: float, y: float, most: float) -> str | None:
    """That a target is farther than ``most`` metres from the centre, or None."""
    away = float(np.hypot(x, y))
    if away <= most:
        return None
    return (
        f"the target at ({x:.3g}, {y:.3g}) is {away:.3g} m from the centre, and {most:g} is the "
        "most"
    )


def overlap(model: Any, data: Any, names: Mapping[str, str]) -> str | None:
    """What is too deep inside what in ``data`` (an MjData whose positions are up to date), or None.

    ``names`` are those of the roots of body trees, for the message; trees of one name may overlap.
    """
    for number in np.argsort(data.contact.dist):
        depth = -float(data.contact.dist[number])
        roots = model.body_rootid[model.geom_bodyid[data.contact.geom[number]]]
        first, second = (names[model.body(root).name] for root in roots)
        if depth > TOUCH and first != second:
            return f"{first} and {second} would be {depth:.3g} m inside each other; move one"
    return None
