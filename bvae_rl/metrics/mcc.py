"""Mean correlation coefficient: each factor against a latent of its own (Hyvarinen & Morioka 2016).

Every factor is assigned one latent, and no latent twice, so that the sum of the absolute
correlations is largest (Hungarian method); the score is their mean. A factor without a latent
(fewer latents than factors) counts 0.

continuous   Pearson's or Spearman's correlation with the value.
cyclic       with cos(angle - phi), phi where the correlation is largest: a latent that is one axis
             of a circle scores 1, wherever the angle 0 lies. Our extension.
categorical  with the latent's own mean in each class (the correlation ratio). Our extension.

Spearman's takes ranks of the latent, and of the value or wave that it is compared with. The default
finds assignment, sign, phi and class means on one part of the samples and correlates on the other:
noise scores 0 on average; in [-1, 1]. ``reference=True`` is the common definition (as in the code
of Klindt et al. 2021): all samples at once, in [0, 1], and positive for noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.inputs import Checked, check, split
from bvae_rl.runtime.optional import require

Method = Literal["pearson", "spearman"]


@dataclass(frozen=True, eq=False)
class MCC:
    """Score, its parts (K,), the latent of each factor (K,) or -1, and all correlations (D, K)."""

    score: float
    per_factor: np.ndarray
    latents: np.ndarray
    correlation: np.ndarray


def mcc(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    method: Method = "pearson",
    reference: bool = False,
    seed: int = 0,
    test_fraction: float | None = None,
) -> MCC:
    """MCC of (N, D) codes and (N, K) factors; needs scipy.

    ``test_fraction`` defaults to a quarter. ValueError for unusable arrays, too few samples, and an
    unknown method.
    """
    checked = check(codes, factors, kinds=kinds)
    if method not in get_args(Method):
        raise ValueError(f"unknown method {method!r}; known are 'pearson' and 'spearman'")
    if reference:
        train = test = np.arange(len(checked.codes))
    else:
        train, test = split(len(checked.codes), test_fraction=test_fraction, seed=seed)
    shape = checked.codes.shape[1], len(checked.kinds)
    fitted, correlation = np.empty(shape), np.empty(shape)
    for j, k in np.ndindex(shape):
        fitted[j, k], correlation[j, k] = _pair(checked, j, k, train, test, method)
    assign = require("scipy.optimize", extra="metrics").linear_sum_assignment
    rows, columns = assign(-np.abs(fitted))
    latents = np.full(shape[1], -1)
    latents[columns] = rows
    per_factor = np.zeros(shape[1])
    per_factor[columns] = correlation[rows, columns]
    return MCC(float(per_factor.mean()), per_factor, latents, correlation)


def _pair(
    checked: Checked, latent: int, factor: int, train: np.ndarray, test: np.ndarray, method: Method
) -> tuple[float, float]:
    """Absolute correlation on the samples that were fitted on; on the others, with that sign."""
    code, column = checked.codes[:, latent], checked.factors[:, factor]
    seen = _ranks(code[train]) if method == "spearman" else code[train]
    if checked.kinds[factor] == "continuous":
        wave = column
    elif checked.kinds[factor] == "cyclic":
        wave = _wave(column, seen, train)
    else:
        wave = _class_means(column, seen, train)
    first = _correlation(seen, wave[train], method)
    second = _correlation(code[test], wave[test], method)
    return abs(first), float(np.copysign(1, first)) * second


def _wave(angle: np.ndarray, seen: np.ndarray, train: np.ndarray) -> np.ndarray:
    """cos(angle - phi) (N,), phi by least squares of what was ``seen`` on cos and sin."""
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    centred = circle[train] - circle[train].mean(axis=0)
    slope = np.linalg.lstsq(centred, seen - seen.mean(), rcond=None)[0]
    return np.asarray(circle @ slope)


def _class_means(label: np.ndarray, seen: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Mean of what was ``seen`` in the class of each sample, (N,); the overall mean if never."""
    values, place = np.unique(label, return_inverse=True)
    count = np.bincount(place[train], minlength=len(values))
    total = np.bincount(place[train], seen, minlength=len(values))
    means = np.where(count > 0, total / np.maximum(count, 1), seen.mean())
    return np.asarray(means[place])


def _correlation(first: np.ndarray, second: np.ndarray, method: Method) -> float:
    """Correlation in [-1, 1]; 0 where either is constant."""
    if not np.ptp(first) > 0 or not np.ptp(second) > 0:
        return 0.0
    if method == "spearman":
        first, second = _ranks(first), _ranks(second)
    a, b = ((x - x.mean()) / np.abs(x - x.mean()).max() for x in (first, second))
    return float(np.clip((a @ b) / np.sqrt((a @ a) * (b @ b)), -1, 1))


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.asarray(require("scipy.stats", extra="metrics").rankdata(values))
