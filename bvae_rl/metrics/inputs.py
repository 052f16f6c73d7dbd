"""Checks of the arrays that every metric takes, and their split: shapes, numbers, kinds.

What passes is float64, finite, two-dimensional, of equal length, and holds no constant factor
(a factor that never changes has no entropy and no variance, so no score of it is defined).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from bvae_rl.data.factors import FactorSpec, Kind

LEAST_EPISODES = 14  # to fit on 10 or more and test on others
_LARGEST = 1e100  # squares and ranges of anything below stay finite


@dataclass(frozen=True, eq=False)
class Checked:
    """Codes (N, D) and factors (N, K), float64, the K kinds, and a suffix of names in messages."""

    codes: np.ndarray
    factors: np.ndarray
    kinds: tuple[Kind, ...]
    suffix: str


def check(
    codes: Any,
    factors: Any,
    *,
    kinds: Sequence[Kind] | None = None,
    minimum: int = 2,
    suffix: str = "",
) -> Checked:
    """Codes, factors and kinds as every metric wants them, or a ValueError.

    ``minimum`` is the number of samples the metric needs; ``suffix`` is added to the two names in
    messages. Codes may hold constant columns (inactive latents): they score nothing.
    """
    z = as_matrix(codes, f"codes{suffix}")
    v = as_matrix(factors, f"factors{suffix}")
    check_lengths(z, v, suffix)
    if len(z) < minimum:
        raise ValueError(f"at least {minimum} samples are needed, got {len(z)}")
    if v.shape[1] > len(v):
        raise ValueError(
            f"factors{suffix} has more columns than rows, {v.shape}: rows are samples and columns "
            "are factors; transpose it, or score more samples"
        )
    checked = check_kinds(kinds, v.shape[1])
    constant = constant_columns(v, checked)
    if constant.any():
        k = int(np.flatnonzero(constant)[0])
        raise ValueError(
            f"factors{suffix} column {k} is constant ({v[0, k]:g} in all {len(v)} samples), so no "
            "score of it is defined; leave the column out"
        )
    for k, kind in enumerate(checked):
        if kind == "categorical" and len(np.unique(v[:, k])) == len(v):
            raise ValueError(
                f"factors{suffix} column {k} is categorical but has as many values as samples "
                f"({len(v)}); declare it continuous, or score more samples"
            )
    return Checked(z, v, checked, suffix)


def stack(first: Checked, *others: Checked) -> Checked:
    """The samples of several checked arrays as one; a ValueError where their columns differ."""
    for what in ("codes", "factors"):
        width = getattr(first, what).shape[1]
        for one in others:
            if (got := getattr(one, what).shape[1]) != width:
                raise ValueError(
                    f"{what}{first.suffix} and {what}{one.suffix} must have the same columns, "
                    f"got {width} and {got}"
                )
    codes, factors = (
        np.concatenate([getattr(one, what) for one in (first, *others)])
        for what in ("codes", "factors")
    )
    return Checked(codes, factors, first.kinds, "")


def as_matrix(array: Any, name: str) -> np.ndarray:
    """``array`` as a finite float64 matrix with at least one column, or a ValueError."""
    try:
        matrix = np.asarray(array)
    except (RuntimeError, TypeError, ValueError) as error:  # a tensor with a graph, ragged lists
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    if matrix.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {matrix.dtype}")
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError(f"{name} must be a matrix of samples x columns, got shape {matrix.shape}")
    matrix = matrix.astype(np.float64)
    bad = ~(np.abs(matrix) < _LARGEST)  # written so that NaN is bad too
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{name} must be finite and below {_LARGEST:g}, got {matrix[row, column]} "
            f"in row {row}, column {column} ({int(bad.sum())} such entries)"
        )
    return matrix


def check_lengths(codes: np.ndarray, factors: np.ndarray, suffix: str = "") -> None:
    """ValueError for codes and factors of different numbers of samples."""
    if len(codes) != len(factors):
        raise ValueError(
            f"codes{suffix} and factors{suffix} must describe the same samples, "
            f"got {len(codes)} and {len(factors)} rows"
        )


def check_kinds(kinds: Sequence[Kind] | None, count: int) -> tuple[Kind, ...]:
    """``kinds`` as a tuple of ``count`` known kinds; None means all continuous."""
    if kinds is None:
        kinds = ["continuous"] * count
    checked: tuple[Kind, ...] = tuple(kinds)
    if isinstance(kinds, str) or len(checked) != count:
        raise ValueError(f"kinds needs one entry for each of the {count} factors, got {kinds!r}")
    for kind in checked:
        if kind not in get_args(Kind):
            raise ValueError(f"unknown kind {kind!r}; known are {', '.join(get_args(Kind))}")
    return checked


def constant_columns(factors: np.ndarray, kinds: Sequence[Kind]) -> np.ndarray:
    """Boolean (K,): factors that never change; angles that differ by full turns are the same."""
    if not len(factors):
        return np.zeros(factors.shape[1], dtype=bool)
    constant: np.ndarray = np.ptp(factors, axis=0) == 0
    for k, kind in enumerate(kinds):
        if kind == "cyclic":
            turn = np.exp(1j * (factors[:, k] - factors[0, k]))
            constant[k] = np.abs(turn - 1).max() < 1e-9
    return constant


def changing(
    factors: Any, specs: Sequence[FactorSpec]
) -> tuple[np.ndarray, tuple[FactorSpec, ...]]:
    """The columns of (N, K) factors that change, as scores take them, and their specs.

    Cyclic factors become angles by the period ``high - low`` of their spec. ValueError where
    nothing changes, or the columns are not those of ``specs``.
    """
    v = as_matrix(factors, "factors")
    if v.shape[1] != len(specs):
        raise ValueError(f"factors has {v.shape[1]} columns, but there are {len(specs)} specs")
    if len({spec.name for spec in specs}) < len(specs):
        raise ValueError(f"factor names must differ, got {[spec.name for spec in specs]}")
    for k, spec in enumerate(specs):
        if spec.kind == "cyclic":
            v[:, k] = 2 * np.pi * (v[:, k] - spec.low) / (spec.high - spec.low)
    constant = constant_columns(v, [spec.kind for spec in specs])
    if constant.all():
        raise ValueError(f"none of the {len(specs)} factors changes in the {len(v)} samples")
    kept = tuple(spec for spec, fixed in zip(specs, constant, strict=True) if not fixed)
    return v[:, ~constant], kept


def split(
    samples: int,
    *,
    test_fraction: float | None = None,
    seed: int = 0,
    most: int | None = None,
    reference: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Random row numbers to fit on and to score on, disjoint and together all of them.

    ``test_fraction`` None is a quarter, in the ``reference`` a third (10,000 samples to fit and
    5,000 to score in disentanglement_lib). ``most`` rows are fitted on at most, in the reference
    all.
    """
    if most is not None and most < 10:
        raise ValueError(f"most must be at least 10 samples to fit on, or None, got {most}")
    if test_fraction is None:
        test_fraction = 1 / 3 if reference else 0.25
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must lie between 0 and 1, got {test_fraction}")
    order = np.random.default_rng(seed).permutation(samples)
    held_out = round(samples * test_fraction)
    train, test = order[held_out:], order[:held_out]
    if len(train) < 10 or len(test) < 2:
        raise ValueError(
            f"{samples} samples with test_fraction {test_fraction:g} leave {len(train)} to fit and "
            f"{len(test)} to score; at least 10 and 2 are needed"
        )
    return (train if reference else train[:most]), test


