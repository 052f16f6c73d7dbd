"""The centre line of a track, and where something is along it.

Gymnasium makes a track of tiles, each with a place on the centre line and the direction of the road
there. Here the line goes straight from tile to tile, and the direction turns evenly in between, so
that a place near the line has exactly one position along it and one offset from it, as long as the
offset is less than the radius of the curve (11 m or more; the road is 6.7 m wide on each side).

Lengths in metres, angles in radians; all that has a side is positive to the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, sin
from typing import NamedTuple

import numpy as np

SMOOTHED = 7.0  # metres over which curvature is averaged: two tiles
PASSES = 40  # bisections of a tile


class OnRoad(NamedTuple):
    """A place by the road: metres along it from its start, offset, and the road's direction."""

    along: float
    offset: float
    direction: float


class Road:
    """The closed centre line through gymnasium's ``track``: tiles (alpha, beta, x, y)."""

    def __init__(self, track: Sequence[tuple[float, float, float, float]]) -> None:
        tiles = np.array(track, dtype=np.float64)
        self._points = np.concatenate([tiles[:, 2:], tiles[:1, 2:]])  # (T + 1, 2)
        turns = np.diff(np.append(tiles[:, 1], tiles[0, 1]))
        turns = (turns + np.pi) % (2 * np.pi) - np.pi
        self._directions = np.concatenate([[0.0], np.cumsum(turns)]) + tiles[0, 1]
        steps = np.linalg.norm(np.diff(self._points, axis=0), axis=1)
        self._along = np.concatenate([[0.0], np.cumsum(steps)])
        self.length = float(self._along[-1])
        self._around = self._directions[-1] - self._directions[0]  # a lap's turn

    def direction(self, along: float) -> float:
        """The road's direction so many metres from its start: an angle that grows with each lap.

        As Box2D's: 0 is the direction of y, and pi / 2 that of -x.
        """
        laps, rest = np.divmod(along, self.length)
        return float(np.interp(rest, self._along, self._directions) + laps * self._around)

    def curvature(self, along: float) -> float:
        """How much the road turns in a metre, averaged over the 7 m around a place."""
        turn = self.direction(along + SMOOTHED / 2) - self.direction(along - SMOOTHED / 2)
        return turn / SMOOTHED

    def place(self, along: float, offset: float) -> np.ndarray:
        """The place (2,) at this offset, metres to the left of the centre line."""
        left = _left(np.array(self.direction(along)))
        return self._centre(along) + offset * left

    def find(self, place: Sequence[float] | np.ndarray) -> OnRoad:
        """Where a place (2,) is; by the nearest stretch of the road, where it comes by twice."""
        away = np.asarray(place, dtype=np.float64) - self._points
        ahead = np.sum(away * _forward(self._directions), axis=1)  # (T + 1,)
        passed = np.flatnonzero((ahead[:-1] >= 0) & (ahead[1:] < 0))
        found = [self._within(int(tile), place) for tile in passed]
        if not found:  # between two laps, or beyond the middle of a curve
            found = [float(self._along[np.argmin(np.linalg.norm(away, axis=1))])]
        offsets = [self._offset(along, place) for along in found]
        nearest = int(np.argmin(np.abs(offsets)))
        along = found[nearest] % self.length
        return OnRoad(along, offsets[nearest], self.direction(along))

    def _within(self, tile: int, place: Sequence[float] | np.ndarray) -> float:
        """Metres along the road where ``place`` is level, between a tile and the next."""
        (x, y), (end_x, end_y) = self._points[tile : tile + 2].tolist()
        first, last = self._directions[tile : tile + 2].tolist()
        low, high = 0.0, 1.0  # shares of the way to the next tile
        for _ in range(PASSES):
            u = (low + high) / 2
            direction = first + u * (last - first)
            away_x, away_y = place[0] - x - u * (end_x - x), place[1] - y - u * (end_y - y)
            if away_y * cos(direction) - away_x * sin(direction) >= 0:
                low = u
            else:
                high = u
        start, end = self._along[tile : tile + 2]
        return float(start + (low + high) / 2 * (end - start))

    def _offset(self, along: float, place: Sequence[float] | np.ndarray) -> float:
        away = np.asarray(place) - self._centre(along)
        return float(away @ _left(np.array(self.direction(along))))

    def _centre(self, along: float) -> np.ndarray:
        rest = along % self.length
        return np.array([np.interp(rest, self._along, column) for column in self._points.T])


def _forward(direction: np.ndarray) -> np.ndarray:
    return np.stack([-np.sin(direction), np.cos(direction)], axis=-1)


def _left(direction: np.ndarray) -> np.ndarray:
    return np.stack([-np.cos(direction), -np.sin(direction)], axis=-1)
