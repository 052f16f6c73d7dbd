"""Schedules of beta (or of a capacity) as pure functions of the training step.

``Schedule = Callable[[int], float]``; each maker below returns one. Steps count from 0; values stay
constant after the last step of a ramp.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant(value: float) -> Schedule:
    """Always ``value``."""
    _check_value(value)
    return lambda step: value


def linear(start: float, end: float, steps: int) -> Schedule:
    """From ``start`` at step 0 to ``end`` at ``steps``, along a line."""
    _check_value(start, end)
    _check_steps(steps)
    return lambda step: start + (end - start) * min(1.0, step / steps)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """From ``start`` at step 0 to ``end`` at ``steps``, along half a cosine."""
    _check_value(start, end)
    _check_steps(steps)
    return lambda step: (
        start + (end - start) * 0.5 * (1.0 - math.cos(math.pi * min(1.0, step / steps)))
    )


def geometric(end: float, steps: int, *, first: float = 1e-3) -> Schedule:
    """From ``first`` of ``end`` at step 0 to ``end`` at ``steps``, each step by the same factor."""
    _check_value(end)
    _check_steps(steps)
    if not 0.0 < first <= 1.0:
        raise ValueError(f"first is a fraction of the end, above 0 and up to 1, got {first}")
    return lambda step: end * first ** (1.0 - min(1.0, step / steps))


def cyclical(peak: float, steps: int, *, cycles: int = 4, ramp: float = 0.5) -> Schedule:
    """Cyclical annealing (Fu et al. 2019, arXiv 1903.10145, eq. 6).

    ``steps`` is cut into ``cycles``; in each, beta rises from 0 to ``peak`` during the fraction
    ``ramp`` and stays there. After ``steps`` it is ``peak``.
    """
    _check_value(peak)
    _check_steps(steps)
    if cycles < 1 or not 0.0 < ramp <= 1.0:
        raise ValueError(f"need cycles >= 1 and ramp in (0, 1], got cycles={cycles}, ramp={ramp}")
    period = steps / cycles

    def beta(step: int) -> float:
        if step >= steps:
            return peak
        return peak * min(1.0, (step % period) / period / ramp)

    return beta


def relaxed(schedule: Schedule, first: int, last: int, *, to: float = 0.1) -> Schedule:
    """``schedule`` until step ``first``; from there it falls, at ``last`` to the share ``to``."""
    _check_value(to)
    _check_steps(last - first)
    return lambda step: schedule(step) * to ** min(1.0, max(0.0, (step - first) / (last - first)))


def fading(value: float, share: Schedule) -> Schedule:
    """``value`` while ``share`` is 0, nothing of it once that is 1."""
    _check_value(value)
    return lambda step: value * (1.0 - share(step))


def delayed(schedule: Schedule, steps: int) -> Schedule:
    """``schedule``, begun ``steps`` later: until then its first value."""
    return lambda step: schedule(max(0, step - steps))


def capacity(maximum: float, steps: int) -> Schedule:
    """The target capacity C(t) in nats, from 0 to ``maximum`` (Burgess et al. 2018, eq. 8)."""
    return linear(0.0, maximum, steps)


def _check_value(*values: float) -> None:
    for value in values:
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(
                f"beta, capacity and other weights must be finite and not negative, got {value}"
            )


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"a schedule needs at least one step, got {steps}")
