"""The further metrics of a report by name: a new one is one row of ``ARRAY_METRICS``.

MIG, DCI and R2 are in every report; these are added by their names. Each row gets the arrays of one
part of a code with their measured information and returns one or more named numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.explicitness import explicitness
from bvae_rl.metrics.infoe import infoe
from bvae_rl.metrics.infomec import infoc, infom, infomec
from bvae_rl.metrics.information import Information
from bvae_rl.metrics.irs import irs
from bvae_rl.metrics.mcc import mcc
from bvae_rl.metrics.mig import mig
from bvae_rl.metrics.mig_family import dcimig, jemmig, mig_sup
from bvae_rl.metrics.modularity import modularity
from bvae_rl.metrics.sap import sap
from bvae_rl.metrics.total_correlation import gaussian_total_correlation


@dataclass(frozen=True, eq=False)
class Part:
    """What a metric gets: some latents (N, D) and factors (N, K) of one code."""

    codes: np.ndarray
    factors: np.ndarray
    kinds: tuple[Kind, ...]
    information: Information
    seed: int
    reference: bool

    @property
    def moving(self) -> np.ndarray:
        """The codes that the information metrics count, (N, D')."""
        return self.codes[:, self.information.active]


ARRAY_METRICS: dict[str, Callable[[Part], dict[str, float]]] = {
    "mig_quantile": lambda part: {"mig_quantile": _mig_quantile(part)},
    "mig_sup": lambda part: {"mig_sup": mig_sup(part.information).score},
    "jemmig": lambda part: {"jemmig": jemmig(part.information).score},
    "dcimig": lambda part: {"dcimig": dcimig(part.information).score},
    "modularity": lambda part: {"modularity": modularity(part.information).score},
    "infomec": lambda part: _infomec(part),
    "sap": lambda part: {"sap": sap(part.codes, part.factors, **_settings(part)).score},
    "explicitness": lambda part: {
        "explicitness": explicitness(part.codes, part.factors, **_settings(part)).score
    },
    "irs": lambda part: {"irs": irs(part.codes, part.factors, **_settings(part)).score},
    "mcc": lambda part: {"mcc": mcc(part.codes, part.factors, **_settings(part)).score},
    "total_correlation": lambda part: {
        "total_correlation": gaussian_total_correlation(part.moving).nats
        if part.moving.shape[1]
        else 0.0
    },
}
LABELS = {
    "mig_quantile": "MIG, quantile bins",
    "mig_sup": "MIG-sup",
    "jemmig": "JEMMIG",
    "dcimig": "DCIMIG",
    "modularity": "modularity",
    "infom": "InfoM",
    "infoe": "InfoE",
    "infoc": "InfoC",
    "sap": "SAP",
    "explicitness": "explicitness",
    "irs": "IRS",
    "mcc": "MCC",
    "total_correlation": "total correlation (nats)",
}


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` in the order of the table; "all" stands for every one. ValueError for others."""
    if "all" in names:
        return tuple(ARRAY_METRICS)
    if unknown := [name for name in names if name not in ARRAY_METRICS]:
        raise ValueError(
            f"unknown metric {unknown[0]!r}; known: {', '.join(ARRAY_METRICS)}, all "
            "(mig, dci and r2 are always there)"
        )
    return tuple(name for name in ARRAY_METRICS if name in names)


def _mig_quantile(part: Part) -> float:
    found = part.information
    settings: dict[str, Any] = {"bins": found.bins, "kinds": part.kinds, "active": found.active}
    return mig(part.codes, part.factors, binning="quantile", **settings).score


def _infomec(part: Part) -> dict[str, float]:
    if part.reference:
        found = infomec(part.codes, part.factors, **_settings(part))
        return {"infom": found.infom, "infoe": found.infoe, "infoc": found.infoc}
    held = infoe(part.codes, part.factors, kinds=part.kinds, seed=part.seed)
    return {
        "infom": infom(part.information),
        "infoe": held.score,
        "infoc": infoc(part.information),
    }


def _settings(part: Part) -> dict[str, Any]:
    return {"kinds": part.kinds, "seed": part.seed, "reference": part.reference}
