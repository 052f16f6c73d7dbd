"""Codes and factors of a small world, for tests of the report."""

from __future__ import annotations

import numpy as np

from bvae_rl.data.factors import FactorSpec

SPECS = (
    FactorSpec("x"),
    FactorSpec("y"),
    FactorSpec("heading", kind="cyclic", high=4.0),
    FactorSpec("colour", role="appearance"),
    FactorSpec("shape", kind="categorical", role="appearance", values=(0, 1, 2)),
)
GROUPS = {"content": (0, 5), "style": (5, 8)}


def world(samples: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Codes: x, y, heading as (cos, sin), an inactive latent | colour, shape, half of x."""
    random = np.random.default_rng(0)
    factors = random.uniform(size=(samples, 5)) * [1, 1, 4, 1, 1]
    factors[:, 4] = random.integers(0, 3, samples)
    x, y, heading, colour, shape = factors.T
    angle = 2 * np.pi * heading / 4
    codes = np.stack([x, y, np.cos(angle), np.sin(angle), 0 * x, colour, shape, x], axis=1)
    codes[:, 7] += 0.3 * random.normal(size=samples)
    return codes, factors
