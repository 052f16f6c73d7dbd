"""Codes side by side: one table, one JSON file, and what a reader may conclude.

report = MetricReport(factors, specs, replicates=200)
report.add("vae", codes, groups={"content": (0, 24), "style": (24, 32)})
report.add_bounds("vae")
print(report.table())
print("\\n".join(report.conclusions("vae")))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.inputs import as_matrix, changing
from bvae_rl.metrics.report import score
from bvae_rl.metrics.scores import Scores
from bvae_rl.metrics.summary import conclusions, table

SHUFFLED, TRUTH = "shuffled", "true factors"


class MetricReport:
    """Scores of codes of the same N frames, whose (N, K) ``factors`` the ``specs`` describe.

    ``settings`` are those of ``score``: metrics, replicates, reference, seed, steps, ...
    """

    def __init__(self, factors: Any, specs: Sequence[FactorSpec], **settings: Any) -> None:
        self.factors, self.specs = as_matrix(factors, "factors"), tuple(specs)
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

        For other frames, say visited ones, give their ``factors`` (N', K), and their ``episode``
        (N',) if they are from episodes. ValueError for a name that is taken, and as ``score``.
        """
        if name in self.scores:
            raise ValueError(f"the report has scores of {name!r} already; take another name")
        self._codes[name] = as_matrix(codes, "codes")
        self.scores[name] = score(
            codes,
            self.factors if factors is None else factors,
            self.specs,
            groups=groups,
            active=active,
            episode=episode,
            **self.settings,
        )
        return self.scores[name]

    def add_bounds(self, name: str) -> None:
        """What chance and knowledge would score: the codes of ``name`` shuffled over the frames,
        and the true factors as a code (a cyclic one as cosine and sine).
        """
        rng = np.random.default_rng(self.settings.get("seed", 0))
        self.add(SHUFFLED, rng.permutation(self._codes[name]))
        self.add(TRUTH, true_codes(self.factors, self.specs))

    def table(self) -> str:
        """One column a code, one row a metric."""
        return table(self.scores)

    def conclusions(self, name: str) -> list[str]:
        """What a reader may conclude of one code, a sentence an entry."""
        if name not in self.scores:
            raise ValueError(
                f"no code {name!r} was added; there: {', '.join(self.scores) or 'none'}"
            )
        return conclusions(self.scores[name], self.specs)

    def to_json(self) -> dict[str, Any]:
        """All scores by name, as plain lists and numbers."""
        return {name: scores.to_json() for name, scores in self.scores.items()}


def true_codes(factors: Any, specs: Sequence[FactorSpec]) -> np.ndarray:
    """The factors that change as a code (N, D): what a perfect encoder would give."""
    values, kept = changing(factors, specs)
    columns = []
    for value, spec in zip(values.T, kept, strict=True):
        columns += [np.cos(value), np.sin(value)] if spec.kind == "cyclic" else [value]
    return np.stack(columns, axis=1)
