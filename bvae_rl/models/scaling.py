"""What an encoder is, and its standardised latents: (mu - mean) / max(std, 0.1 * max(std)).

Mean and std are those of pretraining; the least std keeps the noise of inactive latents small.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

STD_FLOOR = 0.1


@runtime_checkable
class Encoder(Protocol):
    """What turns frames into codes: a BetaVAE, trained or not, PCA, or anything else like it."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the frames."""

    @property
    def latent_dim(self) -> int:
        """D, the width of a code."""

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        """uint8 frames (N, H, W, C) -> codes (N, D) float32."""

    def slice_of(self, group: str) -> slice:
        """The columns of "all" or of a named group; ValueError for an unknown one."""

    def statistics(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and standard deviation of each latent in pretraining, each (D,), where known."""


def scaling(vae: Encoder) -> tuple[np.ndarray, np.ndarray]:
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
