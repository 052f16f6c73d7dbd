"""A measured figure beside its target, a table of them, and where time goes."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import gymnasium as gym
import torch

TOP = 6


@dataclass(frozen=True)
class Figure:
    """What was measured: the median of ``rounds``, one value a round.

    ``target`` is the least value that will do, or the greatest where ``at_most``; None: none.
    """

    name: str
    rounds: tuple[float, ...]
    unit: str
    target: float | None = None
    at_most: bool = False

    @property
    def value(self) -> float:
        """The median."""
        return median(self.rounds)

    @property
    def missed(self) -> bool:
        """Whether there is a target and the median fails it."""
        if self.target is None:
            return False
        return self.value > self.target if self.at_most else self.value < self.target


def ratio(
    name: str, above: Figure, below: Figure, target: float | None = None, *, at_most: bool = False
) -> Figure:
    """``above`` / ``below``, round by round."""
    rounds = tuple(a / b for a, b in zip(above.rounds, below.rounds, strict=True))
    return Figure(name, rounds, "x", target, at_most)


def table(figures: list[Figure]) -> str:
    """One line a figure: median, spread of the rounds, target, reached or not."""
    lines = [f"{'':54} {'median':>10} {'lowest':>10} {'highest':>10}  {'':8} target"]
    for figure in figures:
        values = (figure.value, min(figure.rounds), max(figure.rounds))
        numbers = " ".join(f"{value:>10.4g}" for value in values)
        verdict = ""
        if figure.target is not None:
            sign = "<=" if figure.at_most else ">="
            verdict = f"{sign} {figure.target:g}: {'NO' if figure.missed else 'yes'}"
        lines.append(f"{figure.name:54} {numbers}  {figure.unit:8} {verdict}".rstrip())
    return "\n".join(lines)


def frames_per_second(env: gym.Env, steps: int) -> float:
    """Steps of random actions, resets included."""
    env.reset()
    actions = [env.action_space.sample() for _ in range(steps)]
    began = time.perf_counter()
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return steps / (time.perf_counter() - began)


def operators(work: Callable[[], object]) -> list[str]:
    """The torch operators that take most of the time of ``work``, with their share."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        work()
    events = [e for e in profiler.key_averages() if e.self_cpu_time_total > 0]
    whole = sum(event.self_cpu_time_total for event in events)
    events.sort(key=lambda event: -event.self_cpu_time_total)
    return [
        f"{event.self_cpu_time_total / whole:4.0%} {event.key}, {event.count} calls"
        for event in events[:TOP]
    ]


def functions(work: Callable[[], object]) -> list[str]:
    """The Python functions that take most of the time of ``work``, with their share."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    rows = pstats.Stats(profiler).get_stats_profile()
    whole = sum(row.tottime for row in rows.func_profiles.values()) or 1.0  # rounded to ms
    top = sorted(rows.func_profiles.items(), key=lambda item: -item[1].tottime)[:TOP]
    return [
        f"{row.tottime / whole:4.0%} {name} ({Path(row.file_name).name}), {row.ncalls} calls"
        for name, row in top
    ]
