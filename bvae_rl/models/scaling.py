"""What standardised latents are: (mu - mean) / max(std, 0.1 * max(std)).

Mean and std are those of pretraining; the least std keeps the noise of inactive latents small.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

STD_FLOOR = 0.1


class HasStatistics(Protocol):
    """An encoder that may know the statistics of its latents."""

    @property
    def latent_dim(self) -> int:
        """D, the width of a code."""

    def statistics(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and standard deviation of each latent in pretraining, each (D,), where known."""


def scaling(vae: HasStatistics) -> tuple[np.ndarray, np.ndarray]:
    """What to subtract and to divide by, each (D,) float32; ValueError where it is not known."""
    statistics = vae.statistics()
    if statistics is None:
        raise ValueError(
            "standardise=True needs the mean and std of the latents, and this encoder has none; "
            "give standardise=False, or use a VAE made by pretraining, which stores them"
        )
    mean, std = (np.asarray(values, dtype=np.float32) for values in statistics)
    expected = (vae.latent_dim,)
    if mean.shape != expected or std.shape != expected:
        raise ValueError(
            f"the encoder has {vae.latent_dim} latents and statistics of shape {mean.shape} and "
            f"{std.shape}; pretrain it again"
        )
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and std.max() > 0):
        raise ValueError(
            f"the latents cannot be standardised by mean {mean} and std {std}: the encoder has no "
            "active latent; lower beta and pretrain again"
        )
    return mean, np.maximum(std, STD_FLOOR * std.max())
