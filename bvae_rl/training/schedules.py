"""Schedules of beta, or of any other weight, over training steps.

Each is a frozen dataclass that holds all that it does: called with a step (from 0) it gives the
value, and two of them are equal where they do the same. After the last step of a ramp the value
stays. A schedule of your own is a frozen dataclass with ``__call__(step) -> float``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """step (0, 1, ...) -> value."""

    def __call__(self, step: int) -> float: ...


@dataclass(frozen=True)
class Constant:
    """Always ``value``."""

    value: float

    def __post_init__(self) -> None:
        _check_values(value=self.value)

    def __call__(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class Linear:
    """From ``start`` at step 0 to ``end`` at ``steps``, along a line."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _check_values(start=self.start, end=self.end)
        _check_steps(self.steps)

    def __call__(self, step: int) -> float:
        return self.start + (self.end - self.start) * min(1.0, step / self.steps)


@dataclass(frozen=True)
class Cosine(Linear):
    """From ``start`` at step 0 to ``end`` at ``steps``, along half a cosine."""

    def __call__(self, step: int) -> float:
        done = 0.5 * (1.0 - math.cos(math.pi * min(1.0, step / self.steps)))
        return self.start + (self.end - self.start) * done


@dataclass(frozen=True)
class Geometric:
    """From the fraction ``first`` of ``end`` to ``end`` at ``steps``, each step by one factor."""

    end: float
    steps: int
    first: float = 1e-3

    def __post_init__(self) -> None:
        _check_values(end=self.end)
        _check_steps(self.steps)
        if not 0.0 < self.first <= 1.0:
            raise ValueError(
                f"first is a fraction of the end, above 0 and up to 1, got {self.first}"
            )

    def __call__(self, step: int) -> float:
        return self.end * self.first ** (1.0 - min(1.0, step / self.steps))


@dataclass(frozen=True)
class Cyclical:
    """Cyclical annealing (Fu et al. 2019, arXiv 1903.10145, eq. 6).

    ``steps`` is cut into ``cycles``; in each, the value rises from 0 to ``peak`` during the
    fraction ``ramp`` and stays there. After ``steps`` it is ``peak``.
    """

    peak: float
    steps: int
    cycles: int = 4
    ramp: float = 0.5

    def __post_init__(self) -> None:
        _check_values(peak=self.peak)
        _check_steps(self.steps)
        if self.cycles < 1 or not 0.0 < self.ramp <= 1.0:
            raise ValueError(
                f"cycles must be at least 1 and ramp in (0, 1], got cycles={self.cycles}, "
                f"ramp={self.ramp}"
            )

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.peak
        period = self.steps / self.cycles
        return self.peak * min(1.0, (step % period) / period / self.ramp)


@dataclass(frozen=True)
class Released:
    """``schedule`` until step ``first``; then it falls, at ``last`` to the fraction ``to``."""

    schedule: Schedule
    first: int
    last: int
    to: float = 0.1

    def __post_init__(self) -> None:
        _check_values(to=self.to)
        _check_steps(self.last - self.first)

    def __call__(self, step: int) -> float:
        done = min(1.0, max(0.0, (step - self.first) / (self.last - self.first)))
        return self.schedule(step) * self.to**done


@dataclass(frozen=True)
class Ramp:
    """0 until step ``first``, 1 from ``last`` on, a line between; with equal steps a jump."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(
                f"a ramp needs steps 0 <= first <= last, got first={self.first}, last={self.last}"
            )

    def __call__(self, step: int) -> float:
        length = max(1, self.last - self.first)
        return min(1.0, max(0, step - self.first) / length)


@dataclass(frozen=True)
class Fading:
    """``value`` while ``gone`` is 0, nothing of it once that is 1."""

    value: float
    gone: Schedule

    def __post_init__(self) -> None:
        _check_values(value=self.value)

    def __call__(self, step: int) -> float:
        return self.value * (1.0 - self.gone(step))


def _check_values(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(
                f"{name} of a schedule must be finite and not negative, got {value}: beta, a "
                "capacity and other weights are"
            )


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"a schedule needs at least one step, got {steps}")
