"""How much of a world is on its frames: of the range of its factors, or of the pictures.

**Evenness** of a factor is the entropy of its histogram over its declared range (10 bins; the
values of a categorical one) in units of that of the uniform one: 1 where all of the range was seen
equally often, 0 for a constant. **Seen** is the share of those bins in which there is a frame, and
``pairs`` the same of the 10 x 10 bins of two factors. All are means over the factors of the state:
an appearance depends on the visual domain, not on who acts.

Without factors the leading principal components of the frames take their place, binned over the
range that was seen. What nobody looked at is then not missing, so that pictures are compared, too:
**same** is the largest share of frames that show nearly one picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.pictures.small import Components, small

BINS = 10
COMPONENTS = 10  # at most
SAMPLE = 512  # frames that are compared with each other
NEARLY, LEVEL = 0.4, 1 / 255  # see ``alike``
FACTORS, PICTURES = "factors", "components"


@dataclass(frozen=True)
class Coverage:
    """What was seen in ``frames`` frames, by their ``of``: "factors" or "components".

    ``evenness``, ``seen`` and ``pairs`` in [0, 1] as defined above; ``each`` is the evenness of
    each factor by name. ``same`` in (0, 1]. ``pictures``: one over the chance that two frames show
    nearly the same picture, so n for n different ones that are equally frequent. ``effective``: how
    many principal components share the variance (participation ratio).
    """

    frames: int
    of: str
    evenness: float
    seen: float
    pairs: float
    same: float
    pictures: float
    effective: float
    each: dict[str, float]


def measure(
    frames: np.ndarray, factors: np.ndarray | None = None, specs: Sequence[FactorSpec] = ()
) -> Coverage:
    """Coverage by uint8 frames (N, H, W, C), and factors (M, K) where they are known.

    The frames may be a sample of those whose factors are given.
    """
    components = Components.fit(frames, COMPONENTS)
    chosen = [
        (number, spec)
        for number, spec in enumerate(specs)
        if spec.role == "state" and _bounded(spec)
    ]
    if factors is not None and chosen:
        of, counted = FACTORS, len(factors)
        bins = {spec.name: binned(factors[:, number], spec) for number, spec in chosen}
    else:
        of, counted = PICTURES, len(frames)
        codes = components.codes(frames)
        bins = {
            f"component {number}": (_in_bins(code, code.min(), code.max()), BINS)
            for number, code in enumerate(codes.T, start=1)
        }
    each = {name: evenness(index, count) for name, (index, count) in bins.items()}
    same, pictures = alike(frames)
    return Coverage(
        counted, of,
        evenness=_mean([*each.values()]),
        seen=_mean([len(np.unique(index)) / count for index, count in bins.values()]),
        pairs=_mean([
            len(np.unique(a * m + b)) / (n * m)
            for (a, n), (b, m) in combinations(bins.values(), 2)
        ]),
        same=same, pictures=pictures, effective=components.effective, each=each,
    )  # fmt: skip


def binned(values: np.ndarray, spec: FactorSpec) -> tuple[np.ndarray, int]:
    """The bin of each of ``values`` (N,) over the range of ``spec``, and how many bins it has.

    What is outside of the range counts to the nearest bin.
    """
    if spec.kind == "categorical":
        known = np.asarray(spec.values, dtype=np.float64)
        return np.abs(values[:, None] - known).argmin(axis=1), len(known)
    return _in_bins(values, spec.low, spec.high), BINS


def evenness(index: np.ndarray, bins: int) -> float:
    """Entropy of ``index`` (N,), numbers of ``bins`` bins, over that of the uniform: in [0, 1]."""
    share = np.bincount(index, minlength=bins) / len(index)
    share = share[share > 0]
    return abs(float(-(share * np.log(share)).sum() / math.log(bins)))


def alike(frames: np.ndarray) -> tuple[float, float]:
    """Largest share of frames (N, H, W, C) that show nearly one picture; and how many pictures.

    Two are nearly the same where the root mean square difference of their small pictures is at most
    ``NEARLY`` of that between two frames drawn at random, or one level of 255. So what is small
    counts where nothing larger differs. How many: one over the chance that two frames, drawn with
    replacement, are nearly the same.
    """
    tiny = small(frames).reshape(len(frames), -1).astype(np.float64) / 255
    tiny -= tiny.mean(axis=0)
    square = (tiny**2).sum(axis=1)
    apart = (square[:, None] + square - 2 * tiny @ tiny.T) / tiny.shape[1]
    near = apart <= max(NEARLY**2 * float(apart.mean()), LEVEL**2)
    share = near.mean(axis=1)
    return float(share.max()), 1 / float(share.mean())


def summary(found: Coverage) -> str:
    """The figures in a line."""
    what = "the factors' range" if found.of == FACTORS else f"{len(found.each)} components' range"
    return (
        f"coverage {found.evenness:.2f} of {what} ({found.seen:.0%} of its bins seen, "
        f"{found.pairs:.0%} of the pairs'); {found.same:.0%} of the frames show nearly one "
        f"picture, all together as many as {found.pictures:,.3g} different ones"
    )


def _in_bins(values: np.ndarray, low: float, high: float) -> np.ndarray:
    if not low < high:
        return np.zeros(len(values), dtype=np.int64)
    share = (values.astype(np.float64) - low) / (high - low)
    return np.clip((share * BINS).astype(np.int64), 0, BINS - 1)


def _bounded(spec: FactorSpec) -> bool:
    return spec.kind == "categorical" or bool(np.isfinite([spec.low, spec.high]).all())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
