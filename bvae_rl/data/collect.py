"""Fill a frame store: by acting in a vectorised environment, or by drawing independent factors.

Both work in blocks that depend only on (seed, block number), so that a killed collection, called
again, ends with the same store. Both put pairs between which one actuator moved among their blocks
if they are asked to (``acted_blocks.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, repeat
from typing import Any, cast

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.factors import FactorEnv, require_factor_env, role_mask
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.interventions import Interventions, plan

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n_envs, ...) -> actions (n_envs, ...)
Progress = Callable[[int], None]  # called with the number of frames added

BLOCK_STEPS = 64
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
    """Act until ``store`` holds at least ``n`` frames; ``policy`` None acts at random.

    ``observe`` wraps the environment into what the policy sees. Keeps the frames underneath (of a
    stack the newest), factors where ``info["factors"]`` gives them, actions, and episodes.
    ``acting`` adds interventions; a killed collection of both goes on if called with the same
    numbers.
    """
    layout = FrameLayout.of(venv.observation_space)
    tap = _Tap(venv)
    seen = observe(tap)
    if interventions is not None:
        known = "factors" in interventions.env.reset(seed=seed)[1]
        interventions.check(seed=seed, factors=known)

    def visit(rng: np.random.Generator, episode: int) -> Frames:
        return _act(seen, tap, layout, rng, policy, row=len(store), episode=episode)

    _fill(
        store,
        n,
        visit,
        interventions,
        seed=seed,
        size=BLOCK_STEPS * venv.num_envs,
        progress=progress,
    )


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
    """Draw frames at independent factors until ``store`` holds at least ``n``.

    An "episode" is ``STATES_PER_LOOK`` states in one appearance; with ``views`` = 2 the same states are
    drawn in two appearances, in two episodes of the same ``state`` numbers. ``acting`` adds interventions,
    and then drawn frames have actions too, of zeros.
    """
    if views not in (1, 2):
        raise ValueError(
            f"views must be 1 (single frames) or 2 (pairs across appearances), got {views}"
        )
    if isinstance(env, gym.Env):
        env.reset(seed=seed)
    source = env if isinstance(env, FactorEnv) else require_factor_env(env)
    is_appearance = role_mask(source.factor_specs, "appearance")
    if views == 2 and not is_appearance.any():
        raise ValueError("views=2 needs factors with role 'appearance'; this environment has none")
    if interventions is not None:
        interventions.check(seed=seed, factors=True)
    if not len(store):  # so that nobody takes a drawn state for what followed the last
        specs = store.factor_specs or source.factor_specs
        store.describe(factor_specs=specs, **{**store.meta, "policy": "drawn"})

    def draw(rng: np.random.Generator, episode: int) -> Frames:
        return _draw(source, rng, is_appearance, views=views, row=len(store), episode=episode)

    size = BLOCK_STEPS * STATES_PER_APPEARANCE
    _fill(store, n, draw, interventions, seed=seed, size=size, progress=progress)


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
    for act in due:
        number = store.blocks
        episode = int(store.array("episode")[-1]) + 1 if len(store) else 0
        if act and interventions is not None:
            made = interventions.block(seed=seed, number=number, episode=episode, state=len(store))
        else:
            made = block(np.random.default_rng([seed, number]), episode)
            made = made if interventions is None else interventions.at_rest(made)
        store.append(made)
        progress(len(made))


def _draw(
    env: FactorEnv,
    rng: np.random.Generator,
    is_appearance: np.ndarray,
    *,
    views: int,
    row: int,
    episode: int,
) -> Frames:
    parts, state = [], row
    for _ in range(BLOCK_STEPS // views):
        states = [env.sample_factors(rng) for _ in range(STATES_PER_APPEARANCE)]
        numbers = np.arange(state, state + STATES_PER_APPEARANCE)
        for _ in range(views):
            appearance = env.sample_factors(rng)
            factors = np.where(is_appearance, appearance, np.stack(states))  # (STATES_PER_LOOK, K)
            frames = np.stack([env.set_factors(wanted) for wanted in factors])
            parts.append((frames, np.full(STATES_PER_APPEARANCE, episode), numbers, factors))
            episode += 1
        if views == 2 and np.array_equal(
            parts[-1][3][:, is_appearance], parts[-2][3][:, is_appearance]
        ):
            raise ValueError(
                "two views need two appearances, and this environment draws the same one again and "
                "again; take a set with more than one (--domain)"
            )
        state += STATES_PER_APPEARANCE
    frames, episodes, numbers, factors = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Frames(frames, episodes, numbers, factors.astype(np.float32))


class _Tap(VecEnvWrapper):
    """Remembers the newest raw observations, whatever is made of them further up."""

    raw: np.ndarray

    def reset(self) -> np.ndarray:
        self.raw = cast(np.ndarray, self.venv.reset())
        return self.raw

    def step_wait(self) -> VecEnvStepReturn:
        raw, rewards, dones, infos = self.venv.step_wait()
        self.raw = cast(np.ndarray, raw)
        return raw, rewards, dones, infos


def _act(
    venv: VecEnv,
    tap: _Tap,
    layout: FrameLayout,
    rng: np.random.Generator,
    policy: Policy | None,
    *,
    row: int,
    episode: int,
) -> Frames:
    n_envs = venv.num_envs
    act = policy or random_policy(venv.action_space, rng, n_envs)
    venv.seed(int(rng.integers(2**31)))
    observations = cast(np.ndarray, venv.reset())
    factors = [info.get("factors") for info in tap.unwrapped.reset_infos]
    episodes, next_episode = np.arange(n_envs), n_envs
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("frame", "factor", "act", "ep")}
    for _ in range(BLOCK_STEPS):
        actions = act(observations)
        columns["frame"].append(layout.frames(tap.raw))
        columns["act"].append(np.asarray(actions, dtype=np.float32).reshape(n_envs, -1))
        columns["ep"].append(episodes.copy())
        if factors[0] is not None:
            columns["factor"].append(np.asarray(factors, dtype=np.float32))
        following, _, dones, infos = venv.step(actions)
        observations = cast(np.ndarray, following)
        for i, done in enumerate(dones):
            factors[i] = (tap.unwrapped.reset_infos[i] if done else infos[i]).get("factors")
            if done:
                episodes[i], next_episode = next_episode, next_episode + 1
    # (time, env) -> env by env, so that the frames of an episode follow each other
    merged = {
        name: np.concatenate(list(np.stack(rows, axis=1))) for name, rows in columns.items() if rows
    }
    rows = len(merged["frame"])
    numbers = np.r_[0, np.cumsum(np.diff(merged["ep"]) != 0)]  # renumbered in stored order
    return Frames(
        merged["frame"],
        episode + numbers,
        np.arange(row, row + rows),
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
    """The frames of one episode of a single environment, at most ``most`` of them."""
    if venv.num_envs != 1:
        raise ValueError(f"an episode is recorded in one environment, got {venv.num_envs}")
    layout = FrameLayout.of(venv.observation_space)
    tap = _Tap(venv)
    seen = observe(tap)
    act = policy or random_policy(venv.action_space, np.random.default_rng(seed), 1)
    venv.seed(seed)
    observations = cast(np.ndarray, seen.reset())
    factors = [tap.unwrapped.reset_infos[0].get("factors")]
    frames, done = [layout.frames(tap.raw)[0]], False
    while not done and len(frames) < most:
        following, _, dones, infos = seen.step(act(observations))
        observations = cast(np.ndarray, following)
        done = bool(dones[0])
        if not done:  # after the end the next episode's first frame is shown
            frames.append(layout.frames(tap.raw)[0])
            factors.append(infos[0].get("factors"))
    rows = np.arange(len(frames))
    known = None if factors[0] is None else np.array(factors, dtype=np.float64)
    return Frames(np.stack(frames), np.zeros(len(frames)), rows, known)
