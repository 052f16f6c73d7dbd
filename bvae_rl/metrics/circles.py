"""Who carries a cyclic factor: one latent, or two that lay it out as a circle.

An angle needs two latents to be laid out without a cut, each of which holds a part of it only, so
that the plain gap calls a perfectly separated circle 0. The rule here: candidates are each active
latent alone and each pair of active latents. A pair tells its polar angle about the middle of its
ranges, in units of the half-ranges; a latent alone tells what its bins tell, or what its position
in its range tells, taken as a turn (an angle that is cut elsewhere), whichever is more. Turns are
cut into arcs that start where the circular mean of their difference to the factor puts angle 0,
in the direction, with or against the factor, in which that difference is the more even.

The carrier is the candidate of the largest chance-adjusted share, and is compared with the best
candidate, alone or pair, that shares no latent with it: a circle that appears twice gains nothing.

Limits. The maximum is over D (D + 1) / 2 candidates, each of which is adjusted for chance while
the maximum is not: it lies above 0 for noise (some 2.5 standard deviations of one candidate at
D = 10), on both sides of the gap. A pair whose two latents each tell almost all of the angle may
win over either alone and so hide that they are duplicates; where it tells no more than one of them,
as in a turned circle of four directions, they are duplicates, and the gap is 0. Arcs are equal: a
circle that is laid out unevenly loses information, as an uneven code does.
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
    nats; ``rows`` (C,) numbers the row of ``circle_cells``. Every latent and pair stands here once.
    """

    factor: int
    carriers: np.ndarray
    rows: np.ndarray
    information: np.ndarray
    chance: np.ndarray
    entropy: np.ndarray

    @classmethod
    def best_of(
        cls,
        factor: int,
        carriers: np.ndarray,
        *,
        information: np.ndarray,
        chance: np.ndarray,
        entropy: np.ndarray,
    ) -> Circle:
        """Of several rows for the same latents, the one with the most information beyond chance."""
        order = np.argsort(chance - information, kind="stable")
        _, first = np.unique(carriers[order], axis=0, return_index=True)
        kept = np.sort(order[first])
        every = cls(factor, carriers, np.arange(len(carriers)), information, chance, entropy)
        return every._keep(kept)

    def _keep(self, kept: np.ndarray) -> Circle:
        return replace(
            self,
            carriers=self.carriers[kept],
            rows=self.rows[kept],
            information=self.information[kept],
            chance=self.chance[kept],
            entropy=self.entropy[kept],
        )

    def strongest(self, most: int, factor_entropy: float) -> Circle:
        """The ``most`` candidates of the largest shares."""
        order = np.argsort(-self.shares(factor_entropy), kind="stable")
        return self._keep(np.sort(order[:most]))

    def shares(self, factor_entropy: float) -> np.ndarray:
        """(C,) chance-adjusted shares of the factor's information."""
        return share(self.information, self.chance, factor_entropy)

    def select(self, latents: np.ndarray, factor: int) -> Circle:
        """The candidates that consist of some of the latents, renumbered; the factor's new number.

        Where a latent is selected several times, it stands for its first place.
        """
        kept = self._keep(np.flatnonzero(np.isin(self.carriers, latents).all(axis=1)))
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
    alive = np.flatnonzero(active & (np.ptp(codes, axis=0) > 0))
    z = codes[:, alive]
    low, high = z.min(axis=0), z.max(axis=0)
    middle = (((z - low) - (high - z)) / (high - low)).T  # (D, N), -1 ... 1, and exactly odd
    found = [cells(z, bins, binning).T]
    carriers = [np.stack([alive, alive], axis=1)]
    for i, latent in enumerate(alive):
        alone = np.pi * middle[i : i + 1]
        x = np.concatenate([np.cos(alone), np.broadcast_to(middle[i], middle[i + 1 :].shape)])
        y = np.concatenate([np.sin(alone), middle[i + 1 :]])
        found.append(_arcs(x, y, angles, bins, binning))
        carriers.append(np.stack([np.full(len(x), latent), alive[i:]], axis=1))
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
