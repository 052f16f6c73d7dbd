"""What an agent sees of CarRacing and how it drives: the same for gymnasium's and EnvPool's."""

from __future__ import annotations

import cv2
import numpy as np
from gymnasium import spaces

SIDE = 96  # pixels of the task's own picture
ROAD_ROWS = 84  # above the dashboard


def action_space() -> spaces.Box:
    """Steering (-1 full left, 1 full right), and a pedal: gas where positive, brake where not."""
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def shown(picture: np.ndarray, size: int, *, dashboard: bool) -> np.ndarray:
    """The task's ``picture``, uint8 (96, 96, C), as a frame (size, size, 3); three channels count.

    Without ``dashboard`` only its upper 84 rows, which then fill the frame.
    """
    seen = picture if dashboard else picture[:ROAD_ROWS]
    return cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA)[..., :3]


def task_actions(actions: np.ndarray) -> np.ndarray:
    """Actions (..., 2) as the task takes them: steering, gas and brake, float32 (..., 3).

    ValueError for another shape or what is not finite; what is beyond the bounds is cut off.
    """
    given = np.asarray(actions, dtype=np.float32)
    if given.shape[-1:] != (2,) or not np.isfinite(given).all():
        raise ValueError(f"an action is steering and pedal, two finite numbers, got {actions}")
    steering, pedal = np.moveaxis(given.clip(-1.0, 1.0), -1, 0)
    return np.stack([steering, pedal.clip(0.0, None), (-pedal).clip(0.0, None)], axis=-1)
