"""The scores of one code: everything computed in one pass, mutual information measured once.

For all latents: MIG, DCI, R2 (network and line) and the further metrics that were asked for, over
all factors. Where the code has a ``content`` group: the same for it over the state factors, and its
*leak*, R2 of the appearance factors from content latents. Where it has a ``appearance`` group: R2 of all
factors from it. Inactive latents take no part in what rests on information, and are counted.
Factors that never change in the samples are left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.array_metrics import ARRAY_METRICS, Part, chosen
from bvae_rl.metrics.dci import dci
from bvae_rl.metrics.factor_correlation import factor_correlation
from bvae_rl.metrics.information import Information, measure
from bvae_rl.metrics.inputs import as_matrix, changing, split
from bvae_rl.metrics.intervals import information_interval, interval
from bvae_rl.metrics.mig import gap
from bvae_rl.metrics.regression import R2, Model, r2
from bvae_rl.metrics.scores import CodeScores, Readout, Scores

LEAST_EPISODES = 14  # to fit on 10 or more and test on others


def score(
    codes: Any,
    factors: Any,
    specs: Sequence[FactorSpec],
    *,
    groups: Mapping[str, tuple[int, int]] | None = None,
    active: Any = None,
    metrics: Sequence[str] = (),
    reference: bool = False,
    replicates: int = 0,
    slow_replicates: int = 0,
    episode: Any = None,
    seed: int = 0,
    bins: int = 20,
    steps: int = 2000,
    n_jobs: int = 1,
) -> Scores:
    """Score (N, D) codes against the (N, K) factors that ``specs`` describe.

    ``groups`` gives the half-open ranges of the latents called ``content`` and ``appearance``; other
    names are not scored. ``active`` is a boolean (D,), say KL above .01 nats. ``metrics`` are names
    of ``ARRAY_METRICS``, or "all"; ``reference`` takes the published definitions where there are
    two. ``replicates`` (200, say) draw the 95% intervals of MIG and R2; ``slow_replicates`` (20,
    say) those of DCI and the further metrics, which are scored anew each time. ``episode`` (N,)
    numbers the episodes of visited frames: R2 is then tested on others, and whole ones are drawn.
    Cyclic factors are turned into angles by the period ``high - low`` of their spec. ``steps`` are
    those of the network behind R2. ValueError for anything that does not fit together.
    """
    z = as_matrix(codes, "codes")
    v, kept = changing(factors, specs)
    kinds = tuple(spec.kind for spec in kept)
    settings: dict[str, Any] = {
        "bins": bins, "kinds": kinds, "active": active, "reference": reference
    }  # fmt: skip
    information = measure(z, v, **settings)
    scorer = _Scorer(
        z, v, kept, information, chosen(metrics), reference, replicates, seed, steps, n_jobs,
        _rows_of(episode, len(z), seed),
    )  # fmt: skip
    size = z.shape[1]
    content, style = _range("content", groups, size), _range("style", groups, size)
    roles = [spec.role for spec in kept]
    every = tuple(range(len(roles)))
    state = tuple(k for k in every if roles[k] == "state")
    appearance = tuple(k for k in every if roles[k] == "appearance")
    parts = {"all": (tuple(range(size)), every)}
    if content and state:
        parts["content"] = (content, state)
    bounds = _bounds(parts, z, v, settings, replicates=replicates, episode=episode, seed=seed)
    coded = {name: scorer.code(*part, bounds.get(name)) for name, part in parts.items()}
    if slow_replicates:
        drawn = {"replicates": slow_replicates, "episode": episode, "seed": seed}
        coded = {name: scorer.with_intervals(part, **drawn) for name, part in coded.items()}
    names = [spec.name for spec in kept]
    return Scores(
        samples=len(z),
        bins=bins,
        latents=size,
        active=tuple(int(j) for j in np.flatnonzero(information.active)),
        constant_factors=tuple(spec.name for spec in specs if spec.name not in names),
        factor_correlation=factor_correlation(v, kinds=kinds),
        chance=float(information.chance.max(initial=0.0)),
        all=coded["all"],
        content=coded.get("content"),
        leak=scorer.readout(content, appearance) if content and appearance else None,
        style=scorer.readout(style, every) if style else None,
    )


@dataclass(frozen=True, eq=False)
class _Scorer:
    """The checked arrays of one report and its settings; knows how to score any part of them."""

    codes: np.ndarray
    factors: np.ndarray
    specs: tuple[FactorSpec, ...]
    information: Information
    metrics: tuple[str, ...]
    reference: bool
    replicates: int
    seed: int
    steps: int
    n_jobs: int
    split: tuple[np.ndarray, np.ndarray] | None

    def readout(self, latents: Sequence[int], factors: Sequence[int]) -> Readout:
        z, v, kinds = self._select(latents, factors)

        def read(model: Model) -> R2:
            settings: dict[str, Any] = {
                "kinds": kinds, "seed": self.seed, "model": model, "steps": self.steps,
                "replicates": self.replicates,
            }  # fmt: skip
            if self.split is None:
                return r2(z, v, **settings)
            train, test = self.split
            return r2(z[train], v[train], codes_test=z[test], factors_test=v[test], **settings)

        names = tuple(self.specs[k].name for k in factors)
        return Readout(tuple(latents), names, read("mlp"), read("linear"))

    def code(
        self, latents: Sequence[int], factors: Sequence[int], bounds: np.ndarray | None
    ) -> CodeScores:
        z, v, kinds = self._select(latents, factors)
        read = self.readout(latents, factors)
        information = self.information.select(latents, factors)
        further = self._further(z, v, kinds, information)
        return CodeScores(
            read.latents,
            read.factors,
            read.r2,
            read.linear_r2,
            gap(information),
            dci(z, v, kinds=kinds, seed=self.seed, reference=self.reference, n_jobs=self.n_jobs),
            bounds,
            further,
        )

    def with_intervals(self, scores: CodeScores, **drawn: Any) -> CodeScores:
        """The same with intervals of DCI and the further metrics over draws of the samples."""
        factors = [spec.name for spec in self.specs]
        numbers = [factors.index(name) for name in scores.factors]
        z, v, kinds = self._select(scores.latents, numbers)
        active = self.information.select(scores.latents, numbers).active
        settings: dict[str, Any] = {"kinds": kinds, "reference": self.reference}

        def measured(codes: np.ndarray, truth: np.ndarray) -> dict[str, float]:
            found = dci(codes, truth, seed=self.seed, n_jobs=self.n_jobs, **settings)
            information = measure(
                codes, truth, bins=self.information.bins, active=active, **settings
            )
            return {
                "dci/disentanglement": found.disentanglement,
                "dci/completeness": found.completeness,
                "dci/informativeness": found.informativeness,
                **self._further(codes, truth, kinds, information),
            }

        names = list(measured(z, v))
        both = interval(lambda c, f: list(measured(c, f).values()), z, v, **drawn)
        bounds = zip(both.low.tolist(), both.high.tolist(), strict=True)
        return replace(scores, slow_interval=dict(zip(names, bounds, strict=True)))

    def _further(
        self, codes: np.ndarray, factors: np.ndarray, kinds: Any, information: Information
    ) -> dict[str, float]:
        part = Part(codes, factors, kinds, information, self.seed, self.reference)
        found: dict[str, float] = {}
        for name in self.metrics:
            found |= ARRAY_METRICS[name](part)
        return found

    def _select(
        self, latents: Sequence[int], factors: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray, tuple[Any, ...]]:
        kinds = tuple(self.specs[k].kind for k in factors)
        return self.codes[:, list(latents)], self.factors[:, list(factors)], kinds


def _bounds(
    parts: Mapping[str, tuple[Sequence[int], Sequence[int]]],
    codes: np.ndarray,
    factors: np.ndarray,
    settings: Mapping[str, Any],
    *,
    replicates: int,
    episode: Any,
    seed: int,
) -> dict[str, np.ndarray]:
    """95% intervals (1 + K, 2) of each part's MIG, from the same replicates; none without."""
    if not replicates:
        return {}

    def gaps(information: Information) -> np.ndarray:
        found = [gap(information.select(*part)) for part in parts.values()]
        return np.concatenate([[one.score, *one.per_factor] for one in found])

    drawn = information_interval(
        gaps, codes, factors, replicates=replicates, episode=episode, seed=seed, **settings
    )
    ends = np.cumsum([1 + len(factors) for _, factors in parts.values()])[:-1]
    both = np.stack([drawn.low, drawn.high], axis=1).clip(0.0, 1.0)  # as MIG is
    return dict(zip(parts, np.split(both, ends), strict=True))


def _rows_of(episode: Any, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows to fit and to test on, by whole episodes; None where there are none."""
    if episode is None:
        return None
    number = np.asarray(episode)
    if number.shape != (samples,):
        raise ValueError(f"episode must number each of the {samples} samples, got {number.shape}")
    names = np.unique(number)
    if len(names) < LEAST_EPISODES:
        raise ValueError(
            f"the samples are of {len(names)} episodes; at least {LEAST_EPISODES} are needed to "
            "test on others than were fitted: visit more frames"
        )
    _, test = split(len(names), test_fraction=0.25, seed=seed)
    held = np.isin(number, names[test])
    return np.flatnonzero(~held), np.flatnonzero(held)


def _range(
    name: str, groups: Mapping[str, tuple[int, int]] | None, latents: int
) -> tuple[int, ...]:
    if groups is None or name not in groups:
        return ()
    start, stop = groups[name]
    if not 0 <= start < stop <= latents:
        raise ValueError(
            f"the {name} group ({start}, {stop}) is not a range within the {latents} latents"
        )
    return tuple(range(start, stop))
