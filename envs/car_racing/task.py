"""Gymnasium's CarRacing as this package drives it: drawn when asked to, in given colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.envs.box2d.car_racing import CarRacing

from bvae_rl.envs.appearance import RGB

SHADES = (0.0, 2.55, 5.1)  # of a tile that no wheel has touched, added to the road's colour


class Task(CarRacing):
    """The task without its picture at every step; dynamics and rewards are untouched."""

    road: Any  # gymnasium's types say that they stay None
    car: Any

    def __init__(self, *, lap_complete_percent: float) -> None:
        super().__init__(lap_complete_percent=lap_complete_percent)
        self._shown_reward = 0.0

    def _render(self, mode: str) -> None:
        """Where the task draws: what its dashboard would say there."""
        self._shown_reward = self.reward

    def picture(self, mode: str) -> np.ndarray:
        """The task's own picture: "state_pixels", uint8 (96, 96, 3), or "rgb_array" (400, 600, 3).

        As it was drawn in the last step or reset.
        """
        now, self.reward = self.reward, self._shown_reward
        try:
            return super()._render(mode)
        finally:
            self.reward = now

    def paint(self, colours: dict[str, RGB]) -> None:
        """Show road, background and patches in these colours from now on."""
        before = self.road_color
        self.bg_color, self.grass_color, self.road_color = (
            np.array(colours[part]) for part in ("background", "patches", "road")
        )
        if np.array_equal(before, self.road_color):
            return
        for number, tile in enumerate(self.road or ()):
            touched = np.array_equal(tile.color, before)
            tile.color[:] = self._tile_colour(number, touched=touched)

    def drive(self, action: np.ndarray) -> tuple[float, bool, dict[str, Any]]:
        """A step with steering, gas and brake (3,): reward, whether it ended, and the info."""
        _, reward, terminated, _, info = super().step(action)
        return float(reward), bool(terminated), info

    def begin_here(self) -> None:
        """Make the present state the start of an episode: no tile visited but those under the
        wheels, the first second's zoom over.
        """
        self.world.Step(0.0, 1, 1)  # finds what touches, moves nothing
        bodies = (self.car.hull, *self.car.wheels)
        touching = {
            edge.other.userData.idx
            for body in bodies
            for edge in body.contacts
            if edge.contact.touching and hasattr(edge.other.userData, "road_friction")
        }
        visited = {tile.idx for wheel in self.car.wheels for tile in wheel.tiles}
        for number, tile in enumerate(self.road):
            tile.road_visited = number in visited
            tile.color[:] = self._tile_colour(number, touched=number in touching)
        self.tile_visited_count = len(visited)
        self.reward = self._shown_reward = 1000.0 / len(self.track) * len(visited)
        self.prev_reward, self.new_lap, self.t = 0.0, False, max(self.t, 1.0)

    def _tile_colour(self, number: int, *, touched: bool) -> np.ndarray:
        """A tile loses its shade when car or wheels come over it."""
        shade = 0.0 if touched else SHADES[number % 3]
        return np.minimum(self.road_color + shade, 255.0)
