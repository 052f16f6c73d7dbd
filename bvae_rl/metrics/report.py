"""The scores of representations, one or several side by side, computed in one pass each.

For all latents: MIG, DCI, R2 (MLP probe and linear probe) and the further metrics that were asked
for, over all factors; mutual information is measured once. With a ``content`` group: the same for
it over the state factors, and its *leak*, R2 of the appearance factors from content latents. With a
``style`` group: R2 of all factors from it. Inactive latents take no part in what rests on
information, and are counted. Factors that cannot be scored in the samples, because they never
change, say, are left out and named (``scorable.py``).

    report = MetricReport(factors, specs, replicates=200)
    report.add("vae", codes, groups={"content": (0, 24), "style": (24, 32)})
    report.add_bounds("vae")
    print(report.table())
    print("\\n".join(report.conclusions("vae")))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bvae_rl.data.checked_specs import checked_specs
from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.array_metrics import ARRAY_METRICS, BELOW_ZERO, UNBOUNDED, Part, chosen
from bvae_rl.metrics.dci import dci
from bvae_rl.metrics.factor_correlation import correlation_chance, factor_correlation
from bvae_rl.metrics.information import Information, Settings, measure
from bvae_rl.metrics.inputs import LEAST_EPISODES as LEAST_EPISODES
from bvae_rl.metrics.inputs import as_matrix, split_episodes
from bvae_rl.metrics.intervals import information_interval, interval_of_rows
from bvae_rl.metrics.mig import gap
from bvae_rl.metrics.regression import R2, Model, r2
from bvae_rl.metrics.scorable import taken
from bvae_rl.metrics.scores import PartScores, ProbeScores, Scores
from bvae_rl.metrics.summary import conclusions, table

SHUFFLED, TRUTH = "shuffled", "true factors"

Columns = tuple[tuple[int, ...], tuple[int, ...]]  # latents and factors of a part


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

    ``groups`` gives the half-open ranges of the latents called ``content`` and ``style``; other
    names are not scored. ``active`` is a boolean (D,), say a variance above .01. ``metrics`` are
    names of ``ARRAY_METRICS``, or "all"; ``reference`` takes the published definitions where there
    are two. ``replicates`` (200, say) draw the 95% intervals of MIG and R2; ``slow_replicates``
    (20, say) those of DCI and the further metrics, which are scored anew each time. ``episode``
    (N,) numbers the episodes of on-policy frames: what is held out are then whole ones, and whole
    ones are drawn.
    Cyclic factors are turned into angles by the period ``high - low`` of their spec. ``steps`` are
    those of the MLP probe. ValueError for anything that does not fit together.
    """
    z = as_matrix(codes, "codes")
    v, kept, left = taken(factors, specs, episode=episode, seed=seed, reference=reference)
    kinds = tuple(spec.kind for spec in kept)
    settings: Settings = {"bins": bins, "kinds": kinds, "active": active, "reference": reference}
    information = measure(z, v, **settings)
    if episode is not None:
        split_episodes(episode, len(z), seed=seed)  # too few are refused before anything is scored
        episode = np.asarray(episode)
    scorer = _Scorer(
        Part(z, v, kinds, information, seed, reference, episode), tuple(spec.name for spec in kept),
        chosen(metrics), settings, replicates, slow_replicates, steps, n_jobs,
        {"episode": episode, "seed": seed},
    )  # fmt: skip
    parts = _parts([spec.role for spec in kept], groups, z.shape[1])
    full = {name: columns for name, columns in parts.items() if name in ("all", "content")}
    bounds = scorer.mig_bounds(full) if replicates else {}
    coded = {name: scorer.full(columns, bounds.get(name)) for name, columns in full.items()}
    probed = {name: scorer.probes(parts[name]) for name in ("leak", "style") if name in parts}
    return Scores(
        samples=len(z),
        bins=bins,
        latents=z.shape[1],
        active=tuple(np.flatnonzero(information.active).tolist()),
        constant_factors=tuple(s.name for s in specs if s.name not in {*scorer.names, *left}),
        left_out=left,
        factor_correlation=factor_correlation(v, kinds=kinds),
        correlation_chance=correlation_chance(v, kinds=kinds),
        chance=float(information.chance.max(initial=0.0)),
        all=coded["all"],
        content=coded.get("content"),
        leak=probed.get("leak"),
        style=probed.get("style"),
    )


