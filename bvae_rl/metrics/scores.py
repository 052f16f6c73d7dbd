"""What a report holds: the scores of a representation and of its parts, as rows and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from bvae_rl.metrics.dci import DCI
from bvae_rl.metrics.mig import MIG
from bvae_rl.metrics.regression import R2

PARTS = ("all", "content", "leak", "style")


@dataclass(frozen=True, eq=False)
class ProbeScores:
    """How well the named factors are read from some latents: MLP-probe and linear-probe R2."""

    latents: tuple[int, ...]
    factors: tuple[str, ...]
    r2: R2
    linear_r2: R2

    def rows(self) -> dict[str, float]:
        """Flat metric names to numbers: ``r2``, ``r2/target_x``, ``linear_r2``, ..."""
        return {
            **self.by_factor("r2", self.r2.mean, self.r2.per_factor, self.r2.interval),
            **self.by_factor("linear_r2", self.linear_r2.mean, self.linear_r2.per_factor),
        }

    def by_factor(
        self, name: str, mean: float, per_factor: np.ndarray, bounds: np.ndarray | None = None
    ) -> dict[str, float]:
        """Rows of a mean, its parts (K,), and of the mean's bounds, the first of (1 + K, 2)."""
        named = zip(self.factors, per_factor.tolist(), strict=True)
        rows = {name: mean, **{f"{name}/{factor}": value for factor, value in named}}
        if bounds is not None:
            rows |= {f"{name}_low": float(bounds[0, 0]), f"{name}_high": float(bounds[0, 1])}
        return rows


@dataclass(frozen=True, eq=False)
class PartScores(ProbeScores):
    """All scores of some latents over the named factors. Rows of matrices follow ``latents``.

    ``mig_interval`` (1 + K, 2) bounds the mean and each factor's MIG at 95%, if asked for;
    ``further`` holds the other metrics by name, ``slow_interval`` the 95% intervals of these and of
    DCI's three, as "dci/disentanglement", if asked for.
    """

    mig: MIG
    dci: DCI
    mig_interval: np.ndarray | None = None
    further: dict[str, float] = field(default_factory=dict)
    slow_interval: dict[str, tuple[float, float]] = field(default_factory=dict)

    def rows(self) -> dict[str, float]:
        """The probes', and ``mig``, ``mig/target_x``, ``dci/completeness``, ``sap_low``, ..."""
        rows = super().rows()
        rows |= self.by_factor("mig", self.mig.score, self.mig.per_factor, self.mig_interval)
        rows |= self.dci.numbers() | self.further
        for name, (low, high) in self.slow_interval.items():
            rows |= {f"{name}_low": low, f"{name}_high": high}
        return rows


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a representation. None marks a part that it or the factors do not have.

    ``active`` are the latents of the mask given to ``score``, without one those that are not
    exactly constant. ``left_out``: why factors that change are not scored, by name.
    ``factor_correlation`` (K, K) is that of the factors in these samples, ``correlation_chance``
    (K, K) what independent ones of so many values seldom exceed,
    ``chance`` the largest information in nats that independence would give on average.
    """

    samples: int
    bins: int
    latents: int
    active: tuple[int, ...]
    constant_factors: tuple[str, ...]
    left_out: dict[str, str]
    factor_correlation: np.ndarray
    correlation_chance: np.ndarray
    chance: float
    all: PartScores
    content: PartScores | None
    leak: ProbeScores | None
    style: ProbeScores | None

    @property
    def active_latents(self) -> int:
        """How many latents are active."""
        return len(self.active)

    def to_rows_dict(self) -> dict[str, float]:
        """Flat metric names to numbers, as for result rows: ``mig``, ``r2/target_x``, ``leak``.

        ``content/``, ``leak/`` and ``style/`` name the parts; plain ``leak`` is the largest
        MLP-probe R2 of an appearance factor from the content latents. Numbers that are not finite
        (the total correlation of latents that repeat each other) are left out.
        """
        rows: dict[str, float] = {"latents": self.latents, "active_latents": self.active_latents}
        for part in PARTS:
            found: ProbeScores | None = getattr(self, part)
            if found is not None:
                prefix = "" if part == "all" else f"{part}/"
                rows |= {prefix + name: value for name, value in found.rows().items()}
        if self.leak is not None:
            rows["leak"] = float(self.leak.r2.per_factor.max())
        return {name: value for name, value in rows.items() if math.isfinite(value)}

    def to_json(self) -> dict[str, Any]:
        """Everything, matrices included, as plain lists and numbers that ``json`` can write."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [_plain(entry) for entry in value] if isinstance(value, tuple | list) else value
