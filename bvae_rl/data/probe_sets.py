"""Frames to score a representation on: of independently sampled states, or on-policy.

Scores are computed on independently sampled states, because on-policy frames have correlated
factors, under which the usual scores miss entanglement (Träuble et al. 2021, arXiv 2006.07886);
scores on those stand beside. Interventional scores (FactorVAE, BetaVAE) take groups of frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.collecting.collect import Policy, record_episode
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import (
    FactorEnv,
    dependent_factors,
    known_specs,
    possible_state,
    require_factor_env,
)
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.pictures.frame_layout import FrameLayout

VALUES = 10  # draws of one value to hold, before it is given up
DRAWS = 64  # that show which factors vary at all
PER_EPISODE = 8  # states of a probe set, where an episode fixes some factors
EPISODES = 20  # at least, of on-policy frames that stand for a probe set
# Beside a seed: a stream of its own. That of seed alone is [seed, 0]'s, of a store's first block.
PROBES = (0, 1)


def probe_set(env: gym.Env, n: int, *, seed: int) -> Frames:
    """``n`` frames of independently sampled factors: what scores are computed on (trap 26).

    None of them is drawn as a store's of the same ``seed``.
    Where factors follow from what an episode fixes (``dependent_factors``), every eight frames are
    of an episode of their own. ValueError if ``env`` does not know its factors (``FactorEnv``), or
    cannot sample or set them.
    """
    _check_size(n)
    source = require_factor_env(env)
    layout = FrameLayout.of(env.observation_space)
    rng = _drawing(env, seed)
    factors = np.empty((n, len(source.factor_specs)), dtype=np.float64)
    observations = []
    resets = rng.spawn(1)[0] if dependent_factors(env) else None
    for row in range(n):
        if resets is not None and row and row % PER_EPISODE == 0:
            env.reset(seed=int(resets.integers(2**31)))
        observation, factors[row] = possible_state(source, rng)
        observations.append(observation)
    return Frames(layout.of_each(observations), np.arange(n), np.arange(n), factors)


def on_policy_set(
    env: gym.Env,
    policy: Policy | None,
    n: int,
    *,
    seed: int,
    observe: Callable[[VecEnv], VecEnv] = lambda venv: venv,
    longest: int | None = None,
) -> Frames:
    """The first ``n`` frames that ``policy`` sees, episode by episode, with their factors.

    ``policy`` maps observations (1, ...) to actions (1, ...), and None acts at random; ``observe``
    wraps the environment into what the policy sees. The frame that ends an episode is left out, and
    so is what comes after ``longest`` of its frames. ValueError if ``info["factors"]`` is missing.
    """
    _check_size(n)
    FrameLayout.of(env.observation_space)  # refuse what is no picture
    venv = DummyVecEnv([lambda: env])
    rng = np.random.default_rng(seed)
    episodes: list[Frames] = []
    missing = n
    while missing:
        start = int(rng.integers(2**31))
        most = min(missing, longest or missing)
        episode = record_episode(venv, seed=start, policy=policy, observe=observe, most=most)
        if episode.factors is None:
            raise ValueError(
                f"{env} puts no 'factors' into its info; wrap it: FactorWrapper(env, specs, "
                "read=...) (see bvae_rl.data.factor_wrapper)"
            )
        episodes.append(episode)
        missing -= len(episode)
    return Frames(
        np.concatenate([part.frames for part in episodes]),
        np.repeat(np.arange(len(episodes)), [len(part) for part in episodes]),
        np.arange(n),
        np.concatenate([np.asarray(part.factors) for part in episodes]),
    )


def known_set(env: gym.Env, n: int, *, seed: int) -> Frames:
    """``n`` frames with known factors: a ``probe_set`` where these can be set; where ``env`` only
    tells them, those of a random policy, of ``EPISODES`` episodes or more (cut to be so many).

    ValueError as from these two.
    """
    if settable_env(env) is None and known_specs(env):
        return on_policy_set(env, None, n, seed=seed, longest=max(1, n // EPISODES))
    return probe_set(env, n, seed=seed)


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
    """``n_groups`` groups of ``size`` frames, each with one factor fixed, the others independent.

    The fixed factor is drawn anew for each group, from ``names`` (default: all that vary here, but
    for ``dependent_factors``).
    With ``pairs`` its value is drawn anew for each two frames, as the BetaVAE score was published
    (``size`` is then even). Draws that ``set_factors`` refuses are made again; a value that never
    works is replaced. Where a visual domain is no product of ranges, a fixed appearance factor may
    leave it. 1,000 groups of 32 frames of 64 x 64 x 3 take 390 MB. ValueError for what ``env``
    cannot give.
    """
    if n_groups < 1 or size < 2 or (pairs and size % 2):
        raise ValueError(
            "groups need n_groups of at least 1 and size of at least 2, even for pairs, got "
            f"n_groups={n_groups}, size={size}, pairs={pairs}"
        )
    source = require_factor_env(env)
    layout = FrameLayout.of(env.observation_space)
    rng = _drawing(env, seed)
    fixed = rng.choice(_varying(source, names, rng, dependent_factors(env)), size=n_groups)
    known = tuple(spec.name for spec in source.factor_specs)
    together = 2 if pairs else size
    channels, height, width = layout.shape
    frames = np.empty((n_groups, size, height, width, channels), dtype=np.uint8)
    factors = np.empty((n_groups, size, len(known)))
    for group, column in enumerate(fixed):
        parts = [_together(source, int(column), together, rng) for _ in range(size // together)]
        frames[group] = layout.of_each([one for observations, _ in parts for one in observations])
        factors[group] = np.concatenate([values for _, values in parts])
    return FrameGroups(frames, factors, fixed, known)


def _drawing(env: gym.Env, seed: int) -> np.random.Generator:
    """The generator of a set of frames that no collection draws from; ``env`` is reset by it."""
    rng = np.random.default_rng([seed, *PROBES])
    env.reset(seed=int(rng.integers(2**31)))
    return rng


def _varying(
    source: FactorEnv,
    names: Sequence[str] | None,
    rng: np.random.Generator,
    dependent: Sequence[str],
) -> np.ndarray:
    """Columns of the factors ``names``, all of which must vary (None: of all that do freely)."""
    known = [spec.name for spec in source.factor_specs]
    if unknown := sorted({*(names or ())} - {*known}):
        raise ValueError(f"unknown factors {unknown}; known: {', '.join(known)}")
    varies = np.ptp(np.stack([source.sample_factors(rng) for _ in range(DRAWS)]), axis=0) > 0
    free = [name for name in known if name not in dependent]
    wanted = np.array([name in (free if names is None else names) for name in known])
    if not (wanted & varies).any() or (names is not None and (wanted & ~varies).any()):
        raise ValueError(
            f"no groups can be drawn for {list(names) if names is not None else 'any factor'}: "
            f"in {DRAWS} draws only {[n for n, v in zip(known, varies, strict=True) if v]} vary"
        )
    return np.flatnonzero(wanted & varies)


def _together(
    source: FactorEnv, column: int, size: int, rng: np.random.Generator
) -> tuple[list[Any], np.ndarray]:
    """Observations, ``size`` of them, and factors (size, K) that share one value of ``column``."""
    for _ in range(VALUES):
        value = source.sample_factors(rng)[column]
        try:
            states = [possible_state(source, rng, held={column: value}) for _ in range(size)]
        except ValueError as error:
            refusal = error
            continue
        return [frame for frame, _ in states], np.stack([row for _, row in states])
    raise ValueError(
        f"no {size} states that share a value of {source.factor_specs[column].name!r} were found "
        f"for {VALUES} values (the last refusal: {refusal}); ask for other factors with names=[...]"
    )


def _check_size(n: int) -> None:
    if n < 1:
        raise ValueError(f"a set of frames needs n of at least 1, got {n}")
