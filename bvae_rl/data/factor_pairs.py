"""Pairs of frames in which k known factors differ, made by setting factors.

The weak supervision of Locatello et al. (2020, arXiv 2002.02886): k factors are drawn anew and the
rest is kept. Which ones they were is in the pairs; whether a learner is told is the learner's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.acted_pairs import acted_pairs
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorEnv
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.paired_frames import PairedFrames, check_pairs

TRIES = 400  # draws of one pair before it is given up
PATIENCE = 8  # of these with the same factors
LOOKED_AT = 64  # draws that tell which factors vary at all


def pairs(
    env: gym.Env,
    n: int,
    *,
    k_changed: int | None,
    seed: int,
    names: Sequence[str] | None = None,
) -> PairedFrames:
    """``n`` pairs that differ in exactly ``k_changed`` factors, from independent states.

    ``k_changed`` None draws k for each pair, from 1 up to all. ``names`` are the factors that may
    change (default: all that vary in this environment). What ``set_factors`` refuses is drawn
    again. Where a set of looks is no product of ranges, look factors drawn anew one by one may
    leave it.

    Where factors cannot be set the pairs are made by ``acted_pairs``, if ``k_changed`` is 1 and no
    ``names`` are asked for. ValueError for what the environment cannot give.
    """
    check_pairs(n)
    source = settable_env(env)
    if source is None:
        if k_changed != 1 or names is not None:
            raise ValueError(
                f"the factors of {env} cannot be set, so pairs come from acting, one actuator at a "
                f"time: k_changed=1 and names=None, got k_changed={k_changed}, names={names}"
            )
        return acted_pairs(env, n, seed=seed)
    layout = FrameLayout.of(env.observation_space)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    candidates = _candidates(source, names, rng)
    if not 1 <= (1 if k_changed is None else k_changed) <= len(candidates):
        raise ValueError(
            f"k_changed must be from 1 to the {len(candidates)} factors that may change "
            f"({_named(source, candidates)}), got {k_changed}"
        )
    frames, factors = [], []
    for _ in range(n):
        k = k_changed or int(rng.integers(1, len(candidates) + 1))
        both, values = _set_pair(source, candidates, k, rng)
        frames.append(layout.frames(np.stack(both)))
        factors.append(values)
    return PairedFrames(np.stack(frames), np.stack(factors), source.factor_specs)


def _candidates(
    source: FactorEnv, names: Sequence[str] | None, rng: np.random.Generator
) -> np.ndarray:
    """The columns that may change: those of ``names``, or those that differ between draws."""
    known = [spec.name for spec in source.factor_specs]
    if unknown := sorted({*(names or ())} - {*known}):
        raise ValueError(f"unknown factors {unknown}; known: {', '.join(known)}")
    draws = np.stack([source.sample_factors(rng) for _ in range(LOOKED_AT)])
    varies = np.ptp(draws, axis=0) > 0
    wanted = np.array([names is None or name in names for name in known])
    if names is not None and (wanted & ~varies).any():
        raise ValueError(
            f"{_named(source, np.flatnonzero(wanted & ~varies))} never changed in {LOOKED_AT} "
            f"draws; what varies here: {_named(source, np.flatnonzero(varies))}"
        )
    return np.flatnonzero(wanted & varies)


def _set_pair(
    source: FactorEnv, candidates: np.ndarray, k: int, rng: np.random.Generator
) -> tuple[list[Any], np.ndarray]:
    """Two observations whose factors (2, K) differ in ``k`` of the ``candidates`` alone."""
    reason = "a value stayed the same"
    for attempt in range(TRIES):
        if attempt % PATIENCE == 0:  # some cannot change alone: what is carried, without its cell
            columns = rng.choice(candidates, size=k, replace=False)
        other = source.sample_factors(rng)
        first = source.sample_factors(rng)  # last: the scene may take parts that are no factors
        second = first.copy()
        second[columns] = other[columns]
        if (second[columns] == first[columns]).any():
            continue
        before = np.array(source.set_factors(first))
        try:
            return [before, np.array(source.set_factors(second))], np.stack([first, second])
        except ValueError as error:
            reason = str(error)
    some = "" if k == len(candidates) else f"{k} of "
    raise ValueError(
        f"no pair that differs only in {some}{_named(source, candidates)} was found in {TRIES} "
        f"draws (the last: {reason}); ask for other factors with names=[...]"
    )


def _named(source: FactorEnv, columns: np.ndarray) -> str:
    return ", ".join(source.factor_specs[column].name for column in columns)
