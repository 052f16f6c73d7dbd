"""Disentanglement metrics: arrays in, numbers and frozen dataclasses out.

Three signatures. *Arrays*: ``codes`` (N, D) latents (posterior means) and ``factors`` (N, K), the
true factors of the same frames; ``kinds`` gives one of ``continuous`` (default), ``cyclic`` (an
angle in radians) or ``categorical`` per factor. *Interventional*: codes (G, L, D) of groups of
frames and the factor ``fixed`` (G,) that each group shares. *Several models*: a list of codes.

The default is corrected for chance and tested on held-out samples, so that the true factors score 1
and noise 0; ``reference=True`` gives the published definitions. Information is in nats.

In reading order: ``inputs`` (checks, the split), ``binning``, ``contingency``, ``chance``,
``circles`` and ``information`` (measured once), ``carriers`` and ``mig``, ``mig_family``, ``rmig``,
``infomec`` (what rests on it); ``targets``, ``regression`` with ``regressor``, ``held_out``, then
``dci`` with ``boosting``, ``sap``, ``explicitness``, ``infoe``, ``generalisation`` (what predicts
factors); ``irs``, ``mcc``, ``total_correlation``, ``independence``, ``factor_correlation``,
``interventional`` and ``udr`` (the others); ``intervals`` (over samples); ``array_metrics``,
``scores``, ``summary`` and ``report`` (all of them in one pass, in a table and in words). A new
metric is one new file and one row of ``ARRAY_METRICS``.

The room imports no torch; only the MLP probe of ``r2`` brings it, when it is called.
"""

from bvae_rl.metrics.array_metrics import ARRAY_METRICS
from bvae_rl.metrics.dci import DCI, completeness, dci, disentanglement
from bvae_rl.metrics.explicitness import explicitness
from bvae_rl.metrics.factor_correlation import factor_correlation
from bvae_rl.metrics.generalisation import Generalisation, generalisation
from bvae_rl.metrics.independence import Independence, independence
from bvae_rl.metrics.infoe import infoe
from bvae_rl.metrics.infomec import InfoMEC, infoc, infom, infomec
from bvae_rl.metrics.information import Information, measure
from bvae_rl.metrics.intervals import Interval, information_interval, interval
from bvae_rl.metrics.interventional import FactorVAEScore, beta_vae_score, factor_vae_score
from bvae_rl.metrics.irs import IRS, irs
from bvae_rl.metrics.mcc import MCC, mcc
from bvae_rl.metrics.mig import MIG, gap, mig
from bvae_rl.metrics.mig_family import dcimig, jemmig, mig_sup, modularity
from bvae_rl.metrics.regression import R2, r2
from bvae_rl.metrics.report import MetricReport, score
from bvae_rl.metrics.results import FactorScores, LatentScores
from bvae_rl.metrics.rmig import rmig
from bvae_rl.metrics.sap import SAP, sap
from bvae_rl.metrics.scores import PartScores, ProbeScores, Scores
from bvae_rl.metrics.summary import conclusions, table
from bvae_rl.metrics.total_correlation import TotalCorrelation, gaussian_total_correlation
from bvae_rl.metrics.udr import UDR, udr

__all__ = [
    "ARRAY_METRICS", "DCI", "IRS", "MCC", "MIG", "R2", "SAP", "UDR", "FactorScores",
    "FactorVAEScore", "Generalisation", "Independence", "InfoMEC", "Information", "Interval",
    "LatentScores", "MetricReport", "PartScores", "ProbeScores", "Scores", "TotalCorrelation",
    "beta_vae_score", "completeness", "conclusions", "dci", "dcimig", "disentanglement",
    "explicitness", "factor_correlation", "factor_vae_score", "gap", "gaussian_total_correlation",
    "generalisation", "independence", "infoc", "infoe", "infom", "infomec", "information_interval",
    "interval", "irs", "jemmig", "mcc", "measure", "mig", "mig_sup", "modularity", "r2", "rmig",
    "sap", "score", "table", "udr",
]  # fmt: skip
