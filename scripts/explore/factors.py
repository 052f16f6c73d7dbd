"""The world moves one true factor, all others fixed: what every latent does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorEnv, FactorSpec, dependent_factors
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.factor_traversals import FactorTraversal, traversals_entry

VALUES, STATES = 9, 6  # along a factor; states around which it is moved
TRIES = 24  # states, of which those are kept in which most values can be
SEEN = 256  # draws that show the range of a factor in the visual domain
EDGE = 0.005  # of these draws, left out on either side


def moved_factors(env: gym.Env, vaes: Mapping[str, BetaVAE], *, seed: int) -> dict[str, Any] | None:
    """``payload["factor_traversals"]``; None where factors of ``env`` cannot be set.

    Factors that do not vary in the visual domain, or follow from others, are left out.
    """
    source = settable_env(env)
    if source is None:
        return None
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    draws = np.stack([source.sample_factors(rng) for _ in range(SEEN)])
    layout, dependent = FrameLayout.of(env.observation_space), dependent_factors(env)
    found = []
    for column, spec in enumerate(source.factor_specs):
        if spec.name in dependent or np.ptp(draws[:, column]) == 0:
            continue
        values = _values(spec, draws[:, column])
        if spec.kind == "continuous":
            values = _reached(source, column, values, rng)
        states = _states(source, column, values, rng)
        if states:
            frames = [_frames(layout, shown) for shown in states]
            codes = [np.stack([_encoded(vae, one) for one in frames]) for vae in vaes.values()]
            found.append(FactorTraversal(spec, values, frames[0], codes))
    return traversals_entry(found) if found else None


def _values(spec: FactorSpec, draws: np.ndarray) -> np.ndarray:
    """Where a factor is moved to, rising: what it is in the visual domain, a circle once round."""
    if spec.kind == "categorical":
        seen = np.unique(draws)
        return seen[np.linspace(0, len(seen) - 1, min(VALUES, len(seen))).round().astype(int)]
    if spec.kind == "cyclic":
        return np.linspace(spec.low, spec.high, VALUES + 1)[:-1]
    low, high = np.quantile(draws, [EDGE, 1 - EDGE])
    return np.linspace(low, high, VALUES)


def _reached(
    source: FactorEnv, column: int, values: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """``values`` as they are drawn, each once: a world may round them, to pixels or whole lives.

    Those that no state has are left out.
    """
    found = []
    for value in values:
        for _ in range(TRIES):
            moved = source.sample_factors(rng)
            moved[column] = value
            try:
                source.set_factors(moved)
            except ValueError:  # not in this state
                continue
            found.append(float(source.factors()[column]))
            break
    return np.unique(found)


def _states(
    source: FactorEnv, column: int, values: np.ndarray, rng: np.random.Generator
) -> list[list[np.ndarray | None]]:
    """For each of the ``STATES`` best an observation a value, None where that cannot be."""
    found: list[list[np.ndarray | None]] = []
    for _ in range(TRIES):
        base = source.sample_factors(rng)
        shown: list[np.ndarray | None] = []
        for value in values:
            moved = base.copy()
            moved[column] = value
            try:
                shown.append(np.array(source.set_factors(moved)))
            except ValueError:
                shown.append(None)
        found.append(shown)
        if sum(all(picture is not None for picture in one) for one in found) >= STATES:
            break
    found.sort(key=lambda one: sum(picture is None for picture in one))
    return [one for one in found[:STATES] if sum(picture is not None for picture in one) > 1]


def _frames(layout: FrameLayout, shown: list[np.ndarray | None]) -> list[np.ndarray | None]:
    return [None if one is None else layout.frames(one[None])[0] for one in shown]


def _encoded(vae: BetaVAE, frames: list[np.ndarray | None]) -> np.ndarray:
    """Codes (T, D), NaN where there is no frame."""
    codes = np.full((len(frames), vae.latent_dim), np.nan, dtype=np.float32)
    there = [place for place, frame in enumerate(frames) if frame is not None]
    seen = [frame for frame in frames if frame is not None]
    codes[there] = vae.encode_frames(np.stack(seen))
    return codes
