"""The planar two-link arm: kinematics and contact with a disc, as pure functions.

World coordinates are metres in a window of 2 x 2 around the origin, y upwards; angles are radians.
``q1`` is the shoulder angle from the x axis, ``q2`` the elbow angle from the upper arm.

Contact is quasi-static: a disc without inertia moves out of the way of the fingertip (with
``links`` also of both links) along the contact's normal, by the overlap and no further, and stays
inside a box. The arm goes in sub-steps too short to pass through the disc; where the disc cannot
give way, the arm stops.
"""

from __future__ import annotations

from math import acos, atan2, ceil, cos, hypot, sin

import numpy as np

BASE = np.array([0.0, -0.45])
UPPER_ARM, FOREARM = 0.58, 0.48
Q_LOW = np.array([0.4, -2.6])
Q_HIGH = np.array([2.74, 2.6])
TARGET_LOW = np.array([-0.55, -0.10])
TARGET_HIGH = np.array([0.55, 0.40])
TARGET_RADIUS = 0.17
WINDOW = 2.0

LINK_WIDTH = 0.12  # where links touch; they are drawn as 4 of 64 pixels
TIP_RADIUS = 0.07
DISC_RADIUS = 0.14
RING_RADIUS = 0.20  # around a disc that lies on its goal
DISC_LOW = np.array([-0.40, 0.05])  # the box that holds the disc's centre: small enough for the
DISC_HIGH = np.array([0.40, 0.30])  # fingertip to get behind the disc for every push across it
SUB_STEP = 0.02  # radians a joint; moves the fingertip by at most 0.031 m
TOUCH = 1e-5  # an overlap of up to this many metres is a touch
ROUNDS = 12  # between two parts of the arm, or the arm and the box, the disc settles in rounds

Point = tuple[float, float]
Part = tuple[str, Point, Point, float]  # name, both ends, radius


def joints(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and fingertip position, each (2,), of the joint angles ``q`` (2,)."""
    angles = np.array([q[0], q[0] + q[1]])
    ways = np.array([np.cos(angles), np.sin(angles)])
    elbow = BASE + UPPER_ARM * ways[:, 0]
    return elbow, elbow + FOREARM * ways[:, 1]


def poses(tip: np.ndarray) -> list[Point]:
    """Joint angles within the limits that bring the fingertip to ``tip`` (2,): none, one or two."""
    x, y = (tip - BASE).tolist()
    bend = (x * x + y * y - UPPER_ARM**2 - FOREARM**2) / (2 * UPPER_ARM * FOREARM)
    if abs(bend) > 1.0:
        return []
    found = []
    for q2 in (acos(bend), -acos(bend)):
        q1 = atan2(y, x) - atan2(FOREARM * sin(q2), UPPER_ARM + FOREARM * cos(q2))
        q1 = atan2(sin(q1), cos(q1))  # within half a turn
        if Q_LOW[0] <= q1 <= Q_HIGH[0] and Q_LOW[1] <= q2 <= Q_HIGH[1]:
            found.append((q1, q2))
    return found


def overlaps(q: np.ndarray, disc: np.ndarray, *, links: bool = False) -> dict[str, float]:
    """How deep the disc at ``disc`` (2,) is in each part of the arm, in metres; negative: a gap."""
    x, y = disc.tolist()
    return {
        name: radius + DISC_RADIUS - hypot(*_away(x, y, start, end))
        for name, start, end, radius in _parts(*q.tolist(), links=links)
    }


def push(
    q: np.ndarray, move: np.ndarray, disc: np.ndarray, *, links: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Joint angles and disc, each (2,), after the arm at ``q`` has turned by ``move`` (2,) radians.

    Where both joints together would crush the disc against the box, each tries alone.
    """
    steps = ceil(float(np.abs(move).max()) / SUB_STEP)
    by1, by2 = (move / max(steps, 1)).tolist()
    q1, q2 = q.tolist()
    x, y = disc.tolist()
    reach = (UPPER_ARM + FOREARM) * abs(by1) + FOREARM * abs(by2)  # of any point of the arm, a step
    if max(overlaps(q, disc, links=links).values()) < -steps * reach:
        for _ in range(steps):
            q1, q2 = q1 + by1, q2 + by2
        return np.array([q1, q2]), disc.copy()
    for _ in range(steps):
        for to1, to2 in ((q1 + by1, q2 + by2), (q1 + by1, q2), (q1, q2 + by2)):
            settled = _settle(x, y, _parts(to1, to2, links=links))
            if settled is not None:
                (x, y), q1, q2 = settled, to1, to2
                break
        else:
            break
    return np.array([q1, q2]), np.array([x, y])


def _parts(q1: float, q2: float, *, links: bool) -> tuple[Part, ...]:
    """The rounded parts that can touch a disc."""
    base = (float(BASE[0]), float(BASE[1]))
    elbow = (base[0] + UPPER_ARM * cos(q1), base[1] + UPPER_ARM * sin(q1))
    tip = (elbow[0] + FOREARM * cos(q1 + q2), elbow[1] + FOREARM * sin(q1 + q2))
    fingertip = ("fingertip", tip, tip, TIP_RADIUS)
    if not links:
        return (fingertip,)
    half = LINK_WIDTH / 2
    return ("upper arm", base, elbow, half), ("forearm", elbow, tip, half), fingertip


def _away(x: float, y: float, start: Point, end: Point) -> Point:
    """From the nearest point of the segment to (x, y)."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    squared = along_x * along_x + along_y * along_y
    if not squared:
        return x - start[0], y - start[1]
    t = ((x - start[0]) * along_x + (y - start[1]) * along_y) / squared
    t = min(max(t, 0.0), 1.0)
    return x - start[0] - t * along_x, y - start[1] - t * along_y


def _settle(x: float, y: float, parts: tuple[Part, ...]) -> Point | None:
    """Where a disc at (x, y) ends up outside ``parts``, or None if there is no room for it."""
    for _ in range(ROUNDS):
        free = True
        for _, start, end, radius in parts:
            away_x, away_y = _away(x, y, start, end)
            distance = hypot(away_x, away_y)
            overlap = radius + DISC_RADIUS - distance
            if overlap > TOUCH / 2:  # so that a state seen is one that may be set
                free = False
                x += overlap * away_x / distance
                y += overlap * away_y / distance
        if free:
            return x, y
        x = min(max(x, float(DISC_LOW[0])), float(DISC_HIGH[0]))
        y = min(max(y, float(DISC_LOW[1])), float(DISC_HIGH[1]))
    return None
