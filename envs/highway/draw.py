"""highway-env's own drawing, on a surface of our own and in the colours of an appearance.

Nothing of highway-env's classes is changed, so other environments of the process keep their
appearance. No window, display or ``SDL_VIDEODRIVER`` is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bvae_rl.envs.highway.appearances import SOURCE_U, RoadAppearance
from bvae_rl.runtime.optional import require

EXTRA = "highway"


class Painter:
    """Draws the scene of ``sim`` (an ``AbstractEnv`` of highway-env) in its configured screen."""

    def __init__(self, sim: Any) -> None:
        roads = require("highway_env.road.graphics", extra=EXTRA)
        self._sim = sim
        self._roads = roads.RoadGraphics
        self._vehicles = require("highway_env.vehicle.graphics", extra=EXTRA).VehicleGraphics
        self._pygame = require("pygame", extra=EXTRA)
        size = sim.config["screen_width"], sim.config["screen_height"]
        self._surface = roads.WorldSurface(size, 0, self._pygame.Surface(size))
        self._surface.centering_position = sim.config["centering_position"]

    def paint(self, appearance: RoadAppearance) -> np.ndarray:
        """The picture, uint8 (H, W, 3); around the own vehicle."""
        sim, surface = self._sim, self._surface
        surface.GREY, surface.WHITE = appearance.colour("ground"), appearance.colour("lines")
        surface.scaling = sim.config["scaling"] * appearance.zoom
        surface.move_display_window_to(sim.vehicle.position)
        self._roads.display(sim.road, surface)
        self._roads.display_road_objects(sim.road, surface, offscreen=True)
        graphics = self._coloured(appearance)
        for vehicle in sim.road.vehicles:
            graphics.display(vehicle, surface, offscreen=True)
        return np.array(self._pygame.surfarray.pixels3d(surface).transpose(1, 0, 2), order="C")

    def _coloured(self, appearance: RoadAppearance) -> Any:
        """A class that draws vehicles in the colours of ``appearance``; at 0 in their own."""
        library, own = self._vehicles, self._sim.controlled_vehicles

        def get_color(cls: Any, vehicle: Any, transparent: bool = False) -> Any:
            part = "own" if vehicle in own else "others"
            if vehicle.crashed or getattr(appearance, part) == SOURCE_U:
                return library.get_color(vehicle, transparent)
            return appearance.colour(part)

        return type("Coloured", (library,), {"get_color": classmethod(get_color)})
