"""A VAE's training as a film: what each kept snapshot makes of the same frames."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.information import measure
from bvae_rl.metrics.inputs import changing
from bvae_rl.metrics.scorable import scorable
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.history import Moment, history_entry
from bvae_rl.training.pictures.decoded import active_latents, carried, decode
from bvae_rl.training.snapshots import snapshots
from bvae_rl.training.watch import LOG

SHOWN, MEASURED = 4, 1000  # frames that are reconstructed, and that information is measured on
LEAST = 50  # frames, below which nothing is scored
MOST = 24  # snapshots
TEACHERS = "These are the VAE before it was hardened."
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
    truth, kept = _truth(None if factors is None else factors[measured], specs)
    moments = []
    for place in found:
        vae = BetaVAE.load(place)
        mu, logvar = vae.posterior_frames(frames[measured])
        kl, active = carried(vae, mu, logvar)[0], active_latents(vae, mu)
        shares = None if truth is None else _shares(mu, truth, kept, active)
        step = int(vae.meta.get("training", {}).get("step", 0))
        decoded = decode(vae, vae.encode_frames(frames[few]))
        moments.append(Moment(step, decoded, kl, active, shares))
    trained = found[0].parents[1]
    teachers = trained.resolve() != Path(folder).resolve()
    return history_entry(
        moments, frames[few], specs=kept, curves=_curves(trained / LOG),
        about=TEACHERS if teachers else "",
    )  # fmt: skip


def _truth(
    factors: np.ndarray | None, specs: Sequence[FactorSpec]
) -> tuple[np.ndarray | None, tuple[FactorSpec, ...]]:
    """What changes in the measured frames; None where these are too few, or nothing does."""
    if factors is None or not specs or len(factors) < LEAST:
        return None, ()
    try:
        return changing(*scorable(factors, specs, say=lambda text: None))  # said before
    except ValueError:
        return None, ()


def _shares(
    mu: np.ndarray, truth: np.ndarray, specs: Sequence[FactorSpec], active: np.ndarray
) -> np.ndarray | None:
    """Shares (D, K) of the information; None where the frames cannot tell."""
    try:
        return measure(mu, truth, kinds=[spec.kind for spec in specs], active=active).shares
    except ValueError:  # a cyclic factor that lies in one bin
        return None


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
