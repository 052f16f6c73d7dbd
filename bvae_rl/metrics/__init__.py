"""Disentanglement metrics: arrays in, frozen dataclasses out.

``codes`` are (N, D) latents (posterior means), ``factors`` the (N, K) true factors of the same
frames. ``kinds`` gives one of ``continuous`` (default), ``cyclic`` (an angle in radians) or
``categorical`` per factor. Information is in nats. A new metric is one new file beside these; one
that rests on mutual information takes an ``Information``, which is measured once per report.
"""

from bvae_rl.metrics.dci import DCI, completeness, dci, disentanglement
from bvae_rl.metrics.information import Information, entropies, measure, mutual_information
from bvae_rl.metrics.mig import MIG, gap, mig
from bvae_rl.metrics.regression import R2, r2
from bvae_rl.metrics.report import CodeScores, Readout, Scores, score
from bvae_rl.metrics.summary import conclusions, table

__all__ = [
    "DCI",
    "MIG",
    "R2",
    "CodeScores",
    "Information",
    "Readout",
    "Scores",
    "completeness",
    "conclusions",
    "dci",
    "disentanglement",
    "entropies",
    "gap",
    "measure",
    "mig",
    "mutual_information",
    "r2",
    "score",
    "table",
]
