"""Factors of a few frames that no score takes, and why: so that all others are scored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics.binning import arcs
from bvae_rl.metrics.inputs import changing, constant_columns, split, split_episodes

ARCS = 20  # bins of a circle, as scores have them
UNSAID = (0.0, 1.0)  # range of a cyclic factor whose period nobody gave
FEW = 14  # samples that cannot be split: what scores them refuses them
FITTED = 5000  # samples that some scores fit on at most: the first ones

logger = logging.getLogger(__name__)


def unscorable(
    factors: np.ndarray,
    specs: Sequence[FactorSpec],
    *,
    episode: Any = None,
    seed: int = 0,
    reference: bool = False,
) -> dict[str, str]:
    """Why a column of ``factors`` (N, K) cannot be scored, by the name of its spec.

    A value that is not finite; a cyclic factor that stays within one of 20 arcs of its circle; and
    one that changes, but not both among the samples that ``seed`` draws to fit on and among those
    to test on, of other episodes where ``episode`` (N,) numbers them, in the shares of the
    ``reference`` or ours. Constant ones are left to ``inputs.changing``.
    """
    found: dict[str, str] = {}
    columns = np.asarray(factors, float)
    parts = _parts(len(columns), episode, seed, reference)
    for values, spec in zip(columns.T, specs, strict=True):
        if bad := int((~np.isfinite(values)).sum()):
            found[spec.name] = f"not finite in {bad} of {len(values)} frames"
        elif np.ptp(values) == 0:
            continue
        elif spec.kind == "cyclic" and np.ptp(arcs(_turns(values, spec), ARCS, "width")) == 0:
            found[spec.name] = f"moves by less than a {ARCS}th of its circle"
        elif any(_still(values[rows], spec) for rows in parts):
            some = "frames" if episode is None else "episodes"
            found[spec.name] = f"changes in too few of the {some}; score more"
    return found


def taken(
    factors: Any,
    specs: Sequence[FactorSpec],
    *,
    episode: Any = None,
    seed: int = 0,
    reference: bool = False,
) -> tuple[np.ndarray, tuple[FactorSpec, ...], dict[str, str]]:
    """The columns of (N, K) factors that can be scored, as ``changing`` gives them, their specs,
    and why others that change are left out, by name.

    ValueError where none is left, and as ``changing``.
    """
    array = np.asarray(factors)
    if array.ndim != 2 or array.shape[1] != len(specs) or array.dtype.kind not in "fiub":
        return *changing(factors, specs), {}  # which says what is wrong
    left = unscorable(array, specs, episode=episode, seed=seed, reference=reference)
    kept = [k for k, spec in enumerate(specs) if spec.name not in left]
    for k, spec in ((k, specs[k]) for k in kept):
        if spec.kind == "cyclic" and (spec.low, spec.high) == UNSAID and np.ptp(array[:, k]) > 1:
            logger.warning(
                "%s is cyclic with a period of 1, and goes from %g to %g: give its own, as in "
                "FactorSpec(%r, 'cyclic', low=-math.pi, high=math.pi) of radians",
                spec.name, array[:, k].min(), array[:, k].max(), spec.name,
            )  # fmt: skip
    if not kept:
        raise ValueError(f"no factor can be scored: {_listed(left)}")
    return *changing(array[:, kept], [specs[k] for k in kept]), left


def scorable(
    factors: np.ndarray,
    specs: Sequence[FactorSpec],
    *,
    say: Callable[[str], None],
    episode: Any = None,
    seed: int = 0,
) -> tuple[np.ndarray, tuple[FactorSpec, ...]]:
    """The columns that can be scored, as they are, and their specs; others are said by name."""
    left = unscorable(factors, specs, episode=episode, seed=seed)
    if left:
        say(f"not scored: {_listed(left)}")
    kept = [k for k, spec in enumerate(specs) if spec.name not in left]
    return factors[:, kept], tuple(specs[k] for k in kept)


def _listed(left: dict[str, str]) -> str:
    return ", ".join(f"{name} ({why})" for name, why in left.items())


def _parts(samples: int, episode: Any, seed: int, reference: bool) -> tuple[np.ndarray, ...]:
    """Rows that regressors are fitted and tested on; none of samples too few to be split."""
    if episode is not None:
        fitted, tested = split_episodes(episode, samples, seed=seed, reference=reference)
    elif samples >= FEW:
        fitted, tested = split(samples, seed=seed, reference=reference)
    else:
        return ()
    return fitted, fitted[:FITTED], tested


def _turns(values: np.ndarray, spec: FactorSpec) -> np.ndarray:
    return (values[:, None] - spec.low) / (spec.high - spec.low)


def _still(values: np.ndarray, spec: FactorSpec) -> bool:
    angles = 2 * np.pi * _turns(values, spec) if spec.kind == "cyclic" else values[:, None]
    return bool(constant_columns(angles, [spec.kind])[0])
