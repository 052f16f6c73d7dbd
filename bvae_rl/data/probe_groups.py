"""Groups of frames in which one factor is held fixed, for the FactorVAE and BetaVAE scores.

All other factors are drawn independently, as in ``probe_set``. Where a visual domain is no product
of ranges, holding one appearance factor at a value of another appearance may leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from bvae_rl.data.factors import FactorEnv, require_factor_env
from bvae_rl.data.frame_layout import FrameLayout

TRIES, VALUES = 100, 10  # draws of one frame, and of one value to hold, before it is given up
LOOKED_AT = 64  # draws that tell which factors vary at all


@dataclass(frozen=True, eq=False)
class FrameGroups:
    """Frames uint8 (G, L, H, W, C), factors (G, L, K), which was fixed (G,), names of the K.

    ``fixed`` holds column numbers of ``factors`` and ``names``.
    """

    frames: np.ndarray
    factors: np.ndarray
    fixed: np.ndarray
    names: tuple[str, ...]


def fixed_factor_groups(
    env: gym.Env,
    n_groups: int,
    size: int,
    *,
    seed: int,
    names: Sequence[str] | None = None,
    pairs: bool = False,
) -> FrameGroups:
    """``n_groups`` groups of ``size`` frames, each with one factor held at a value drawn for it.

    The fixed factor is drawn anew for each group, from ``names`` (default: all that vary here).
    With ``pairs`` the value is drawn anew for each two frames, as the BetaVAE score was published
    (``size`` is then even). Draws that ``set_factors`` refuses are made again; a value that never
    works is replaced. 1,000 groups of 32 frames of 64 x 64 x 3 take 390 MB. ValueError for what
    ``env`` cannot give.
    """
    if n_groups < 1 or size < 2 or (pairs and size % 2):
        raise ValueError(
            "groups need n_groups of at least 1 and size of at least 2, even for pairs, got "
            f"n_groups={n_groups}, size={size}, pairs={pairs}"
        )
    source = require_factor_env(env)
    layout = FrameLayout.of(env.observation_space)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    columns = _columns(source, names, rng)
    fixed = rng.choice(columns, size=n_groups)
    known = tuple(spec.name for spec in source.factor_specs)
    factors = np.empty((n_groups, size, len(known)))
    frames: np.ndarray | None = None
    for group, column in enumerate(fixed):
        parts = [
            _together(source, int(column), 2 if pairs else size, rng)
            for _ in range(size // 2 if pairs else 1)
        ]
        drawn = layout.frames(np.concatenate([observations for observations, _ in parts]))
        if frames is None:
            frames = np.empty((n_groups, *drawn.shape), dtype=drawn.dtype)
        frames[group] = drawn
        factors[group] = np.concatenate([values for _, values in parts])
    assert frames is not None
    return FrameGroups(frames, factors, fixed, known)


def _columns(
    source: FactorEnv, names: Sequence[str] | None, rng: np.random.Generator
) -> np.ndarray:
    known = [spec.name for spec in source.factor_specs]
    if unknown := sorted({*(names or ())} - {*known}):
        raise ValueError(f"unknown factors {unknown}; known: {', '.join(known)}")
    varies = np.ptp(np.stack([source.sample_factors(rng) for _ in range(LOOKED_AT)]), axis=0) > 0
    wanted = np.array([names is None or name in names for name in known])
    if not (wanted & varies).any() or (names is not None and (wanted & ~varies).any()):
        raise ValueError(
            f"no groups can be drawn for {list(names) if names is not None else 'any factor'}: "
            f"in {LOOKED_AT} draws only {[n for n, v in zip(known, varies, strict=True) if v]} vary"
        )
    return np.flatnonzero(wanted & varies)


def _together(
    source: FactorEnv, column: int, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Observations (size, ...) and factors (size, K) that share one value of ``column``."""
    for _ in range(VALUES):
        value = source.sample_factors(rng)[column]
        states = [_state(source, column, value, rng) for _ in range(size)]
        found = [state for state in states if not isinstance(state, str)]
        if len(found) == size:
            return np.stack([frame for frame, _ in found]), np.stack([row for _, row in found])
    reason = next(state for state in states if isinstance(state, str))
    raise ValueError(
        f"no {size} states that share a value of {source.factor_specs[column].name!r} were found "
        f"for {VALUES} values (the last refusal: {reason}); ask for other factors with names=[...]"
    )


def _state(
    source: FactorEnv, column: int, value: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | str:
    """An observation and its factors (K,), or why the last of all draws was refused."""
    for _ in range(TRIES):
        drawn = source.sample_factors(rng)
        drawn[column] = value
        try:
            return np.array(source.set_factors(drawn)), drawn
        except ValueError as error:
            reason = str(error)
    return reason
