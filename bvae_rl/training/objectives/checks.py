"""What the hyperparameters of an objective may be; errors name the hyperparameter and the value seen."""

from __future__ import annotations

import math


def not_negative(**hyperparameters: float) -> None:
    """ValueError unless every hyperparameter is finite and at least 0."""
    for name, value in hyperparameters.items():
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(f"{name} must be finite and not negative, got {value:g}")


def positive(**hyperparameters: float) -> None:
    """ValueError unless every hyperparameter is finite and above 0."""
    for name, value in hyperparameters.items():
        if not (math.isfinite(value) and value > 0.0):
            raise ValueError(f"{name} must be finite and positive, got {value:g}")


def fraction(**hyperparameters: float) -> None:
    """ValueError unless every hyperparameter is in [0, 1]."""
    for name, value in hyperparameters.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be from 0 to 1, got {value:g}")


def whole(name: str, value: float, *, least: int) -> int:
    """``value`` as an integer; ValueError unless it is one, and at least ``least``."""
    if not (math.isfinite(value) and value == int(value) and value >= least):
        raise ValueError(f"{name} must be a whole number from {least} on, got {value:g}")
    return int(value)
