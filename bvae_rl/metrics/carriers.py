"""Which latent, or which pair for a cyclic factor, carries each factor: what gaps compare.

The carrier of a factor is the candidate of the largest share of its information; the rival is the
best candidate that has no latent in common with it. Candidates are single active latents, and for
cyclic factors those of ``circles``. Of equal candidates the one with the strongest rival is taken,
then that of the lowest latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bvae_rl.metrics.information import Information

_EQUAL = 1e-12


@dataclass(frozen=True)
class Carrier:
    """The latents that carry a factor (none, one or two), and the rival's share of it.

    ``entropy`` is that of the carrier's cells in nats. Shares are at most 1, those of noise may
    lie below 0; both are 0 where there is no such candidate.
    """

    latents: tuple[int, ...]
    share: float
    rival: float
    entropy: float


def carriers(information: Information) -> tuple[Carrier, ...]:
    """One for each of the K factors."""
    circles = {circle.factor: circle for circle in information.circles}
    alone = np.flatnonzero(information.active)
    shares = information.shares[alone]  # (active, K)
    found = []
    for k, nats in enumerate(information.entropy):
        if k in circles:
            candidates = circles[k].carriers
            share, entropy = circles[k].shares(float(nats)), circles[k].entropy
        else:
            candidates = np.stack([alone, alone], axis=1)
            share, entropy = shares[:, k], information.code_entropy[alone]
        found.append(_best(candidates, share, entropy))
    return tuple(found)


def held(information: Information) -> np.ndarray:
    """(D, K) shares of the factors that latents hold, 0 for those without evident information.

    The latents of a circle that carries a cyclic factor hold the carrier's share. Entries of
    latents that hold some factor may lie slightly below 0 for others, so that sums are unbiased.
    """
    informed = np.any(information.evident, axis=1)
    shares = np.where(informed[:, None], information.shares, 0.0)
    for k, carrier in on_circles(information):
        shares[list(carrier.latents), k] = carrier.share
    return shares


def on_circles(information: Information) -> list[tuple[int, Carrier]]:
    """The cyclic factors of which every latent of the carrier alone holds a part, with carriers."""
    cyclic = {circle.factor for circle in information.circles}
    if not cyclic:
        return []
    evident = information.evident
    return [
        (k, carrier)
        for k, carrier in enumerate(carriers(information))
        if k in cyclic and carrier.latents and np.all(evident[list(carrier.latents), k])
    ]


def _best(candidates: np.ndarray, share: np.ndarray, entropy: np.ndarray) -> Carrier:
    if not len(candidates):
        return Carrier((), 0.0, 0.0, 0.0)
    found = []
    for best in np.flatnonzero(share >= share.max() - _EQUAL):
        latents = np.unique(candidates[best])
        apart = ~np.isin(candidates, latents).any(axis=1)
        rival = float(share[apart].max()) if apart.any() else 0.0
        found.append(Carrier(tuple(latents.tolist()), float(share[best]), rival, entropy[best]))
    return max(found, key=lambda carrier: carrier.rival)  # the first of equal ones
