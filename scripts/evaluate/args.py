"""The arguments of ``bvae-rl evaluate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.scripts.common import EnvArgs


@dataclass(frozen=True)
class ScoreArgs:
    """Which scores, and how exactly."""

    metrics: tuple[str, ...] = ("mig_quantile", "mig_sup", "modularity", "infomec", "sap")
    """beside MIG, DCI and R2: mig_quantile, mig_sup, jemmig, dcimig, modularity, infomec, sap,
    explicitness, irs, mcc, total_correlation, all; and factor_vae, beta_vae (not in all), which
    sample frames of their own"""
    other_domains: tuple[str, ...] = ()
    """visual domains in which probes fitted in --domain are tested: the generalisation score"""
    published: bool = False
    """the published definitions instead of those corrected for chance"""
    replicates: int = 200
    """bootstrap replicates behind the intervals of MIG and R2; 0: none"""
    slow_replicates: int = 0
    """bootstrap replicates behind the intervals of DCI and the other metrics: each scores them all
    anew, 20 take some minutes; 0: none"""
    fit_steps: int = 2000
    """training steps of the MLP probe behind each R2"""


@dataclass(frozen=True)
class Args:
    """What to score, on which frames."""

    vae: tyro.conf.Positional[str] = "reach_crossed"
    """a VAE's folder, a shipped name (reach_crossed, car_racing, ...) or a Hub id"""
    domain: str | None = None
    """visual domain to draw from; what does not vary in it is not scored"""
    store: Path | None = None
    """frames to score on, of a store (bvae-rl import, collect), instead of an environment's"""
    compare: tuple[str, ...] = ()
    """further VAEs for the same frames, side by side; with two or more UDR too"""
    samples: int = 8000
    """frames with independently sampled factors"""
    on_policy: int = 4000
    """frames of a random policy, scored beside them; 0: none"""
    references: bool = True
    """also score an untrained encoder, PCA of the same size, shuffled latents, the true factors"""
    out: Path | None = None
    """where scores.json and the heatmap go; default runs/evaluate/NAME-ENV-DOMAIN, with -2, -3, ...
    for further settings"""
    seed: int = 0
    """draws the frames, the untrained encoder and the regressors' splits"""
    scoring: ScoreArgs = ScoreArgs()
    world: EnvArgs = EnvArgs()
