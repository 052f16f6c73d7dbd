"""What the predictive metrics share: arrays of which one part is fitted, the other scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypedDict

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.inputs import Checked, check, split, split_episodes, standardise
from bvae_rl.metrics.targets import Targets, make_targets


class Splitting(TypedDict, total=False):
    """The keywords of the predictive metrics.

    ``kinds`` gives the kind of each factor (all continuous). ``seed`` (0) draws the part of the
    samples that is held out, ``test_fraction``: a quarter, with ``reference`` (False: the published
    definition instead) a third. At most ``most`` samples are fitted on, with None and in the
    reference all. ``episode`` (N,) numbers the episodes of on-policy frames, of which whole ones
    are then held out: neighbours are alike, and would stand on both sides.
    """

    kinds: Sequence[Kind] | None
    reference: bool
    seed: int
    test_fraction: float | None
    most: int | None
    episode: Any


@dataclass(frozen=True, eq=False)
class HeldOut(Checked):
    """Checked arrays, what stands for the factors in a regression, and the rows of both parts.

    ``episode`` (N,): of each row, where whole ones are held out; those to fit on then stand
    together, one after the other.
    """

    targets: Targets
    train: np.ndarray
    test: np.ndarray
    seed: int
    reference: bool = False
    episode: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        codes: Any,
        factors: Any,
        *,
        kinds: Sequence[Kind] | None = None,
        reference: bool = False,
        seed: int = 0,
        test_fraction: float | None = None,
        most: int | None = None,
        episode: Any = None,
    ) -> HeldOut:
        """Of (N, D) codes and (N, K) factors; ValueError for unusable arrays and few samples."""
        found = check(codes, factors, kinds=kinds)
        n = len(found.codes)
        asked: dict[str, Any] = {
            "test_fraction": test_fraction, "seed": seed, "reference": reference
        }  # fmt: skip
        if episode is None:
            train, test = split(n, most=most, **asked)
            return cls.at(found, train, test, seed, reference)
        train, test = split_episodes(episode, n, **asked)
        train = train if reference else train[:most]
        return replace(cls.at(found, train, test, seed, reference), episode=np.asarray(episode))

    @classmethod
    def at(
        cls,
        found: Checked,
        train: np.ndarray,
        test: np.ndarray,
        seed: int,
        reference: bool = False,
    ) -> HeldOut:
        """Fitted and scored at given rows."""
        targets = make_targets(found.factors, found.kinds)
        return cls(
            **vars(found), targets=targets, train=train, test=test, seed=seed, reference=reference
        )

    @property
    def aside(self) -> int:
        """How many of the first rows to fit on are kept aside to stop by: a tenth, whole episodes
        of them.
        """
        tenth = len(self.train) // 10
        if self.episode is None:
            return tenth
        ends = np.flatnonzero(np.diff(self.episode[self.train])) + 1
        return int(ends[np.searchsorted(ends[:-1], tenth)]) if len(ends) else tenth

    @cached_property
    def standardised(self) -> np.ndarray:
        """The codes, shifted and scaled by mean and deviation of what is fitted."""
        return standardise(self.codes, self.train)

    def linear_probe(self, factor: int, latents: Sequence[int] | slice = slice(None)) -> float:
        """Score of one factor's linear probe on some latents (all of them by default)."""
        x, y = self.standardised[:, latents], self.targets.of(factor)
        predicted = least_squares(x[self.train], y[self.train], x[self.test])
        return self.targets.score_one(factor, predicted, self.test)

    def labels(self, factor: int) -> tuple[np.ndarray, np.ndarray]:
        """The factor's values to fit on and to score on."""
        return self.factors[self.train, factor], self.factors[self.test, factor]


def least_squares(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Predictions (N', M) from a fit of ``y`` (N, M) on ``x`` (N, D), which is centred."""
    mean = y.mean(axis=0)  # so this is the intercept
    slope = np.linalg.lstsq(x, y - mean, rcond=None)[0]
    return np.asarray(x_test @ slope + mean)
