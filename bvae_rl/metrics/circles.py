"""Which latents hold a cyclic factor: one, or two that lay it out as a circle.

An angle needs two latents to be laid out without a cut, each of which holds only a part of it, so
that the plain gap gives a perfectly separated circle 0. The rule here: candidates are each active
latent alone and each pair of active latents. Of a pair the polar angle about the middle of its
ranges counts, in units of the half-ranges; of a latent alone its bins, or its position in its range
taken as a turn (an angle that is cut elsewhere), whichever has more information. Turns are cut into
arcs that start where the circular mean of their difference to the factor puts angle 0, in the
direction, with or against the factor, in which that difference is the more even.

The carrier is the candidate of the largest chance-adjusted share, and is compared with the best
candidate, alone or pair, that shares no latent with it: a duplicated circle gains nothing.

Limits. The maximum is over D (D + 1) / 2 candidates, each of which is adjusted for chance while
the maximum is not: it lies above 0 for noise (some 2.5 standard deviations of one candidate at
D = 10), on both sides of the gap. A pair of which each latent alone holds almost all of the angle
may win over either and so hide that they are duplicates; where it holds no more than one of them,
as in a turned circle of four directions, they are duplicates, and the gap is 0. Arcs are equal: a
circle that is laid out unevenly loses information, as any uneven representation does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bvae_rl.metrics.binning import Binning, arcs, cells
from bvae_rl.metrics.chance import share


@dataclass(frozen=True, eq=False)
class Circle:
    """The candidates of one cyclic factor: pairs of latents (C, 2), a latent alone twice.

    Information with the factor, what chance gives of it, and the entropy of the candidate, all (C,)
    nats; ``rows`` (C,) numbers the row of ``circle_cells``.
    """

    factor: int
    carriers: np.ndarray
    rows: np.ndarray
    information: np.ndarray
    chance: np.ndarray
    entropy: np.ndarray

    def best(self) -> Circle:
        """Of several rows for the same latents, the one with the most information beyond chance."""
        order = np.argsort(self.chance - self.information, kind="stable")
        _, first = np.unique(self.carriers[order], axis=0, return_index=True)
        return self.keep(np.sort(order[first]))

    def keep(self, places: np.ndarray) -> Circle:
        """The candidates at some places."""
        columns = ("carriers", "rows", "information", "chance", "entropy")
        return replace(self, **{name: getattr(self, name)[places] for name in columns})

    def strongest(self, most: int, factor_entropy: float) -> Circle:
        """The ``most`` candidates of the largest shares."""
        order = np.argsort(-self.shares(factor_entropy), kind="stable")
        return self.keep(np.sort(order[:most]))

    def shares(self, factor_entropy: float) -> np.ndarray:
        """(C,) chance-adjusted shares of the factor's information."""
        return share(self.information, self.chance, factor_entropy)

    def select(self, latents: np.ndarray, factor: int) -> Circle:
        """The candidates that consist of some of the latents, renumbered; the factor's new number.

        Where a latent is selected several times, it stands for its first place.
        """
        kept = self.keep(np.flatnonzero(np.isin(self.carriers, latents).all(axis=1)))
        place = {int(latent): j for j, latent in reversed(list(enumerate(latents)))}
        renumbered = [sorted(place[int(j)] for j in pair) for pair in kept.carriers]
        carriers = np.array(renumbered, dtype=np.int64).reshape(-1, 2)
        return replace(kept, factor=factor, carriers=carriers)


def circle_cells(
    codes: np.ndarray, angles: np.ndarray, active: np.ndarray, bins: int, binning: Binning
) -> tuple[np.ndarray, np.ndarray]:
    """The candidates (C, 2) for ``angles`` (N,) in radians and their cells (C, N).

    A latent alone stands here twice, by its bins and by its turn.
    """
    counted = np.flatnonzero(active & (np.ptp(codes, axis=0) > 0))
    z = codes[:, counted]
    low, high = z.min(axis=0), z.max(axis=0)
    middle = (((z - low) - (high - z)) / (high - low)).T  # (D, N), -1 ... 1, and exactly odd
    found = [cells(z, bins, binning).T]
    carriers = [np.stack([counted, counted], axis=1)]
    for i, latent in enumerate(counted):
        alone = np.pi * middle[i : i + 1]
        x = np.concatenate([np.cos(alone), np.broadcast_to(middle[i], middle[i + 1 :].shape)])
        y = np.concatenate([np.sin(alone), middle[i + 1 :]])
        found.append(_arcs(x, y, angles, bins, binning))
        carriers.append(np.stack([np.full(len(x), latent), counted[i:]], axis=1))
    return np.concatenate(carriers), np.concatenate(found)


def _arcs(
    x: np.ndarray, y: np.ndarray, angles: np.ndarray, bins: int, binning: Binning
) -> np.ndarray:
    """Cells of (M, N) points by their polar angles, mirrored and rotated to fit ``angles`` best.

    Points in the middle, which have no angle, are a cell of their own.
    """
    radius = np.sqrt(x * x + y * y)
    middle = radius < 1e-9
    radius[middle] = 1
    cos, sin = np.cos(angles), np.sin(angles)
    unit_x, unit_y = x / radius, y / radius
    unit_x[middle], unit_y[middle] = 0, 0
    xc, xs, yc, ys = unit_x @ cos, unit_x @ sin, unit_y @ cos, unit_y @ sin  # (M,)
    along, against = np.hypot(xc + ys, yc - xs), np.hypot(xc - ys, yc + xs)
    mirror = np.where(against > along, -1.0, 1.0)
    offset = np.arctan2(mirror * yc - xs, xc + mirror * ys)
    turns = np.arctan2(y, x)
    turns *= mirror[:, None]
    turns -= offset[:, None]
    turns /= 2 * np.pi
    turns[middle] = 0
    found = arcs(turns.T, bins, binning).T
    found[middle] = bins + 1
    return found
