"""``bvae-rl bench metrics``: seconds that scores take, 10,000 samples, 10 latents, 7 factors.

The codes mix the factors through a random network with noise. MIG is without intervals, with the
exact mean under permutation; the report has every array metric, both probes' R2, and 200
bootstrap replicates. Published DCI is 100 boosted trees of scikit-learn a factor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics import dci, mig, score
from bvae_rl.scripts.bench.figures import Figure, functions, ratio

DCI, BOOSTED = "default DCI", "published DCI"
MIG, REPORT = "MIG", "report of all array metrics"


@dataclass(frozen=True)
class Sizes:
    """The arrays that are scored."""

    samples: int = 10_000
    latents: int = 10
    factors: int = 7
    replicates: int = 200
    steps: int = 2000


SIZES = Sizes()


class Bench:
    """The arrays and what is done with them."""

    def __init__(self) -> None:
        self.sizes = sizes = SIZES
        rng = np.random.default_rng(0)
        factors = rng.uniform(size=(sizes.samples, sizes.factors))
        mixed = np.tanh(2 * factors @ rng.normal(size=(sizes.factors, sizes.latents)))
        codes = mixed + 0.1 * rng.normal(size=mixed.shape)
        specs = [FactorSpec(f"factor {k}") for k in range(sizes.factors)]
        self.work: dict[str, Callable[[], object]] = {
            MIG: lambda: mig(codes, factors),
            REPORT: lambda: score(
                codes, factors, specs, metrics=("all",), replicates=sizes.replicates,
                steps=sizes.steps,
            ),
            DCI: lambda: dci(codes, factors),
            BOOSTED: lambda: dci(codes, factors, reference=True),
        }  # fmt: skip
        for name in (MIG, DCI):
            self.work[name]()  # warm

    def figures(self, rounds: int) -> list[Figure]:
        """Time all in turn, ``rounds`` times."""
        timed: dict[str, list[float]] = {name: [] for name in self.work}
        for _ in range(rounds):
            for name, work in self.work.items():
                began = time.perf_counter()
                work()
                timed[name].append(time.perf_counter() - began)
        targets = {MIG: 0.1, REPORT: 60.0}
        seconds = {
            name: Figure(name, tuple(values), "s", targets.get(name), at_most=True)
            for name, values in timed.items()
        }
        faster = ratio(f"{BOOSTED} / {DCI}", seconds[BOOSTED], seconds[DCI], 20.0, at_most=False)
        return [*seconds.values(), faster]

    def profile(self, name: str) -> list[str]:
        """Where the time behind the figure called ``name`` goes, a line each."""
        return functions(self.work[name.partition(" / ")[0]])
