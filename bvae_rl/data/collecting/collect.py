"""Fill a frame store: with on-policy frames, or with independently sampled states.

Both work in blocks that depend only on the seed, the block's number and what stands before it, so
that a killed collection, called again, ends with the same store. Both spread interventions among
their blocks if they are asked to (``interventions.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS, Tally, block_size
from bvae_rl.data.collecting.interventions import Interventions
from bvae_rl.data.collecting.rollout import Bounds, Played, Tap, play, steps
from bvae_rl.data.collecting.rollout import Policy as Policy
from bvae_rl.data.collecting.rollout import Progress as Progress
from bvae_rl.data.collecting.rollout import random_policy as random_policy
from bvae_rl.data.episodes import Episodes, refuse_cut_blocks
from bvae_rl.data.factors import (
    TRIES,
    FactorEnv,
    copied,
    draw_appearance,
    require_factor_env,
    role_mask,
)
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.frame_layout import FrameLayout

GROUPS = 64  # of sampled states in a block
STATES_PER_APPEARANCE = 8


def collect(
    venv: VecEnv,
    store: FrameStore,
    n: int,
    *,
    seed: int,
    policy: Policy | None = None,
    observe: Callable[[VecEnv], VecEnv] = lambda venv: venv,
    interventions: Interventions | None = None,
    max_episode_steps: int = MAX_EPISODE_STEPS,
    skip_steps: int = 0,
    progress: Progress = lambda added: None,
) -> None:
    """Play whole episodes until ``store`` holds at least ``n`` frames of them.

    Each runs to its natural end, or is cut after ``max_episode_steps``; the first ``skip_steps`` of
    each are not kept. ``policy`` None acts at random. ``observe`` wraps the environment into what
    the policy sees. Keeps the frames underneath (of a stack the newest), factors where
    ``info["factors"]`` gives them, actions, and episodes; ``progress`` counts frames as they are
    made. A killed collection goes on if it is called with the same numbers. ValueError for a store
    that was begun in blocks that end in the middle of episodes, unless it is complete.
    """
    bounds = Bounds(max_episode_steps, skip_steps)
    layout = FrameLayout.of(venv.observation_space)
    tap = Tap(venv)
    seen = observe(tap)
    if Tally.of(store, n, interventions).done:
        return
    refuse_cut_blocks(store)
    if interventions is not None:
        known = info_factors(interventions.env.reset(seed=seed)[1]) is not None
        interventions.check(seed=seed, factors=known)

    def act(rng: np.random.Generator, missing: int) -> Played:
        size = block_size(
            missing, n, n_envs=venv.num_envs, shape=layout.shape,
            length=Episodes.mean_length(store) or bounds.most_frames,
        )  # fmt: skip
        return play(
            seen, tap, layout, rng, policy=policy, bounds=bounds, episodes=size.episodes,
            frames=size.frames, progress=progress,
        )  # fmt: skip

    fill_blocks(store, n, act, interventions, seed=seed, progress=progress)


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
        store.declare(factor_specs=specs, **{**store.meta, "policy": "independent"})

    if Tally.of(store, n, interventions).done:
        return

    def sample(rng: np.random.Generator, missing: int) -> Frames:
        return _sample(source, layout, rng, views=views)

    fill_blocks(store, n, sample, interventions, seed=seed, progress=progress)


def fill_blocks(
    store: FrameStore,
    n: int,
    block: Callable[[np.random.Generator, int], Frames | Played],
    interventions: Interventions | None,
    *,
    seed: int,
    progress: Progress,
) -> None:
    """Append blocks, made from a generator and the number of frames that are missing.

    Their episodes and states are numbered from 0; a ``Played`` has reported its own progress.
    """
    with store.writing():
        while not (tally := Tally.of(store, n, interventions)).done:
            number, state = store.blocks, len(store)
            episode = int(store.array("episode")[-1]) + 1 if len(store) else 0
            notes: dict[str, int] = {}
            if tally.pairs_due and interventions is not None:
                made = interventions.block(seed=seed, number=number, episode=episode, state=state)
            else:
                found = block(np.random.default_rng([seed, number]), tally.missing)
                if isinstance(found, Played):
                    made, notes = found.frames, found.notes
                else:
                    made = found
                made = replace(made, episode=made.episode + episode, state=made.state + state)
                made = made if interventions is None else interventions.at_rest(made)
            made = _with_factors_as(store, made)
            store.expect(len(store) + len(made) + tally.after(len(made)).rows_left)
            store.append(made, **notes)
            if not notes:
                progress(len(made))


def _with_factors_as(store: FrameStore, made: Frames) -> Frames:
    """``made`` with factors where ``store`` has some, else without.

    NaN where a world that tells them did not, or told others, in one of these episodes.
    """
    wanted = store.layout.get("factors")
    found = None if made.factors is None else made.factors.shape[1:]
    if not len(store) or found == wanted:
        return made
    missing = np.full((len(made), *wanted), np.nan, np.float32) if wanted else None
    return replace(made, factors=missing)


def _sample(env: FactorEnv, layout: FrameLayout, rng: np.random.Generator, *, views: int) -> Frames:
    """``GROUPS`` times ``STATES_PER_APPEARANCE`` states, each group after a reset of its own.

    What is no factor (walls, a score, what moves by itself) is then not that of one single episode
    in all frames. The resets take random numbers of their own.
    """
    is_appearance = role_mask(env.factor_specs, "appearance")
    resets = rng.spawn(1)[0]
    states = GROUPS // views * STATES_PER_APPEARANCE
    wanted, observations = [], []
    for _ in range(GROUPS // views):
        if hasattr(env, "reset"):
            env.reset(seed=int(resets.integers(2**31)))
        group = np.stack([env.sample_factors(rng) for _ in range(STATES_PER_APPEARANCE)])
        appearance = env.sample_factors(rng)
        for view in range(views):
            if view:
                appearance = draw_appearance(env, rng, unlike=appearance)
            shown = np.where(is_appearance, appearance, group)
            for row in range(STATES_PER_APPEARANCE):
                observations.append(_possible(env, shown, row, rng if not view else None))
            group = shown
            wanted.append(shown)
    numbers = np.arange(states).reshape(-1, 1, STATES_PER_APPEARANCE)
    return Frames(
        layout.of_each(observations),
        np.arange(GROUPS).repeat(STATES_PER_APPEARANCE),
        numbers.repeat(views, axis=1).ravel(),
        np.concatenate(wanted).astype(np.float32),
    )


def _possible(env: FactorEnv, wanted: np.ndarray, row: int, rng: np.random.Generator | None) -> Any:
    """What ``env`` shows in row ``row`` of ``wanted`` (N, K).

    A state that is refused is drawn anew, and written there; without ``rng`` the refusal is raised.
    """
    appearance = role_mask(env.factor_specs, "appearance")
    for _ in range(TRIES):
        try:
            return copied(env.set_factors(wanted[row]))
        except ValueError as error:
            if rng is None:
                raise
            refusal = error
            wanted[row] = np.where(appearance, wanted[row], env.sample_factors(rng))
    raise refusal


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
    layout, tap = FrameLayout.of(venv.observation_space), Tap(venv)
    act = policy or random_policy(venv.action_space, np.random.default_rng(seed), 1)
    frames, known = [], []
    for frame, factors, _, dones in islice(steps(observe(tap), tap, layout, act, seed=seed), most):
        frames.append(frame)
        known += [row for row in factors if row is not None]
        if dones[0]:
            break
    rows = np.arange(len(frames))
    return Frames(
        np.concatenate(frames), np.zeros(len(frames)), rows, np.stack(known) if known else None
    )
