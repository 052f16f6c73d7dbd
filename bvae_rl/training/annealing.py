"""How a weight gets to its value over a training: shape, ramp and release, as fractions of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from bvae_rl.training.schedules import (
    Constant,
    Cosine,
    Cyclical,
    Geometric,
    Linear,
    Ramp,
    Released,
    Schedule,
)

Shape = Literal["constant", "linear", "cosine", "geometric", "cyclical"]
SHAPES: dict[Shape, Callable[[float, int], Schedule]] = {
    "constant": lambda end, steps: Constant(end),
    "linear": lambda end, steps: Linear(0.0, end, steps),
    "cosine": lambda end, steps: Cosine(0.0, end, steps),
    "geometric": Geometric,
    "cyclical": Cyclical,
}


@dataclass(frozen=True)
class Annealing:
    """Schedules over a training of ``steps`` steps.

    A weight is at its value after the fraction ``ramp`` of the steps, and falls to a tenth of it
    over the last fraction ``release``.
    """

    steps: int
    shape: Shape = "linear"
    ramp: float = 0.2
    release: float = 0.0

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            known = ", ".join(get_args(Shape))
            raise ValueError(f"unknown schedule {self.shape!r}; known: {known}")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if not 0.0 <= self.ramp <= 1.0:
            raise ValueError(
                f"ramp is the fraction of the steps that beta takes to get there, from 0 to 1, got "
                f"{self.ramp}: it would end before it begins, or after the training"
            )
        if not 0.0 <= self.release <= 1.0 - self.ramp + 1e-9:
            raise ValueError(
                f"release is the fraction of the steps that is left at the end, after a ramp of "
                f"{self.ramp:g} at most {1 - self.ramp:g}, got {self.release}"
            )

    def to(self, end: float) -> Schedule:
        """To ``end``, and released."""
        first = self.steps - round(self.release * self.steps)
        held = self.hold(end)
        return Released(held, first, self.steps) if first < self.steps else held

    def hold(self, end: float) -> Schedule:
        """To ``end``, which stays."""
        return SHAPES[self.shape](end, max(1, round(self.ramp * self.steps)))

    def between(self, start: float, full: float) -> Ramp:
        """From 0 to 1 along a line, between two fractions of the training."""
        if not 0.0 <= start <= full <= 1.0:
            raise ValueError(
                f"a ramp goes on between two fractions of the training, start <= full, from 0 to "
                f"1; got start={start:g} and full={full:g}"
            )
        return Ramp(round(start * self.steps), round(full * self.steps))
