"""``bvae_rl/Highway-v0``: highway-env's ``highway-fast-v0`` or ``highway-v0``."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.highway.draw import EXTRA
from bvae_rl.envs.highway.world import RoadWorld
from bvae_rl.runtime.optional import require

MODULE = "highway_env.envs.highway_env"
LANE, LENGTH, WIDTH = 4.0, 5.0, 2.0  # metres; of a lane across, and of a vehicle
MARKINGS = 4.33  # metres from one stripe of a line to the next
START = 400 * MARKINGS  # metres along the road, where states are set: far from its ends
HEADING = 0.3  # rad, up to which states are drawn; the most that lane changes take
OWN_SPEED, APART = (20.0, 30.0), 10.0  # m/s, in which speeds are drawn
FASTEST = 40.0  # m/s
UNSEEN = 0.25  # of the draws of a distance: nothing in sight
AFTER = 25.0  # metres from one vehicle out of sight to the next
Slot = tuple[str, int]  # ahead or behind, and the lane from 0


class Highway(RoadWorld):
    """Drive fast on a straight road with lanes, without a crash: ``highway-fast-v0``.

    Factors of the state. Of the own vehicle: ``lateral`` (metres from the middle of the leftmost
    lane to the right), ``heading`` (to the right positive), ``marking_phase`` (its place along the
    road within the period of the stripes, which is all that the picture shows of that place). For
    each lane, from 1 on the left: ``ahead_N`` and ``behind_N``, metres along the road from the own
    vehicle's middle to that of the nearest other vehicle; the end of the range where none is in
    sight. With ``speeds=True`` also ``speed`` and, of those vehicles, ``ahead_N_speed`` and
    ``behind_N_speed``, relative to it, 0 where there is none (m/s).

    No factors are: further vehicles of a lane, how others stand within their lanes, and who
    crashed. ``set_factors`` puts others into the middle of their lanes, and those that it has no
    place for out of sight; each keeps its speed. Success: the time is up without a crash.

    ``fast=False`` takes ``highway-v0`` (four lanes, 50 vehicles; ten times slower). The sections of
    ``RoadWorld`` hold. ValueError for a ``config`` with less than two lanes, or less than two other
    vehicles a lane.
    """

    def __init__(self, *, fast: bool = True, **kwargs: Any) -> None:
        super().__init__(f"{MODULE}:{'HighwayEnvFast' if fast else 'HighwayEnv'}", **kwargs)
        self._names = [spec.name for spec in self.state_specs]

    def _specs(self) -> tuple[FactorSpec, ...]:
        config = self._sim.config
        lanes, vehicles = config["lanes_count"], config["vehicles_count"]
        if lanes < 2 or vehicles < 2 * lanes:
            raise ValueError(
                "this world needs two lanes at least, and two other vehicles for each, got "
                f"lanes_count={lanes} and vehicles_count={vehicles}; for others wrap highway-env "
                "yourself: --env highway_env:highway-fast-v0 --pixels"
            )
        across = config["screen_width"] / config["scaling"]
        front = config["centering_position"][0] * across
        self._reach = {"ahead": across - front + LENGTH / 2, "behind": front + LENGTH / 2}
        self._slots: list[Slot] = [
            (side, lane) for lane in range(lanes) for side in ("ahead", "behind")
        ]
        own = (
            FactorSpec("lateral", low=-LANE / 2, high=LANE * (lanes - 0.5), unit="m"),
            FactorSpec("heading", low=-pi / 4, high=pi / 4, unit="rad"),
            FactorSpec("marking_phase", "cyclic", low=0.0, high=MARKINGS, unit="m"),
        )
        names = [f"{side}_{lane + 1}" for side, lane in self._slots]
        reach = [self._reach[side] for side, _ in self._slots]
        near = [
            FactorSpec(n, low=0.0, high=high, unit="m")
            for n, high in zip(names, reach, strict=True)
        ]
        if not self.speeds:
            return (*own, *near)
        speed = FactorSpec("speed", low=-FASTEST, high=FASTEST, unit="m/s")
        relative = [
            FactorSpec(f"{name}_speed", low=-2 * FASTEST, high=2 * FASTEST, unit="m/s")
            for name in names
        ]
        return (*own, *near, speed, *relative)

    def _read(self) -> np.ndarray:
        own, near = self._sim.vehicle, self._near()
        values = [own.position[1], own.heading, own.position[0] % MARKINGS]
        for slot in self._slots:
            away = self._reach[slot[0]]
            values.append(abs(near[slot].position[0] - own.position[0]) if slot in near else away)
        if self.speeds:
            values.append(own.speed)
            values += [near[s].speed - own.speed if s in near else 0.0 for s in self._slots]
        return np.array(values, dtype=np.float64)

    def _near(self) -> dict[Slot, Any]:
        """The nearest vehicle of each slot that has one in sight."""
        own, found = self._sim.vehicle, dict[Slot, Any]()
        away = {id(v): v.position[0] - own.position[0] for v in self._sim.road.vehicles}
        for vehicle in sorted(self._others(), key=lambda v: abs(away[id(v)])):
            gap = away[id(vehicle)]
            side = "ahead" if gap >= 0 else "behind"
            if abs(gap) < self._reach[side]:
                found.setdefault((side, vehicle.lane_index[2]), vehicle)
        return found

    def _others(self) -> list[Any]:
        return [v for v in self._sim.road.vehicles if v is not self._sim.vehicle]

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        return self._possible(lambda: self._drawn(rng))

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        lanes, reach = len(self._slots) // 2, np.array([self._reach[s] for s, _ in self._slots])
        inside = (LANE - WIDTH) / 2  # the whole vehicle on the road
        own = rng.uniform(
            [-inside, -HEADING, 0.0], [LANE * (lanes - 1) + inside, HEADING, MARKINGS]
        )
        unseen = rng.random(len(reach)) < UNSEEN
        near = np.where(unseen, reach, rng.uniform(0.0, reach))
        if not self.speeds:
            return np.array([*own, *near])
        relative = np.where(unseen, 0.0, rng.uniform(-APART, APART, len(reach)))
        return np.array([*own, *near, rng.uniform(*OWN_SPEED), *relative])

    def _cast(self, state: np.ndarray) -> dict[Slot, tuple[float, float]]:
        """The slots that a state (S,) fills, each with the place along the road and the lateral."""
        here, found = START + state[2], {}
        for (side, lane), away in zip(self._slots, state[3:], strict=False):
            if away < self._reach[side]:
                gap = away if side == "ahead" else -max(away, 1e-9)  # at 0 it is ahead
                found[side, lane] = (here + gap, LANE * lane)
        return found

    def _obstacle(self, state: np.ndarray) -> str | None:
        """Why a state cannot be, or None."""
        vehicle = require("highway_env.vehicle.kinematics", extra=EXTRA).Vehicle
        meet = require("highway_env.utils", extra=EXTRA).are_polygons_intersecting
        placed = {"the own vehicle": vehicle(None, [START + state[2], state[0]], state[1])}
        cast = self._cast(state)
        for (side, lane), place in cast.items():
            placed[f"the one of {side}_{lane + 1}"] = vehicle(None, place)
        still = np.zeros(2)
        names = list(placed)
        for number, first in enumerate(names):
            for second in names[number + 1 :]:
                a, b = placed[first], placed[second]
                if np.linalg.norm(a.position - b.position) > a.diagonal:
                    continue
                if meet(a.polygon(), b.polygon(), still, still)[0]:
                    return f"{first} and {second} would be inside each other; move one"
        for slot, relative in zip(self._slots, state[4 + len(self._slots) :], strict=False):
            if relative and slot not in cast:
                name = f"{slot[0]}_{slot[1] + 1}"
                return f"{name}_speed is {relative:g} and {name} is at its end: nothing is there"
        return None

    def _go_to(self, state: np.ndarray) -> None:
        if (reason := self._obstacle(state)) is not None:
            raise ValueError(f"impossible factors: {reason}")
        own, near, cast = self._sim.vehicle, self._near(), self._cast(state)
        speeds = dict(zip(self._names, state.tolist(), strict=True)) if self.speeds else {}
        _put(own, (START + state[2], state[0]), state[1], speeds.get("speed"))
        taken = {slot: near[slot] for slot in cast if slot in near}  # who is there stays there
        rest = [v for v in self._others() if not any(v is one for one in taken.values())]
        for slot, place in cast.items():
            relative = speeds.get(f"{slot[0]}_{slot[1] + 1}_speed")
            vehicle = taken[slot] if slot in taken else rest.pop(0)
            _put(vehicle, place, 0.0, None if relative is None else own.speed + relative)
        away = START + state[2] + 2 * self._reach["ahead"] + LENGTH  # out of sight at any zoom
        for number, vehicle in enumerate(rest):
            lane = number % (len(self._slots) // 2)
            _put(vehicle, (away + AFTER * number, LANE * lane), 0.0, None)

    def _succeeded(self, *, terminated: bool, truncated: bool) -> bool:
        return truncated and not terminated


def _put(vehicle: Any, place: tuple[float, float], heading: float, speed: float | None) -> None:
    """Put a vehicle of highway-env somewhere, as good as new, in the lane that is nearest."""
    vehicle.position = np.array(place, dtype=np.float64)
    vehicle.heading = float(heading)
    if speed is not None:
        vehicle.speed = float(speed)
        if hasattr(vehicle, "speed_to_index"):  # keeps to one of some speeds: to the nearest
            vehicle.speed_index = vehicle.speed_to_index(vehicle.speed)
            vehicle.target_speed = vehicle.index_to_speed(vehicle.speed_index)
    vehicle.crashed, vehicle.hit, vehicle.impact = False, False, None
    vehicle.action = {"steering": 0, "acceleration": 0}
    vehicle.on_state_update()
    if hasattr(vehicle, "target_lane_index"):
        vehicle.target_lane_index = vehicle.lane_index
