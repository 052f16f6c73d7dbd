"""The further metrics of a report by name: a new one is one row of ``ARRAY_METRICS``.

MIG, DCI and R2 are in every report; these are added by their names. Each row gets the arrays of one
part of a representation with their measured information and returns one or more named numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.explicitness import explicitness
from bvae_rl.metrics.independence import independence
from bvae_rl.metrics.infoe import infoe
from bvae_rl.metrics.infomec import infoc, infom, infomec
from bvae_rl.metrics.information import Information
from bvae_rl.metrics.irs import irs
from bvae_rl.metrics.mcc import mcc
from bvae_rl.metrics.mig import mig
from bvae_rl.metrics.mig_family import dcimig, jemmig, mig_sup, modularity
from bvae_rl.metrics.sap import sap
from bvae_rl.metrics.total_correlation import gaussian_total_correlation

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Part:
    """What a metric gets: some latents (N, D) and factors (N, K) of one representation.

    ``episode`` (N,) numbers the episodes of on-policy frames.
    """

    codes: np.ndarray
    factors: np.ndarray
    kinds: tuple[Kind, ...]
    information: Information
    seed: int
    reference: bool
    episode: np.ndarray | None = None

    def score(self, metric: Callable[..., T], **settings: Any) -> T:
        """What a metric of arrays, kinds, seed and reference mode returns."""
        shared = {"kinds": self.kinds, "seed": self.seed, "reference": self.reference}
        return metric(self.codes, self.factors, **shared, **settings)

    def predicted(self, metric: Callable[..., T], **settings: Any) -> T:
        """The same of a metric that holds samples out: whole episodes, where there are any."""
        return self.score(metric, episode=self.episode, **settings)


ARRAY_METRICS: dict[str, Callable[[Part], dict[str, float]]] = {
    "mig_quantile": lambda part: {"mig_quantile": _mig_quantile(part)},
    "mig_sup": lambda part: {"mig_sup": mig_sup(part.information).score},
    "jemmig": lambda part: {"jemmig": jemmig(part.information).score},
    "dcimig": lambda part: {"dcimig": dcimig(part.information).score},
    "modularity": lambda part: {"modularity": modularity(part.information).score},
    "infomec": lambda part: _infomec(part),
    "sap": lambda part: {"sap": part.predicted(sap).score},
    "explicitness": lambda part: {"explicitness": part.predicted(explicitness).score},
    "irs": lambda part: {"irs": part.score(irs).score},
    "mcc": lambda part: {"mcc": part.score(mcc).score},
    "total_correlation": lambda part: {"total_correlation": _total_correlation(part)},
    "independence": lambda part: {"independence": _independence(part)},
}
UNBOUNDED = ("total_correlation",)  # all others are 1 at most
BELOW_ZERO = ("mcc", "explicitness", "dci/informativeness")  # of noise; all others are 0 at least
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
    "independence": "independence",
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
    bins, active = part.information.bins, part.information.active
    settings: dict[str, Any] = {"bins": bins, "kinds": part.kinds, "active": active}
    return mig(part.codes, part.factors, binning="quantile", **settings).score


def _infomec(part: Part) -> dict[str, float]:
    if part.reference:
        found = part.score(infomec)
        return {"infom": found.infom, "infoe": found.infoe, "infoc": found.infoc}
    linear = part.predicted(infoe).score
    return {"infom": infom(part.information), "infoe": linear, "infoc": infoc(part.information)}


def _total_correlation(part: Part) -> float:
    active = part.codes[:, part.information.active]
    return gaussian_total_correlation(active).nats if active.shape[1] else 0.0


def _independence(part: Part) -> float:
    return independence(part.codes, active=part.information.active).score
