"""A row of the table of objectives: what it is for, its hyperparameters, and how it is made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bvae_rl.models.losses import Likelihood
from bvae_rl.training.objectives import Objective
from bvae_rl.training.schedules import Schedule, delayed, linear, relaxed

Hyperparameters = Mapping[str, float]


@dataclass(frozen=True)
class Ramped:
    """Schedules over a training of ``steps`` steps.

    Called with an end value it gives the schedule that the user chose: ``shape(end, ramp)``, which
    is there after ``ramp`` steps and falls to a tenth over the last ``relax`` of all.
    """

    shape: Callable[[float, int], Schedule]
    ramp: int
    steps: int
    relax: float = 0.0

    def __call__(self, end: float) -> Schedule:
        """From where the shape starts to ``end``, and let go."""
        first = self.steps - round(self.relax * self.steps)
        held = self.held(end)
        return relaxed(held, first, self.steps) if first < self.steps else held

    def held(self, end: float) -> Schedule:
        """From where the shape starts to ``end``, which stays."""
        return self.shape(end, self.ramp)

    def between(self, start: float, full: float) -> Schedule:
        """From 0 to 1 along a line, between two fractions of the training."""
        if not 0.0 <= start <= full <= 1.0:
            raise ValueError(
                f"a ramp goes on between two fractions of the training, start <= full, from 0 to "
                f"1; got start={start:g} and full={full:g}"
            )
        first = round(start * self.steps)
        return delayed(linear(0.0, 1.0, max(1, round(full * self.steps) - first)), first)


@dataclass(frozen=True)
class Entry:
    """One objective on the command line.

    ``make(ramped, knobs, pairs)`` builds it. ``paper`` holds all hyperparameters with the defaults of the
    source, on its own scale of the likelihood (Bernoulli, s = 1), ``tuned`` what differs from them
    for RL frames at this package's scale and budget. ``pairs`` are the pairs that it trains on by
    default, "" for single frames. ``groups``: it needs the latent groups content and style.
    """

    name: str
    source: str
    """paper and equation"""
    purpose: str
    """what it is for, in a few words"""
    hyperparameter: str
    """the hyperparameter that matters and which way it turns"""
    cost: float
    """time of a step against the Beta-VAE's (bvae-rl bench objectives)"""
    make: Callable[[Ramped, Hyperparameters, str], Objective]
    paper: Hyperparameters
    tuned: Hyperparameters = field(default_factory=dict)
    pairs: str = ""
    likelihood: Likelihood | None = None
    """the only one that it takes"""
    groups: bool = False
    factors: bool = False
    """it is told all factors, a latent each"""

    def hyperparameters(self, preset: str, given: Hyperparameters) -> dict[str, float]:
        """The values of all hyperparameters; ValueError for an unknown preset or hyperparameter."""
        if preset not in ("tuned", "paper"):
            raise ValueError(f"unknown preset {preset!r}; known: tuned, paper")
        values = {**self.paper, **(self.tuned if preset == "tuned" else {})}
        if unknown := sorted(set(given) - set(values)):
            known = ", ".join(f"{name} ({value:g})" for name, value in values.items())
            raise ValueError(
                f"objective {self.name} has no hyperparameter {', '.join(unknown)}; it has: {known or 'none'}"
            )
        return {**values, **given}
