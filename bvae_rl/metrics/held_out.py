"""What the predictive metrics share: arrays of which one part is fitted, the other scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict

import numpy as np

from bvae_rl.data.factors import Kind
from bvae_rl.metrics.inputs import Checked, check, split, standardise
from bvae_rl.metrics.targets import Targets, make_targets


class Splitting(TypedDict, total=False):
    """The keywords of the predictive metrics.

    ``kinds`` gives the kind of each factor (all continuous). ``seed`` (0) draws the part of the
    samples that is held out, ``test_fraction``: a quarter, with ``reference`` (False: the published
    definition instead) a third. At most ``most`` samples are fitted on, with None and in the
    reference all.
    """

    kinds: Sequence[Kind] | None
    reference: bool
    seed: int
    test_fraction: float | None
    most: int | None


@dataclass(frozen=True, eq=False)
class HeldOut(Checked):
    """Checked arrays, what stands for the factors in a regression, and the rows of both parts."""

    targets: Targets
    train: np.ndarray
    test: np.ndarray
    seed: int
    reference: bool = False

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
    ) -> HeldOut:
        """Of (N, D) codes and (N, K) factors; ValueError for unusable arrays and few samples."""
        found = check(codes, factors, kinds=kinds)
        rows = split(
            len(found.codes), test_fraction=test_fraction, seed=seed, most=most, reference=reference
        )
        return cls.at(found, *rows, seed, reference)

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
