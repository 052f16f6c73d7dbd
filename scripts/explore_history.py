"""A VAE's training as a film: what each kept snapshot makes of the same frames."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.information import measure
from bvae_rl.metrics.inputs import changing
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.history import Moment, history_entry
from bvae_rl.training.loop import LOG
from bvae_rl.training.snapshots import snapshots
from bvae_rl.training.validation import ACTIVE_KL

SHOWN, MEASURED = 4, 1000  # frames that are reconstructed, and that information is measured on
MOST = 24  # snapshots
CURVES = {
    "vae/elbo": "evidence lower bound (nats)",
    "vae/validation_recon": "reconstruction (nats)",
    "vae/validation_kl": "KL (nats)",
}


def history(
    folder: Path,
    frames: np.ndarray,
    factors: np.ndarray | None,
    specs: Sequence[FactorSpec],
) -> dict[str, Any] | None:
    """``payload["history"]`` of the VAE in ``folder``; None where no snapshots were kept.

    ``frames`` uint8 (N, H, W, C) as the VAE takes them, with ``factors`` (N, K) or None.
    """
    found = snapshots(folder)
    if not found:
        return None
    if len(found) > MOST:
        found = [found[n] for n in np.linspace(0, len(found) - 1, MOST).round().astype(int)]
    few = np.linspace(0, len(frames) - 1, min(SHOWN, len(frames))).astype(int)
    measured = np.linspace(0, len(frames) - 1, min(MEASURED, len(frames))).astype(int)
    truth: np.ndarray | None = None
    kept: tuple[FactorSpec, ...] = ()
    if factors is not None and specs and (np.ptp(factors, axis=0) > 0).any():
        truth, kept = changing(factors[measured], specs)
    moments = []
    for place in found:
        vae = BetaVAE.load(place)
        mu, logvar = vae.posterior_frames(frames[measured])
        kl = mean_kl(mu, logvar)
        shares = None
        if truth is not None:
            kinds = [spec.kind for spec in kept]
            shares = measure(mu, truth, kinds=kinds, active=kl > ACTIVE_KL).shares
        step = int(vae.meta.get("training", {}).get("step", 0))
        moments.append(Moment(step, _decoded(vae, frames[few]), kl, shares))
    return history_entry(
        moments, frames[few], specs=kept, curves=_curves(found[0].parents[1] / LOG)
    )


@torch.no_grad()
def _decoded(vae: BetaVAE, frames: np.ndarray) -> np.ndarray:
    x = vae.decode(torch.from_numpy(vae.encode_frames(frames)))
    return (255 * x).round().byte().permute(0, 2, 3, 1).numpy()


def _curves(log: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and values of what the log holds, by what it is."""
    if not log.exists():
        return {}
    with log.open() as file:
        rows = list(csv.DictReader(file))
    found = {}
    for key, name in CURVES.items():
        points = [(float(row["step"]), float(row[key])) for row in rows if row.get(key)]
        if len(points) > 1:
            steps, values = np.array(points).T
            found[name] = steps, values
    return found
