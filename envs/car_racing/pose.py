"""Where a car is on its road and how it moves, read from and written to gymnasium's simulation.

All that has a side is positive to the left, as angles are in Box2D. (The task's own steering, an
action, is positive to the right.)
"""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.appearance import Range
from bvae_rl.envs.car_racing.road import Road

AHEAD = (5, 15, 25)  # metres, all of them in the picture
FAR = 30.0  # metres to the side; from there on no road is seen
SPECS = (
    FactorSpec("road_position", "cyclic", low=0.0, high=1.0, unit="laps"),
    FactorSpec("offset", low=-FAR, high=FAR, unit="m"),
    FactorSpec("angle", "cyclic", low=-pi, high=pi, unit="rad"),
    FactorSpec("speed", low=-60.0, high=100.0, unit="m/s"),
    FactorSpec("slip", low=-90.0, high=90.0, unit="m/s"),
    FactorSpec("steering", low=-0.45, high=0.45, unit="rad"),
    *(FactorSpec(f"curvature_{m}", low=-0.1, high=0.1, unit="1/m") for m in AHEAD),
)
FREE = 6  # the first ones; curvatures follow from the position
DEPENDENT = tuple(spec.name for spec in SPECS[FREE:])
DRAWN: dict[str, Range] = {  # by sample_factors
    "road_position": (0.0, 1.0),
    "offset": (-8.0, 8.0),  # the road is 13.3 m wide
    "angle": (-0.7, 0.7),
    "speed": (0.0, 50.0),
    "slip": (-6.0, 6.0),
    "steering": (-0.4, 0.4),
}
SAME_CURVATURE = 1e-3  # 1/m, within which one is what the road has
SAME_PLACE = 1e-2  # metres


def read(car: Any, road: Road) -> np.ndarray:
    """The factors (K,) of a car, cut off at the ends of their ranges."""
    hull = car.hull
    where = road.find(tuple(hull.position))
    angle = (hull.angle - where.direction + pi) % (2 * pi) - pi
    (vx, vy), (right_x, right_y) = hull.linearVelocity, hull.GetWorldVector((1.0, 0.0))
    speed, slip = vy * right_x - vx * right_y, -(vx * right_x + vy * right_y)
    free = [where.along / road.length, where.offset, angle, speed, slip, car.wheels[0].joint.angle]
    return np.array(
        [spec.nearest(value) for spec, value in zip(SPECS, free, strict=False)]
        + curvatures(road, where.along)
    )


def curvatures(road: Road, along: float) -> list[float]:
    """Of the road ahead of a place."""
    return [road.curvature(along + metres) for metres in AHEAD]


def draw(road: Road, rng: np.random.Generator) -> np.ndarray:
    """Factors (K,) of a car on or beside the road; all but the curvatures independent."""
    while True:
        low, high = zip(*DRAWN.values(), strict=True)
        free = rng.uniform(low, high)
        state = np.array([*free, *curvatures(road, free[0] * road.length)])
        if obstacle(state, road) is None:
            return state


def obstacle(state: np.ndarray, road: Road) -> str | None:
    """Why no car can have the factors ``state`` (K,) on this road, or None."""
    along, offset = state[0] * road.length, state[1]
    for name, asked, there in zip(DEPENDENT, state[FREE:], curvatures(road, along), strict=True):
        if abs(asked - there) > SAME_CURVATURE:
            return (
                f"at road_position {state[0]:.4g} of this track {name} is {there:.4g}, not "
                f"{asked:.4g}; curvatures follow from the position and the track, so name others"
            )
    if abs(road.find(road.place(along, offset).tolist()).offset - offset) > SAME_PLACE:
        return (
            f"{offset:.3g} m beside road_position {state[0]:.4g} another stretch of the road is "
            "nearer; take a smaller offset"
        )
    return None


def put(car: Any, road: Road, state: np.ndarray) -> None:
    """Put a car where ``state`` (K,) says: not turning, with wheels that roll, without gas."""
    position, offset, angle, speed, slip, steering = state[:FREE].tolist()
    along = position * road.length
    x, y = road.place(along, offset).tolist()
    heading = road.direction(along) + angle
    c, s = cos(heading), sin(heading)
    velocity = (-s * speed - c * slip, c * speed - s * slip)
    car.hull.transform = ((x, y), heading)
    for number, wheel in enumerate(car.wheels):
        dx, dy = wheel.joint.GetLocalAnchorA()
        turn = steering if number < 2 else 0.0
        wheel.transform = ((x + c * dx - s * dy, y + s * dx + c * dy), heading + turn)
        wheel.steer, wheel.gas, wheel.brake = turn, 0.0, 0.0
        wheel.omega, wheel.phase = speed / wheel.wheel_rad, 0.0
        wheel.skid_start = wheel.skid_particle = None
    for body in (car.hull, *car.wheels):
        body.linearVelocity, body.angularVelocity, body.awake = velocity, 0.0, True
    car.particles.clear()
