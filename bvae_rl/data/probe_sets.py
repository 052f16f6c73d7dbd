"""Frames to score a code on: drawn with independent factors, or visited by a policy.

Scores are computed on drawn frames, because visited ones have correlated factors, under which the
usual scores miss entanglement (Träuble et al. 2021, arXiv 2006.07886); the visited ones go beside.
"""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.collect import Policy, record_episode
from bvae_rl.data.factors import require_factor_env
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import Frames


def probe_set(env: gym.Env, n: int, *, seed: int) -> Frames:
    """``n`` frames with factors drawn independently: what scores are computed on (trap 26).

    ValueError if ``env`` does not know its factors (``FactorEnv``), or cannot draw or set them.
    """
    _check_size(n)
    source = require_factor_env(env)
    layout = FrameLayout.of(env.observation_space)
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    factors = np.empty((n, len(source.factor_specs)), dtype=np.float64)
    observations = []
    for row in range(n):
        factors[row] = source.sample_factors(rng)
        observations.append(np.array(source.set_factors(factors[row])))
    return Frames(layout.frames(np.stack(observations)), np.arange(n), np.arange(n), factors)


def on_policy_set(
    env: gym.Env,
    policy: Policy | None,
    n: int,
    *,
    seed: int,
    observe: Callable[[VecEnv], VecEnv] = lambda venv: venv,
) -> Frames:
    """The first ``n`` frames that ``policy`` visits, episode by episode, with their factors.

    ``policy`` maps observations (1, ...) to actions (1, ...), and None acts at random; ``observe``
    wraps the environment into what the policy sees. The frame that ends an episode is left out.
    ValueError if ``info["factors"]`` is missing.
    """
    _check_size(n)
    FrameLayout.of(env.observation_space)  # refuse what is no picture
    venv = DummyVecEnv([lambda: env])
    rng = np.random.default_rng(seed)
    visited: list[Frames] = []
    missing = n
    while missing:
        start = int(rng.integers(2**31))
        visited.append(
            record_episode(venv, seed=start, policy=policy, observe=observe, most=missing)
        )
        if visited[0].factors is None:
            raise ValueError(
                f"{env} puts no 'factors' into its info; wrap it: FactorWrapper(env, specs, "
                "read=...) (see bvae_rl.data.factor_wrapper)"
            )
        missing -= len(visited[-1])
    return Frames(
        np.concatenate([part.frames for part in visited]),
        np.repeat(np.arange(len(visited)), [len(part) for part in visited]),
        np.arange(n),
        np.concatenate([np.asarray(part.factors) for part in visited]),
    )


def _check_size(n: int) -> None:
    if n < 1:
        raise ValueError(f"a set of frames needs n of at least 1, got {n}")
