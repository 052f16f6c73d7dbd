"""Every latent against every factor, three ways, each number with its interval.

information   share of the factor's information that the latent holds alone, adjusted for chance
              (``information``), and the plug-in estimate in nats.
importance    of the latent for boosted trees that predict the factor from all latents (``dci``); a
              factor's importances add up to 1.
r2            held-out score of a linear probe of the factor from the latent alone (``targets``).

Shares and importances lie around [0, 1]; R2 is at most 1, and negative if worse than a constant.
Importance and R2 are NaN for a factor that is constant in the samples that are fitted or held out,
and their interval is where it is so in a replicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec, Kind
from bvae_rl.metrics.dci import dci
from bvae_rl.metrics.held_out import HeldOut, least_squares
from bvae_rl.metrics.information import active_mask, measure
from bvae_rl.metrics.inputs import as_matrix, changing, constant_columns, split
from bvae_rl.metrics.intervals import Interval, information_interval, interval, of_replicates

MOST = 2000  # samples that trees are grown on
TREES = 20


@dataclass(frozen=True, eq=False)
class PairScores:
    """``information``, ``importance`` and ``r2`` (D, K) of D latents and K factors.

    ``nats`` (D, K) is the plug-in mutual information, ``together`` (K,) the R2 of a linear probe
    of all latents. ``factors`` are those that change, the columns of the N ``samples``.
    """

    information: Interval
    nats: np.ndarray
    importance: Interval
    r2: Interval
    together: Interval
    factors: tuple[FactorSpec, ...]
    samples: int


def pair_scores(
    codes: Any,
    factors: Any,
    specs: Sequence[FactorSpec],
    *,
    active: Any = None,
    replicates: int = 100,
    slow_replicates: int = 12,
    seed: int = 0,
) -> PairScores:
    """Score (N, D) codes against the (N, K) factors that ``specs`` describe.

    ``active`` is a boolean (D,), say a variance above .01: the others hold no information.
    ``replicates`` draw the 95% intervals, ``slow_replicates`` those of importance, whose trees are
    grown anew each time; both at least 2. ValueError for unusable arrays and too few samples.
    """
    z = as_matrix(codes, "codes")
    v, kept = changing(factors, specs)
    kinds = tuple(spec.kind for spec in kept)
    mask = active_mask(z, active)
    around = np.where([kind == "cyclic" for kind in kinds], v % (2 * np.pi), v)
    flat: list[Kind] = ["continuous" if kind == "cyclic" else kind for kind in kinds]
    shares = information_interval(  # pairs of latents that lay out a circle are not asked for
        lambda found: found.shares, z, around, kinds=flat, active=mask, replicates=replicates,
        seed=seed,
    )  # fmt: skip
    rows = np.random.default_rng(seed).permutation(len(z))[:MOST]
    used = np.where(mask, z[rows], 0.0)  # a constant column has no importance

    def importance(some: np.ndarray, truth: np.ndarray) -> np.ndarray:
        parts = split(len(some), seed=seed)  # as dci does
        told = ~np.any([constant_columns(truth[part], kinds) for part in parts], axis=0)
        found = np.full((some.shape[1], len(kinds)), np.nan)
        if told.any():
            left = [kind for kind, varies in zip(kinds, told, strict=True) if varies]
            grown = dci(some, truth[:, told], kinds=left, trees=TREES, seed=seed)
            found[:, told] = grown.importance
        return found

    return PairScores(
        shares,
        measure(z, around, kinds=flat, active=mask).mutual_information,
        interval(importance, used, v[rows], replicates=slow_replicates, seed=seed),
        *_probed(HeldOut.of(z, v, kinds=kinds, seed=seed), replicates, seed),
        kept,
        len(z),
    )


def _probed(held: HeldOut, replicates: int, seed: int) -> tuple[Interval, Interval]:
    """R2 of linear probes from each latent (D, K) and from all (K,), over held-out samples."""
    x, latents = held.standardised, held.codes.shape[1]
    choices = [*([d] for d in range(latents)), list(range(latents))]
    tests = len(held.test)
    lost = np.empty((tests, len(choices), len(held.kinds)))
    spread = np.empty((tests, len(held.kinds)))
    for k, kind in enumerate(held.kinds):
        y = held.targets.of(k)
        truth = y[held.test]
        for place, chosen in enumerate(choices):
            predicted = least_squares(
                x[held.train][:, chosen], y[held.train], x[held.test][:, chosen]
            )
            if kind == "categorical":
                lost[:, place, k] = predicted.argmax(axis=1) != truth.argmax(axis=1)
            else:
                lost[:, place, k] = np.square(predicted - truth).sum(axis=1)
        if kind == "categorical":  # against the most common class
            spread[:, k] = truth.argmax(axis=1) != truth.mean(axis=0).argmax()
        else:
            spread[:, k] = np.square(truth - truth.mean(axis=0)).sum(axis=1)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(tests, np.full(tests, 1 / tests), size=replicates)
    values = [_score(lost, spread, weight) for weight in weights]
    whole = _score(lost, spread, np.ones(tests))
    return (
        of_replicates(whole[:-1], [value[:-1] for value in values]),
        of_replicates(whole[-1], [value[-1] for value in values]),
    )


def _score(lost: np.ndarray, spread: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """1 minus the share of the ``spread`` (N, K) that is ``lost`` (N, D, K), NaN without spread."""
    spreads = weight @ spread
    whole = np.where(spreads > 1e-12, spreads, np.nan)
    return np.asarray(1 - np.tensordot(weight, lost, axes=1) / whole)
