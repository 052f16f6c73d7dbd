"""Progress of several tasks at once, with the time left estimated from what was measured.

Each task has a planned duration. The pace (measured / planned) of what has run so far scales what
is still to run. On a terminal the line is redrawn; in a log a line is written now and then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

BAR = 24
LOG_EVERY = 15.0  # seconds between lines where output is no terminal
DRAW_EVERY = 0.2
KNOWN_FROM = 0.01  # of the work, before which nothing says how long it takes


class Progress:
    """``update(name, fraction)`` for tasks with planned seconds, on ``workers`` processes."""

    def __init__(
        self, planned: Mapping[str, float], *, workers: int = 1, stream: TextIO | None = None
    ) -> None:
        self.planned = dict(planned)
        self.workers = workers
        self.fractions = dict.fromkeys(planned, 0.0)
        self._reused: set[str] = set()  # finished by an earlier call: nothing about the pace
        self._stream = stream or sys.stderr
        self._note = ""
        self._began = time.monotonic()
        self._drawn = -LOG_EVERY

    def update(self, name: str, fraction: float, *, note: str = "") -> None:
        """Task ``name`` has done ``fraction`` (0 to 1) of its work; ``note`` ends the line."""
        self._note = note
        if name not in self.fractions:
            raise ValueError(f"unknown task {name!r}; planned: {', '.join(self.planned)}")
        if self.fractions[name] == 0.0 and fraction >= 1.0:
            self._reused.add(name)
        finished = self.fractions[name] < 1.0 <= fraction
        self.fractions[name] = min(1.0, max(fraction, self.fractions[name]))
        self._draw(finished=finished)

    def seconds_left(self) -> float:
        """Planned seconds of what is left, at the pace of what has been done."""
        left = {name: self.planned[name] * (1.0 - f) for name, f in self.fractions.items()}
        done = sum(
            self.planned[name] - seconds
            for name, seconds in left.items()
            if name not in self._reused
        )
        total = sum(left.values())
        elapsed = time.monotonic() - self._began
        pace = elapsed * self.workers / done if done > 0.02 * (done + total) else 1.0
        return pace * max(total / self.workers, *left.values(), 0.0)

    def close(self) -> None:
        """End the line."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
        self._stream.flush()

    def _draw(self, *, finished: bool) -> None:
        tty = self._stream.isatty()
        now = time.monotonic()
        if now - self._drawn < (DRAW_EVERY if tty else LOG_EVERY) and not (finished and not tty):
            return
        self._drawn = now
        total = sum(self.planned.values())
        done = sum(self.planned[n] * f for n, f in self.fractions.items()) / max(total, 1e-9)
        bar = "#" * round(done * BAR)
        running = [f"{n} {f:.0%}" for n, f in self.fractions.items() if 0.0 < f < 1.0]
        left = "done" if done >= 1.0 else f"about {minutes(self.seconds_left())} left"
        if done < KNOWN_FROM:
            left = "beginning"
        line = f"[{bar:.<{BAR}}] {done:4.0%}  {left}  {', '.join(running)}  {self._note}"
        self._stream.write(f"\r\x1b[K{line.rstrip()[:118]}" if tty else f"{line.rstrip()}\n")
        self._stream.flush()


def counted(show: Callable[[float], None], total: int, *, done: int = 0) -> Callable[[int], None]:
    """A function that takes how many were added, of ``total``, and shows the fraction once a step.

    ``done`` of them are there already.
    """
    shown = 0.0

    def add(added: int) -> None:
        nonlocal done, shown
        done += added
        fraction = min(1.0, done / total)
        if fraction > shown:
            shown = fraction
            show(fraction)

    return add


def minutes(seconds: float) -> str:
    """Seconds as people say them: "40 s", "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