def check_episode(episode: Any, samples: int) -> np.ndarray:
    """``episode`` as (N,) or a ValueError."""
    number = np.asarray(episode)
    if number.shape != (samples,):
        raise ValueError(f"episode must number each of the {samples} samples, got {number.shape}")
    return number


def enough(episode: Any) -> np.ndarray | None:
    """``episode`` (N,) if it numbers so many that some can be held out; else None."""
    number = np.asarray(episode)
    return number if len(np.unique(number)) >= LEAST_EPISODES else None


def split_episodes(
    episode: Any,
    samples: int,
    *,
    test_fraction: float | None = None,
    seed: int = 0,
    reference: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to fit on and to score on, of different episodes, which ``episode`` (N,) numbers.

    As ``split`` of the episodes: those to fit on come in random order, the rows of each together.
    """
    names, which = np.unique(check_episode(episode, samples), return_inverse=True)
    if len(names) < LEAST_EPISODES:
        raise ValueError(
            f"the samples are of {len(names)} episodes; at least {LEAST_EPISODES} are needed to "
            "test on others than were fitted: collect more frames"
        )
    fitted, _ = split(len(names), test_fraction=test_fraction, seed=seed, reference=reference)
    place = np.full(len(names), len(names))
    place[fitted] = np.arange(len(fitted))
    held = place[which] == len(names)
    order = place[which].argsort(kind="stable")
    return order[: int((~held).sum())], np.flatnonzero(held)


def standardise(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """All rows (N, D) shifted and scaled by mean and deviation of the ``train`` rows.

    A column that is constant there becomes 0 throughout.
    """
    mean, scale = values[train].mean(axis=0), values[train].std(axis=0)
    varies = (np.ptp(values[train], axis=0) > 0) & (scale > 0)
    scaled: np.ndarray = np.where(varies, (values - mean) / np.where(varies, scale, 1), 0.0)
    return scaled
