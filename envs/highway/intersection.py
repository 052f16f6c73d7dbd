"""``bvae_rl/Intersection-v0``: highway-env's ``intersection-v0``, with factors read on-policy."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import Any, Never

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.highway.world import RoadWorld

ENTRY = "highway_env.envs.intersection_env:IntersectionEnv"
DRIVERS = "bvae_rl.envs.highway.drivers.Crossing"
NEAREST = 3  # other vehicles that have factors
LENGTH = 5.0  # metres, of a vehicle
ROADS = 111.0  # metres from the centre to the end of a road
FASTEST = 40.0  # m/s


class Intersection(RoadWorld):
    """Turn left at a crossing without traffic lights and without a crash: ``intersection-v0``.

    Factors of the state. Of the own vehicle: ``x`` to the right and ``y`` down in the picture, from
    the centre of the crossing (metres), and ``heading`` (0 to the right, a quarter turn down). Of
    the three nearest vehicles in sight, the nearest first: ``near_N_present`` (0 or 1),
    ``near_N_x`` and ``near_N_y`` from the own vehicle (metres; 0 where there is none). With
    ``speeds=True`` also ``speed``, and ``near_N_vx`` and ``near_N_vy`` relative to the own velocity
    (m/s).

    The states of this world cannot be set to factors, since routes, right of way and who enters
    next belong to them: factors are read on-policy (``settable`` is False). Vehicles change their
    numbers when another one comes nearer. Success: the own vehicle arrived. The sections of
    ``RoadWorld`` hold.
    """

    settable = False

    def __init__(self, *, config: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(ENTRY, config={"other_vehicles_type": DRIVERS, **(config or {})}, **kwargs)

    def sample_factors(self, rng: np.random.Generator) -> Never:
        """ValueError: states are not drawn but met."""
        raise ValueError(f"{type(self).__name__} has no states to draw{_INSTEAD}")

    def set_factors(self, factors: np.ndarray) -> Never:
        """ValueError: states are not set but met."""
        raise ValueError(f"the states of {type(self).__name__} cannot be set{_INSTEAD}")

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        if given:
            raise ValueError(
                f"the states of {type(self).__name__} cannot be set: leave "
                f"{', '.join(given)} out of options['factors']; appearance factors can be given"
            )
        super()._start(seed, given)

    def _specs(self) -> tuple[FactorSpec, ...]:
        config = self._sim.config
        width, height = (
            config[f"screen_{side}"] / config["scaling"] for side in ("width", "height")
        )
        left, above = (
            part * side
            for part, side in zip(config["centering_position"], (width, height), strict=True)
        )
        body = LENGTH / 2
        self._low = np.array([-left - body, -above - body])  # in sight, from the own vehicle
        self._high = np.array([width - left + body, height - above + body])
        specs = [
            FactorSpec("x", low=-ROADS, high=ROADS, unit="m"),
            FactorSpec("y", low=-ROADS, high=ROADS, unit="m"),
            FactorSpec("heading", "cyclic", low=-pi, high=pi, unit="rad"),
        ]
        for number in range(1, NEAREST + 1):
            specs += [
                FactorSpec(f"near_{number}_present", "categorical", values=(0.0, 1.0)),
                *(
                    FactorSpec(f"near_{number}_{axis}", low=float(low), high=float(high), unit="m")
                    for axis, low, high in zip("xy", self._low, self._high, strict=True)
                ),
            ]
        if self.speeds:
            specs.append(FactorSpec("speed", low=-FASTEST, high=FASTEST, unit="m/s"))
            specs += [
                FactorSpec(f"near_{n}_v{axis}", low=-2 * FASTEST, high=2 * FASTEST, unit="m/s")
                for n in range(1, NEAREST + 1)
                for axis in "xy"
            ]
        return tuple(specs)

    def _read(self) -> np.ndarray:
        own, near = self._sim.vehicle, self._near()
        turned = own.heading - 2 * pi * np.round(own.heading / (2 * pi))
        values = [*own.position, turned]
        velocities = []
        for number in range(NEAREST):
            there = number < len(near)
            away = near[number].position - own.position if there else (0.0, 0.0)
            values += [float(there), *away]
            velocities += [*(near[number].velocity - own.velocity if there else (0.0, 0.0))]
        return np.array([*values, *([own.speed, *velocities] if self.speeds else [])])

    def _near(self) -> list[Any]:
        """The nearest vehicles in sight, at most ``NEAREST``."""
        own = self._sim.vehicle
        seen = [
            vehicle
            for vehicle in self._sim.road.vehicles
            if vehicle is not own
            and np.all(vehicle.position - own.position > self._low)
            and np.all(vehicle.position - own.position < self._high)
        ]
        return sorted(seen, key=lambda v: float(np.linalg.norm(v.position - own.position)))[
            :NEAREST
        ]

    def _succeeded(self, *, terminated: bool, truncated: bool) -> bool:
        return bool(terminated and self._sim.has_arrived(self._sim.vehicle)) and not (
            self._sim.vehicle.crashed
        )


_INSTEAD = (
    "; its factors are read on-policy, in info['factors']: bvae-rl collect, then evaluate and "
    "visualize score and draw what a policy met"
)
