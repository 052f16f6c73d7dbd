"""The other vehicles of the intersection; imported by highway-env, by the name in its config."""

from __future__ import annotations

from functools import cache
from typing import Any

from bvae_rl.runtime.optional import require


@cache
def _crossing() -> type[Any]:
    base = require("highway_env.vehicle.behavior", extra="highway").IDMVehicle
    doc = """An ``IDMVehicle`` of its own class.

    highway-env's intersection writes its settings into the class of its vehicles, and so changes
    how those of every other task of the process drive. Here it writes them into this one.
    """
    return type("Crossing", (base,), {"__doc__": doc, "__module__": __name__})


def __getattr__(name: str) -> type[Any]:
    """``Crossing``, made when it is asked for: this module is importable without highway-env."""
    if name == "Crossing":
        return _crossing()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