class MetricReport:
    """Scores of codes of the same N frames, whose (N, K) ``factors`` the ``specs`` describe.

    ``settings`` are those of ``score``: metrics, replicates, reference, seed, steps, ...
    """

    def __init__(self, factors: Any, specs: Sequence[FactorSpec], **settings: Any) -> None:
        self.factors, self.specs = np.asarray(factors), checked_specs(specs)
        self.settings = settings
        self.scores: dict[str, Scores] = {}
        self._codes: dict[str, np.ndarray] = {}

    def add(
        self,
        name: str,
        codes: Any,
        *,
        groups: Mapping[str, tuple[int, int]] | None = None,
        active: Any = None,
        factors: Any = None,
        episode: Any = None,
    ) -> Scores:
        """Score ``codes`` (N, D) under ``name``.

        For other frames, say on-policy ones, give their ``factors`` (N', K), and their ``episode``
        (N',) if they are from episodes. ValueError for a name that is taken, and as ``score``.
        """
        if name in self.scores:
            raise ValueError(f"the report has scores of {name!r} already; take another name")
        truth = self.factors if factors is None else factors
        self.scores[name] = score(
            codes, truth, self.specs, groups=groups, active=active, episode=episode,
            **self.settings,
        )  # fmt: skip
        self._codes[name] = as_matrix(codes, "codes")
        return self.scores[name]

    def add_bounds(self, name: str, *, episode: Any = None) -> None:
        """Add a reference and an upper bound: the codes of ``name`` shuffled over the frames, and
        the true factors as a representation (a cyclic one as cosine and sine). ``episode``: as in
        ``add``.
        """
        self._known(name)
        rng = np.random.default_rng(self.settings.get("seed", 0))
        self.add(SHUFFLED, rng.permutation(self._codes[name]), episode=episode)
        self.add(TRUTH, true_codes(self.factors, self.specs), episode=episode)

    def table(self) -> str:
        """One column a representation, one row a metric."""
        return table(self.scores)

    def conclusions(self, name: str) -> list[str]:
        """What a reader may conclude of one representation, a sentence an entry."""
        return conclusions(self._known(name), self.specs)

    def to_json(self) -> dict[str, Any]:
        """All scores by name, as plain lists and numbers."""
        return {name: scores.to_json() for name, scores in self.scores.items()}

    def _known(self, name: str) -> Scores:
        if name not in self.scores:
            known = ", ".join(self.scores) or "none"
            raise ValueError(f"no codes were added as {name!r}; the report has: {known}")
        return self.scores[name]


