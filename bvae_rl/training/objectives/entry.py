"""A row of the table of objectives: what it is for, its hyperparameters, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

from bvae_rl.models.losses import Likelihood
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.objectives.base import Objective

Hyperparameters = Mapping[str, float]


@dataclass(frozen=True)
class Entry:
    """One objective by its name.

    ``paper`` holds all hyperparameters, which are fields of ``objective``, with the defaults of the
    source, on its own scale of the likelihood (Bernoulli, recon_weight 1); ``tuned`` what differs
    from them for RL frames at this package's scale and budget. Those in ``annealed`` become
    schedules that are released at the end, those in ``held`` schedules that stay; ``fixed`` are
    fields that make a variant. ``pairs`` are the pairs that it trains on by default, "" for single
    frames. ``groups``: it needs the latent groups content and style.
    """

    name: str
    objective: type[Objective]
    source: str
    """paper and equation"""
    purpose: str
    """what it is for, in a few words"""
    advice: str
    """the hyperparameter that matters and which way it turns"""
    paper: Hyperparameters
    tuned: Hyperparameters = field(default_factory=dict)
    annealed: tuple[str, ...] = ("beta",)
    held: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    arguments: Callable[[Hyperparameters, Annealing], dict[str, Any]] | None = None
    """what the objective takes, where hyperparameters are not its fields one by one"""
    cost: float = 1.0
    """time of a step against the Beta-VAE's (bvae-rl bench objectives)"""
    pairs: str = ""
    likelihood: Likelihood | None = None
    """the only one that it takes"""
    groups: bool = False
    factors: bool = False
    """it is trained with labels: all factors, a latent each"""

    def hyperparameters(self, preset: str, given: Hyperparameters) -> dict[str, float]:
        """The values of all hyperparameters; ValueError for an unknown preset or name."""
        if preset not in ("tuned", "paper"):
            raise ValueError(f"unknown preset {preset!r}; known: tuned, paper")
        values = {**self.paper, **(self.tuned if preset == "tuned" else {})}
        if unknown := sorted(set(given) - set(values)):
            known = ", ".join(f"{name} ({value:g})" for name, value in values.items())
            raise ValueError(
                f"objective {self.name} has no hyperparameter {', '.join(unknown)}; it has: "
                f"{known or 'none'}"
            )
        return {**values, **given}

    def make(self, values: Hyperparameters, annealing: Annealing, *, pairs: str = "") -> Objective:
        """The objective with these hyperparameters, on ``pairs`` if it takes some."""
        arguments = (self.arguments or self._fields)(values, annealing)
        if self.pairs:
            arguments["pairs"] = pairs or self.pairs
        return cast(Any, self.objective)(**arguments, **self.fixed)

    def _fields(self, values: Hyperparameters, annealing: Annealing) -> dict[str, Any]:
        types = {item.name: item.type for item in fields(cast(Any, self.objective))}
        found: dict[str, Any] = {}
        for name, value in values.items():
            if name in self.annealed:
                found[name] = annealing.to(value)
            elif name in self.held:
                found[name] = annealing.hold(value)
            else:
                found[name] = int(value) if types[name] == "int" and value == int(value) else value
        return found
