"""The planar two-link arm: kinematics and drawing as pure functions.

World coordinates are metres in a window of 2 x 2 around the origin, y upwards; angles are radians.
``q1`` is the shoulder angle from the x axis, ``q2`` the elbow angle from the upper arm.
"""

from __future__ import annotations

import cv2
import numpy as np

from bvae_rl.envs.looks import Look

BASE = np.array([0.0, -0.45])
UPPER_ARM, FOREARM = 0.58, 0.48
Q_LOW = np.array([0.4, -2.6])
Q_HIGH = np.array([2.74, 2.6])
TARGET_LOW = np.array([-0.55, -0.10])
TARGET_HIGH = np.array([0.55, 0.40])
TARGET_RADIUS = 0.17
WINDOW = 2.0
SHIFT = 4  # cv2 takes fixed-point coordinates with this many fractional bits


def joints(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and fingertip position, each (2,), of the joint angles ``q`` (2,)."""
    elbow = BASE + UPPER_ARM * np.array([np.cos(q[0]), np.sin(q[0])])
    tip = elbow + FOREARM * np.array([np.cos(q[0] + q[1]), np.sin(q[0] + q[1])])
    return elbow, tip


def draw(q: np.ndarray, target: np.ndarray, look: Look, *, size: int = 64) -> np.ndarray:
    """Draw the scene, anti-aliased, as uint8 RGB (size, size, 3).

    ``q`` (2,) joint angles, ``target`` (2,) centre of the target disc. The arm stands in front.
    """
    colours = look.colours()
    frame = np.empty((size, size, 3), dtype=np.uint8)
    frame[:] = colours["background"]
    scale = size / WINDOW
    elbow, tip = joints(q)
    _disc(frame, _pixel(target, scale), TARGET_RADIUS * scale, colours["target"])
    shoulder_px, elbow_px, tip_px = (_pixel(point, scale) for point in (BASE, elbow, tip))
    width = max(1, round(0.11 * scale))
    for start, end in ((shoulder_px, elbow_px), (elbow_px, tip_px)):
        cv2.line(frame, start, end, colours["arm"], width, cv2.LINE_AA, SHIFT)
    _disc(frame, shoulder_px, 0.10 * scale, colours["arm"])
    return frame


def _pixel(point: np.ndarray, scale: float) -> tuple[int, int]:
    x = (float(point[0]) + WINDOW / 2) * scale - 0.5
    y = (WINDOW / 2 - float(point[1])) * scale - 0.5
    return round(x * (1 << SHIFT)), round(y * (1 << SHIFT))


def _disc(
    frame: np.ndarray, centre: tuple[int, int], radius: float, colour: tuple[int, int, int]
) -> None:
    cv2.circle(frame, centre, round(radius * (1 << SHIFT)), colour, -1, cv2.LINE_AA, SHIFT)