def true_codes(factors: Any, specs: Sequence[FactorSpec]) -> np.ndarray:
    """The factors that change as codes (N, D): what a perfect encoder would give."""
    values, kept, _ = taken(factors, specs)
    columns = []
    for value, spec in zip(values.T, kept, strict=True):
        columns += [np.cos(value), np.sin(value)] if spec.kind == "cyclic" else [value]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class _Scorer:
    """The measured arrays of one report and its settings; scores any part of them."""

    whole: Part
    names: tuple[str, ...]
    metrics: tuple[str, ...]
    settings: Settings
    replicates: int
    slow_replicates: int
    steps: int
    n_jobs: int
    drawn: dict[str, Any]  # how replicates are drawn

    def part(self, columns: Columns) -> Part:
        latents, factors = columns
        return replace(
            self.whole,
            codes=self.whole.codes[:, list(latents)],
            factors=self.whole.factors[:, list(factors)],
            kinds=tuple(self.whole.kinds[k] for k in factors),
            information=self.whole.information.select(latents, factors),
        )

    def probes(self, columns: Columns) -> ProbeScores:
        part, named = self.part(columns), tuple(self.names[k] for k in columns[1])
        return ProbeScores(columns[0], named, self._r2(part, "mlp"), self._r2(part, "linear"))

    def full(self, columns: Columns, mig_bounds: np.ndarray | None) -> PartScores:
        part = self.part(columns)
        importances, further = part.predicted(dci, n_jobs=self.n_jobs), self._further(part)
        return PartScores(
            **vars(self.probes(columns)),
            mig=gap(part.information),
            dci=importances,
            mig_interval=mig_bounds,
            further=further,
            slow_interval=self._slow_bounds(part, [*importances.numbers(), *further]),
        )

    def mig_bounds(self, parts: Mapping[str, Columns]) -> dict[str, np.ndarray]:
        """95% intervals (1 + K, 2) of each part's MIG, from the same replicates."""

        def gaps(information: Information) -> np.ndarray:
            found = [gap(information.select(*columns)) for columns in parts.values()]
            return np.concatenate([[one.score, *one.per_factor] for one in found])

        found = information_interval(
            gaps, self.whole.codes, self.whole.factors, replicates=self.replicates, **self.drawn,
            **self.settings,
        )  # fmt: skip
        ends = np.cumsum([1 + len(factors) for _, factors in parts.values()])[:-1]
        both = np.stack([found.low, found.high], axis=1).clip(0.0, 1.0)  # as MIG is
        return dict(zip(parts, np.split(both, ends), strict=True))

    def _r2(self, part: Part, model: Model) -> R2:
        settings: dict[str, Any] = {
            "kinds": part.kinds, "seed": part.seed, "model": model, "steps": self.steps,
            "replicates": self.replicates, "episode": part.episode,
        }  # fmt: skip
        return r2(part.codes, part.factors, **settings)

    def _further(self, part: Part) -> dict[str, float]:
        found: dict[str, float] = {}
        for name in self.metrics:
            found |= ARRAY_METRICS[name](part)
        return found

    def _slow_bounds(self, part: Part, names: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Intervals of DCI and the further metrics over draws of the samples."""
        if not self.slow_replicates:
            return {}
        settings: Settings = {**self.settings, "kinds": part.kinds}
        settings["active"] = part.information.active

        def numbers(rows: np.ndarray, number: np.ndarray) -> list[float]:
            codes, factors = part.codes[rows], part.factors[rows]
            drawn = replace(
                part, codes=codes, factors=factors,
                information=measure(codes, factors, **settings),
                episode=None if part.episode is None else number,
            )  # fmt: skip
            importances = drawn.predicted(dci, n_jobs=self.n_jobs).numbers()
            return [*importances.values(), *self._further(drawn).values()]

        both = interval_of_rows(
            numbers, len(part.codes), replicates=self.slow_replicates, **self.drawn
        )
        least = [-np.inf if name in BELOW_ZERO else 0.0 for name in names]  # as scores are
        most = [np.inf if name in UNBOUNDED else 1.0 for name in names]
        low, high = np.clip(both.low, least, most), np.clip(both.high, least, most)
        bounds = zip(low.tolist(), high.tolist(), strict=True)
        return dict(zip(names, bounds, strict=True))


def _parts(
    roles: Sequence[str], groups: Mapping[str, tuple[int, int]] | None, latents: int
) -> dict[str, Columns]:
    """The parts of a report that have both latents and factors."""

    def group(name: str) -> tuple[int, ...]:
        start, stop = (groups or {}).get(name, (0, 0))
        if name in (groups or {}) and not 0 <= start < stop <= latents:
            raise ValueError(
                f"the {name} group ({start}, {stop}) is not a range within the {latents} latents"
            )
        return tuple(range(start, stop))

    every = tuple(range(len(roles)))
    state = tuple(k for k in every if roles[k] == "state")
    found = {
        "all": (tuple(range(latents)), every),
        "content": (group("content"), state),
        "leak": (group("content"), tuple(k for k in every if k not in state)),
        "style": (group("style"), every),
    }
    return {name: columns for name, columns in found.items() if all(columns)}
