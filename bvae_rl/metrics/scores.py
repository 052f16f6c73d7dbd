"""What a report holds: the scores of a code and of its parts, as rows and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from bvae_rl.metrics.dci import DCI
from bvae_rl.metrics.mig import MIG
from bvae_rl.metrics.regression import R2


@dataclass(frozen=True, eq=False)
class Readout:
    """How well the named factors are read from some latents, by a network and by a line."""

    latents: tuple[int, ...]
    factors: tuple[str, ...]
    r2: R2
    linear_r2: R2


@dataclass(frozen=True, eq=False)
class CodeScores(Readout):
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


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a code. None marks a part that the code or the factors do not have.

    ``active`` are the latents of the mask given to ``score``, without one those that are not
    exactly constant. ``factor_correlation`` (K, K) is that of the factors in these samples,
    ``chance`` the largest information in nats that independence would give on average.
    """

    samples: int
    bins: int
    latents: int
    active: tuple[int, ...]
    constant_factors: tuple[str, ...]
    factor_correlation: np.ndarray
    chance: float
    all: CodeScores
    content: CodeScores | None
    leak: Readout | None
    style: Readout | None

    @property
    def active_latents(self) -> int:
        """How many latents are active."""
        return len(self.active)

    def to_rows_dict(self) -> dict[str, float]:
        """Flat metric names to numbers, as for result rows: ``mig``, ``r2/target_x``, ``leak``.

        ``content/``, ``leak/`` and ``style/`` name the parts; plain ``leak`` is the largest R2 of a
        appearance factor from the content latents. Numbers that are not finite (the total correlation of
        codes that repeat each other) are left out.
        """
        rows: dict[str, float] = {"latents": self.latents, "active_latents": self.active_latents}
        for part in ("all", "content", "leak", "style"):
            readout: Readout | None = getattr(self, part)
            if readout is not None:
                prefix = "" if part == "all" else f"{part}/"
                rows |= {prefix + name: value for name, value in _rows(readout).items()}
        if self.leak is not None:
            rows["leak"] = float(self.leak.r2.per_factor.max())
        return {name: value for name, value in rows.items() if math.isfinite(value)}

    def to_json(self) -> dict[str, Any]:
        """Everything, matrices included, as plain lists and numbers that ``json`` can write."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _rows(scores: Readout) -> dict[str, float]:
    def with_factors(name: str, mean: float, per_factor: np.ndarray) -> dict[str, float]:
        named = zip(scores.factors, per_factor, strict=True)
        return {name: mean, **{f"{name}/{factor}": float(value) for factor, value in named}}

    def bounds(name: str, interval: np.ndarray | None) -> dict[str, float]:
        if interval is None:
            return {}
        return {f"{name}_low": float(interval[0, 0]), f"{name}_high": float(interval[0, 1])}

    rows = with_factors("r2", scores.r2.mean, scores.r2.per_factor)
    rows |= bounds("r2", scores.r2.interval)
    rows |= with_factors("linear_r2", scores.linear_r2.mean, scores.linear_r2.per_factor)
    if isinstance(scores, CodeScores):
        rows |= with_factors("mig", scores.mig.score, scores.mig.per_factor)
        rows |= bounds("mig", scores.mig_interval)
        rows["dci/disentanglement"] = scores.dci.disentanglement
        rows["dci/completeness"] = scores.dci.completeness
        rows["dci/informativeness"] = scores.dci.informativeness
        rows |= scores.further
        for name, (low, high) in scores.slow_interval.items():
            rows |= {f"{name}_low": low, f"{name}_high": high}
    return rows


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value
