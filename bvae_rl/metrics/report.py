"""The scores of one code: everything computed in one pass, mutual information measured once.

For all latents: MIG, DCI and R2 (network and line) over all factors. The same for the active
latents where some are not. Where the code has a ``content`` group: the same for it over the state
factors, and its *leak*, R2 of the look factors from content latents. Where it has a ``look``
group: R2 of all factors from it. Factors that never change in the samples are left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from bvae_rl.factors import FactorSpec
from bvae_rl.metrics.dci import DCI, dci
from bvae_rl.metrics.information import Information, measure
from bvae_rl.metrics.inputs import as_matrix, changing
from bvae_rl.metrics.mig import MIG, gap
from bvae_rl.metrics.regression import R2, r2


@dataclass(frozen=True, eq=False)
class Readout:
    """How well the named factors are read from some latents, by a network and by a line."""

    latents: tuple[int, ...]
    factors: tuple[str, ...]
    r2: R2
    linear_r2: R2


@dataclass(frozen=True, eq=False)
class CodeScores(Readout):
    """All scores of some latents over the named factors. Rows of matrices follow ``latents``."""

    mig: MIG
    dci: DCI


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a code. None marks a part that the code or the factors do not have.

    ``active_latents`` counts those in the mask given to ``score``, without one those that are not
    exactly constant; ``active`` is None when that is all of them, or none.
    """

    samples: int
    bins: int
    latents: int
    active_latents: int
    constant_factors: tuple[str, ...]
    all: CodeScores
    active: CodeScores | None
    content: CodeScores | None
    leak: Readout | None
    look: Readout | None

    def to_rows_dict(self) -> dict[str, float]:
        """Flat metric names to numbers, as for result rows: ``mig``, ``r2/target_x``, ``leak``.

        ``active/``, ``content/``, ``leak/`` and ``look/`` name the parts; plain ``leak`` is the
        largest R2 of a look factor from the content latents.
        """
        rows: dict[str, float] = {"latents": self.latents, "active_latents": self.active_latents}
        for part in ("all", "active", "content", "leak", "look"):
            readout: Readout | None = getattr(self, part)
            if readout is not None:
                prefix = "" if part == "all" else f"{part}/"
                rows |= {prefix + name: value for name, value in _rows(readout).items()}
        if self.leak is not None:
            rows["leak"] = float(self.leak.r2.per_factor.max())
        return rows

    def to_json(self) -> dict[str, Any]:
        """Everything, matrices included, as plain lists and numbers that ``json`` can write."""
        plain: dict[str, Any] = _plain(self)
        return plain


def score(
    codes: Any,
    factors: Any,
    specs: Sequence[FactorSpec],
    *,
    groups: Mapping[str, tuple[int, int]] | None = None,
    active: Any = None,
    seed: int = 0,
    bins: int = 20,
    steps: int = 2000,
    n_jobs: int = 1,
) -> Scores:
    """Score (N, D) codes against the (N, K) factors that ``specs`` describe.

    ``groups`` gives the half-open ranges of the latents called ``content`` and ``look``; other
    names are not scored. ``active`` is a boolean (D,), say KL above .01 nats. Cyclic factors are
    turned into angles by the period ``high - low`` of their spec. ``steps`` are those of the
    network behind R2. Needs scikit-learn; ValueError for anything that does not fit together.
    """
    scorer = _Scorer.prepare(
        codes, factors, specs, bins=bins, seed=seed, steps=steps, n_jobs=n_jobs
    )
    size = scorer.codes.shape[1]
    content, look = _range("content", groups, size), _range("look", groups, size)
    alive = _active_latents(scorer.codes, active)
    roles = [spec.role for spec in scorer.specs]
    every = tuple(range(len(roles)))
    state = tuple(k for k in every if roles[k] == "state")
    appearance = tuple(k for k in every if roles[k] == "look")
    names = [spec.name for spec in scorer.specs]
    return Scores(
        samples=len(scorer.codes),
        bins=bins,
        latents=size,
        active_latents=len(alive),
        constant_factors=tuple(spec.name for spec in specs if spec.name not in names),
        all=scorer.code(tuple(range(size)), every),
        active=scorer.code(alive, every) if 0 < len(alive) < size else None,
        content=scorer.code(content, state) if content and state else None,
        leak=scorer.readout(content, appearance) if content and appearance else None,
        look=scorer.readout(look, every) if look else None,
    )


@dataclass(frozen=True, eq=False)
class _Scorer:
    """The checked arrays of one report and its settings; knows how to score any part of them."""

    codes: np.ndarray
    factors: np.ndarray
    specs: tuple[FactorSpec, ...]
    information: Information
    seed: int
    steps: int
    n_jobs: int

    @classmethod
    def prepare(
        cls,
        codes: Any,
        factors: Any,
        specs: Sequence[FactorSpec],
        *,
        bins: int,
        seed: int,
        steps: int,
        n_jobs: int,
    ) -> _Scorer:
        z = as_matrix(codes, "codes")
        v, kept = changing(factors, specs)
        information = measure(z, v, bins=bins, kinds=[spec.kind for spec in kept])
        return cls(z, v, kept, information, seed, steps, n_jobs)

    def readout(self, latents: Sequence[int], factors: Sequence[int]) -> Readout:
        z, v, kinds = self._select(latents, factors)
        return Readout(
            tuple(latents),
            tuple(self.specs[k].name for k in factors),
            r2(z, v, kinds=kinds, seed=self.seed, steps=self.steps),
            r2(z, v, kinds=kinds, seed=self.seed, model="linear"),
        )

    def code(self, latents: Sequence[int], factors: Sequence[int]) -> CodeScores:
        z, v, kinds = self._select(latents, factors)
        readout = self.readout(latents, factors)
        return CodeScores(
            readout.latents,
            readout.factors,
            readout.r2,
            readout.linear_r2,
            gap(self.information.select(latents, factors)),
            dci(z, v, kinds=kinds, seed=self.seed, n_jobs=self.n_jobs),
        )

    def _select(
        self, latents: Sequence[int], factors: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray, list[Any]]:
        kinds = [self.specs[k].kind for k in factors]
        return self.codes[:, list(latents)], self.factors[:, list(factors)], kinds


def _active_latents(codes: np.ndarray, active: Any) -> tuple[int, ...]:
    if active is None:
        mask = np.ptp(codes, axis=0) > 0
    else:
        mask = np.asarray(active)
        if mask.shape != (codes.shape[1],) or mask.dtype != np.bool_:
            raise ValueError(
                f"active must be one boolean for each of the {codes.shape[1]} latents, "
                f"got shape {mask.shape} of {mask.dtype}"
            )
    return tuple(int(j) for j in np.flatnonzero(mask))


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


def _rows(scores: Readout) -> dict[str, float]:
    def with_factors(name: str, mean: float, per_factor: np.ndarray) -> dict[str, float]:
        named = zip(scores.factors, per_factor, strict=True)
        return {name: mean, **{f"{name}/{factor}": float(value) for factor, value in named}}

    rows = with_factors("r2", scores.r2.mean, scores.r2.per_factor)
    rows |= with_factors("linear_r2", scores.linear_r2.mean, scores.linear_r2.per_factor)
    if isinstance(scores, CodeScores):
        rows |= with_factors("mig", scores.mig.score, scores.mig.per_factor)
        rows["dci/disentanglement"] = scores.dci.disentanglement
        rows["dci/completeness"] = scores.dci.completeness
        rows["dci/informativeness"] = scores.dci.informativeness
    return rows


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
