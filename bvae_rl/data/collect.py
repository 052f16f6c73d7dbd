"""Fill a frame store: with on-policy frames, or with independently sampled states.

Both work in blocks that depend only on (seed, block number), so that a killed collection, called
again, ends with the same store. Both spread interventions among their blocks if they are asked to
(``interventions.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, repeat
from typing import Any, cast

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.factors import (
    FactorEnv,
    draw_appearance,
    info_factors,
    require_factor_env,
    role_mask,
)
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.interventions import Interventions, plan

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n_envs, ...) -> actions (n_envs, ...)
Progress = Callable[[int], None]  # called with the number of frames added

BLOCK_STEPS, LARGEST_BLOCK = 64, 8192  # steps at least, frames at most
BLOCKS = 16  # of a large collection
STATES_PER_APPEARANCE = 8


def random_policy(action_space: gym.Space[Any], rng: np.random.Generator, n_envs: int) -> Policy:
    """Uniform actions from ``action_space``."""
    action_space.seed(int(rng.integers(2**31)))
    return lambda observations: np.stack([action_space.sample() for _ in range(n_envs)])


def collect(
    venv: VecEnv,
    store: FrameStore,
    n: int,
    *,
    seed: int,
    policy: Policy | None = None,
    observe: Callable[[VecEnv], VecEnv] = lambda venv: venv,
    interventions: Interventions | None = None,
    progress: Progress = lambda added: None,
) -> None:
    """Act until ``store`` holds at least ``n`` on-policy frames; ``policy`` None acts at random.

    ``observe`` wraps the environment into what the policy sees. Keeps the frames underneath (of a
    stack the newest), factors where ``info["factors"]`` gives them, actions, and episodes.
    Environments start anew with each block of ``block_steps(n, n_envs)`` steps. A killed
    collection goes on if it is called with the same numbers.
    """
    layout = FrameLayout.of(venv.observation_space)
    tap = _Tap(venv)
    seen = observe(tap)
    steps = block_steps(n, venv.num_envs)
    if interventions is not None:
        known = "factors" in interventions.env.reset(seed=seed)[1]
        interventions.check(seed=seed, factors=known)

    def act(rng: np.random.Generator, episode: int) -> Frames:
        return _act(seen, tap, layout, rng, policy, steps, row=len(store), episode=episode)

    size = steps * venv.num_envs
    _fill(store, n, act, interventions, seed=seed, size=size, progress=progress)


def block_steps(n: int, n_envs: int) -> int:
    """Steps in a block of a collection of ``n`` on-policy frames.

    A sixteenth of all, at most 8,192 frames, but at least 64 steps: a large collection shows more
    than how episodes begin.
    """
    return max(BLOCK_STEPS, min(-(-n // (BLOCKS * n_envs)), LARGEST_BLOCK // n_envs))


def collect_independent(
    env: FactorEnv | gym.Env,
    store: FrameStore,
    n: int,
    *,
    seed: int,
    views: int = 1,
    interventions: Interventions | None = None,
    progress: Progress = lambda added: None,
) -> None:
    """Sample states independently until ``store`` holds at least ``n`` frames of them.

    An "episode" is ``STATES_PER_APPEARANCE`` states in one appearance. With ``views`` = 2 the same
    states are shown in two appearances, in two episodes of the same ``state`` numbers. Beside
    interventions these frames have actions too, of zeros. ValueError if factors of ``env`` cannot
    be sampled and set.
    """
    if views not in (1, 2):
        raise ValueError(
            f"views must be 1 (single frames) or 2 (pairs across appearances), got {views}"
        )
    if isinstance(env, gym.Env):
        env.reset(seed=seed)
    source = env if isinstance(env, FactorEnv) else require_factor_env(env)
    layout = FrameLayout.of(source.observation_space)
    if views == 2 and not role_mask(source.factor_specs, "appearance").any():
        raise ValueError("views=2 needs factors with role 'appearance'; this environment has none")
    if interventions is not None:
        interventions.check(seed=seed, factors=True)
    if not len(store):  # so that nobody takes a state for what followed the last
        specs = store.factor_specs or source.factor_specs
        store.describe(factor_specs=specs, **{**store.meta, "policy": "independent"})

    def sample(rng: np.random.Generator, episode: int) -> Frames:
        return _sample(source, layout, rng, views=views, row=len(store), episode=episode)

    size = BLOCK_STEPS * STATES_PER_APPEARANCE
    _fill(store, n, sample, interventions, seed=seed, size=size, progress=progress)


def _fill(
    store: FrameStore,
    n: int,
    block: Callable[[np.random.Generator, int], Frames],
    interventions: Interventions | None,
    *,
    seed: int,
    size: int,
    progress: Progress,
) -> None:
    """Append blocks of ``size`` frames, made from a generator and the first episode's number."""
    missing = -(-(n - len(store)) // size)  # blocks, rounded up
    due = (
        repeat(False, max(0, missing))
        if interventions is None
        else islice(plan(n, interventions.n, block=size), store.blocks, None)
    )
    with store.writing():
        for intervene in due:
            number, state = store.blocks, len(store)
            episode = int(store.array("episode")[-1]) + 1 if len(store) else 0
            if intervene and interventions is not None:
                made = interventions.block(seed=seed, number=number, episode=episode, state=state)
            else:
                made = block(np.random.default_rng([seed, number]), episode)
                made = made if interventions is None else interventions.at_rest(made)
            store.append(made)
            progress(len(made))


def _sample(
    env: FactorEnv,
    layout: FrameLayout,
    rng: np.random.Generator,
    *,
    views: int,
    row: int,
    episode: int,
) -> Frames:
    is_appearance = role_mask(env.factor_specs, "appearance")
    states = BLOCK_STEPS // views * STATES_PER_APPEARANCE
    factors = []
    for _ in range(BLOCK_STEPS // views):
        group = np.stack([env.sample_factors(rng) for _ in range(STATES_PER_APPEARANCE)])
        appearance = env.sample_factors(rng)
        for view in range(views):
            if view:
                appearance = draw_appearance(env, rng, unlike=appearance)
            factors.append(np.where(is_appearance, appearance, group))
    wanted = np.concatenate(factors)  # (frames, K)
    observations = np.stack([np.array(env.set_factors(one)) for one in wanted])
    numbers = np.arange(row, row + states).reshape(-1, 1, STATES_PER_APPEARANCE)
    return Frames(
        layout.frames(observations),
        episode + np.arange(BLOCK_STEPS).repeat(STATES_PER_APPEARANCE),
        numbers.repeat(views, axis=1).ravel(),
        wanted.astype(np.float32),
    )


class _Tap(VecEnvWrapper):
    """Keeps a copy of the newest raw observations, whatever is made of them further up."""

    raw: np.ndarray

    def reset(self) -> np.ndarray:
        raw = cast(np.ndarray, self.venv.reset())
        self.raw = raw.copy()
        return raw

    def step_wait(self) -> VecEnvStepReturn:
        raw, rewards, dones, infos = self.venv.step_wait()
        self.raw = cast(np.ndarray, raw).copy()
        return raw, rewards, dones, infos


def _steps(
    venv: VecEnv, tap: _Tap, layout: FrameLayout, act: Policy, *, seed: int
) -> Iterator[tuple[np.ndarray, list[np.ndarray | None], np.ndarray, np.ndarray]]:
    """From a reset on, for each step: frames and factors before it, actions, what it ended."""
    venv.seed(seed)
    observations = cast(np.ndarray, venv.reset())
    factors = [info_factors(info) for info in tap.unwrapped.reset_infos]
    while True:
        frames, actions = layout.frames(tap.raw), act(observations)
        following, _, dones, infos = venv.step(actions)
        yield frames, factors, actions, dones
        observations = cast(np.ndarray, following)
        starts = tap.unwrapped.reset_infos
        factors = [info_factors(starts[i] if done else infos[i]) for i, done in enumerate(dones)]


def _act(
    venv: VecEnv,
    tap: _Tap,
    layout: FrameLayout,
    rng: np.random.Generator,
    policy: Policy | None,
    steps: int,
    *,
    row: int,
    episode: int,
) -> Frames:
    n_envs = venv.num_envs
    act = policy or random_policy(venv.action_space, rng, n_envs)
    episodes, next_episode = np.arange(n_envs), n_envs
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("frame", "factor", "act", "ep")}
    walk = _steps(venv, tap, layout, act, seed=int(rng.integers(2**31)))
    for frames, factors, actions, dones in islice(walk, steps):
        columns["frame"].append(frames)
        columns["act"].append(np.asarray(actions, dtype=np.float32).reshape(n_envs, -1))
        columns["ep"].append(episodes.copy())
        if factors[0] is not None:
            columns["factor"].append(np.asarray(factors, dtype=np.float32))
        for i in np.flatnonzero(dones):
            episodes[i], next_episode = next_episode, next_episode + 1
    # (time, env) -> env by env, so that the frames of an episode follow each other
    merged = {
        name: np.stack(rows, axis=1).reshape(-1, *rows[0].shape[1:])
        for name, rows in columns.items()
        if rows
    }
    numbers = np.r_[0, np.cumsum(np.diff(merged["ep"]) != 0)]  # renumbered in stored order
    return Frames(
        merged["frame"],
        episode + numbers,
        np.arange(row, row + len(numbers)),
        merged.get("factor"),
        merged["act"],
    )


def record_episode(
    venv: VecEnv,
    *,
    seed: int,
    policy: Policy | None = None,
    observe: Callable[[VecEnv], VecEnv] = lambda venv: venv,
    most: int = 500,
) -> Frames:
    """The frames of one episode of a single environment, at most ``most`` of them.

    The frame that ends it is left out.
    """
    if venv.num_envs != 1:
        raise ValueError(f"an episode is recorded in one environment, got {venv.num_envs}")
    layout, tap = FrameLayout.of(venv.observation_space), _Tap(venv)
    act = policy or random_policy(venv.action_space, np.random.default_rng(seed), 1)
    frames, known = [], []
    for frame, factors, _, dones in islice(_steps(observe(tap), tap, layout, act, seed=seed), most):
        frames.append(frame)
        known += [row for row in factors if row is not None]
        if dones[0]:
            break
    rows = np.arange(len(frames))
    return Frames(
        np.concatenate(frames), np.zeros(len(frames)), rows, np.stack(known) if known else None
    )
