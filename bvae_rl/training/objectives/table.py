"""All objectives by name: a new one is a file with an ``ENTRY``, and its line here."""

from __future__ import annotations

from bvae_rl.training.objectives import (
    ada,
    autoencoder,
    beta_vae,
    capacity,
    control_vae,
    dip_vae,
    factor_vae,
    pair_supervised,
    perceptual,
    quantised,
    sigma_vae,
    slow_vae,
    supervised,
    tcvae,
)
from bvae_rl.training.objectives import cross_reconstruction as crossed
from bvae_rl.training.objectives.entry import Entry

OBJECTIVES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        beta_vae.ENTRY,
        capacity.ENTRY,
        control_vae.ENTRY,
        sigma_vae.ENTRY,
        tcvae.ENTRY,
        factor_vae.ENTRY,
        dip_vae.ENTRY_I,
        dip_vae.ENTRY_II,
        perceptual.ENTRY,
        autoencoder.ENTRY,
        autoencoder.ENTRY_DENOISING,
        quantised.ENTRY,
        pair_supervised.ENTRY,
        pair_supervised.PRODUCT,
        pair_supervised.SWAP,
        crossed.ENTRY,
        crossed.AUTOENCODER,
        ada.ENTRY_GVAE,
        ada.ENTRY_MLVAE,
        slow_vae.ENTRY,
        supervised.ENTRY,
    )
}


def entry(name: str) -> Entry:
    """The objective called ``name``, or a ValueError that lists the known ones."""
    if name not in OBJECTIVES:
        raise ValueError(f"unknown objective {name!r}; known: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
