"""Which samples the predictive metrics fit on and which they score on."""

from __future__ import annotations

import numpy as np

from bvae_rl.metrics.inputs import split

PUBLISHED = 1 / 3  # 10,000 samples to fit and 5,000 to score in disentanglement_lib


def held_out(
    samples: int,
    *,
    test_fraction: float | None,
    seed: int,
    most: int | None = None,
    reference: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Random row numbers to fit on and to score on, disjoint.

    ``test_fraction`` None is a quarter, and a third in the ``reference``. At most ``most`` rows
    are fitted on, and as many as there are in the reference.
    """
    if most is not None and most < 10:
        raise ValueError(f"most must be at least 10 samples to fit on, or None, got {most}")
    if test_fraction is None:
        test_fraction = PUBLISHED if reference else 0.25
    train, test = split(samples, test_fraction=test_fraction, seed=seed)
    return (train if reference else train[:most]), test
