"""What hyperparameters may be; errors name the one and the value seen."""

from __future__ import annotations

import math


def not_negative(**values: float) -> None:
    """ValueError unless every one is finite and at least 0."""
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(f"{name} must be finite and not negative, got {value:g}")


def positive(**values: float) -> None:
    """ValueError unless every one is finite and above 0."""
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0.0):
            raise ValueError(f"{name} must be finite and positive, got {value:g}")


def fraction(**values: float) -> None:
    """ValueError unless every one is in [0, 1]."""
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be from 0 to 1, got {value:g}")


def whole(name: str, value: float, *, least: int) -> int:
    """``value`` as an integer; ValueError unless it is one, and at least ``least``."""
    if not (math.isfinite(value) and value == int(value) and value >= least):
        raise ValueError(f"{name} must be a whole number from {least} on, got {value:g}")
    return int(value)
