"""What several metrics return: a score and its parts, by factor or by latent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class FactorScores:
    """A score and its parts by factor (K,); the range is that of the metric."""

    score: float
    per_factor: np.ndarray


@dataclass(frozen=True, eq=False)
class LatentScores:
    """A score in [0, 1], its parts by latent (D,), and over how many latents it is the mean.

    The others have 0.
    """

    score: float
    per_latent: np.ndarray
    latents: int
