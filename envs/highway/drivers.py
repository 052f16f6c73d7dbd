"""The other vehicles of the intersection; imported by highway-env, by the name in its config."""

from __future__ import annotations

from highway_env.vehicle.behavior import IDMVehicle  # type: ignore[import-untyped]


class Crossing(IDMVehicle):  # type: ignore[misc]
    """An ``IDMVehicle`` of its own class.

    highway-env's intersection writes its settings into the class of its vehicles, and so changes
    how those of every other task of the process drive. Here it writes them into this one.
    """
