"""Frames from whatever a user has: a store, an environment by id or in hand, or an array.

``bvae_rl.collect`` and what ``bvae_rl.pretrain`` takes stand here.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard, Unpack

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.collecting import collect as collecting
from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS, Tally, environments
from bvae_rl.data.collecting.collect import Policy, Progress
from bvae_rl.data.collecting.interventions import Interventions
from bvae_rl.data.collecting.mixed import collect_mixed
from bvae_rl.data.collecting.plan import INDEPENDENT, RANDOM, Plan
from bvae_rl.data.collecting.random_starts import random_starts
from bvae_rl.data.collecting.shares import MIXED, STICKY, Shares
from bvae_rl.data.coverage.of_store import tell_coverage
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.episodes import refuse_cut_blocks, tell
from bvae_rl.data.factors import FactorSpec, known_specs, require_factor_env
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.in_hand import nameless
from bvae_rl.data.pictures.checks import checked_array
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.framed import checked, native_in, top_in
from bvae_rl.data.view import Env, View, Viewed, view_of
from bvae_rl.runtime.content import digest
from bvae_rl.runtime.runs import CONFIG_FILE, INDEX

logger = logging.getLogger(__name__)

BLOCK = 1024  # frames of an array in a block
WHOLE = View()
NAMED = (RANDOM, STICKY, MIXED, INDEPENDENT)  # policies
Source = Env | FrameStore | Path | np.ndarray


def collect(
    env: Env,
    out: str | Path,
    *,
    frames: int = Plan.frames,
    policy: str | Policy = RANDOM,
    views: int = 1,
    interventions: int = 0,
    seed: int = 0,
    max_episode_steps: int = MAX_EPISODE_STEPS,
    skip_steps: int = 0,
    shares: Mapping[str, float] | None = None,
    **view: Unpack[Viewed],
) -> FrameStore:
    """Fill the frame store at ``out`` from ``env``; a collection that was interrupted goes on.

    Args:
        env: a gymnasium id ("package.module:Name-v0" if a package has to be imported first), an
            ``EnvConfig``, an environment or a VecEnv.
        out: folder of the store.
        frames: how many frames at least. Whole episodes are collected, so that about half an
            episode comes on top, and one if it is as long as that.
        policy: "random"; "sticky": random actions that are held; "mixed": these, an agent while it
            learns, and episodes from random states, by ``shares``; a function from the frames
            that are collected (n_envs, H, W, C) to actions (n_envs, ...); or "independent": states
            are sampled, each on its own, where factors can be set.
        views: 2 shows each sampled state in two appearances.
        interventions: single-action transitions on top, for actions Box(low, high, (A,)).
        seed: what the frames depend on.
        max_episode_steps: where an episode is cut if it has not ended.
        skip_steps: how many steps at the beginning of each episode are not kept.
        shares: with "mixed" the shares of the frames, {"sticky": .4, "agent": .4, "states": .2} by
            default; they sum to 1, and those that are not named are 0.
        view: ``pixels=True`` takes what the environment draws, where its observations are no
            pictures; ``key`` names the picture of a Dict observation; ``size`` (H, W) and ``grey``
            say what frames are made of it, by default of its own sides up to 128 pixels;
            ``stacked``: frames in an observation, where no wrapper tells; ``frame_skip``: steps for
            which each action acts; ``backend``: "envpool" (``View``).

    Raises:
        ValueError: for pictures that are none, what the environment cannot do, and a folder with
            other frames.
        RunError: while another process writes into ``out``.
    """
    seen = view_of(view).of(env)
    acting = None if isinstance(policy, str) else policy
    name = policy if isinstance(policy, str) else getattr(policy, "__qualname__", "function")
    if acting is None and name not in NAMED:
        raise ValueError(
            f"unknown policy {name!r}; known: {', '.join(NAMED)}, or a function from observations "
            "to actions"
        )
    store = FrameStore(out)
    plan = Plan(
        frames, name, views, interventions, seed=seed, max_episode_steps=max_episode_steps,
        skip_steps=skip_steps, shares=None if shares is None else Shares.of(shares),
        acts="" if acting is None else digest(acting, objects=False),
    )  # fmt: skip
    fill(store, seen, plan, view=view_of(view), acting={"policy": acting})
    tell(store, max_episode_steps)
    tell_coverage(store)
    return store


def fill(
    store: FrameStore,
    env: EnvConfig | gym.Env | VecEnv,
    plan: Plan,
    *,
    view: View = WHOLE,
    acting: dict[str, Any] | None = None,
    progress: Progress = lambda added: None,
) -> None:
    """Collect into ``store`` what ``plan`` says; ``acting`` goes to ``collecting.collect.collect``.

    ``view`` made ``env`` what it shows, where it is no ``EnvConfig``, which says that itself.
    """
    one = env.make() if isinstance(env, EnvConfig) else env
    # what is no picture is refused before anything is done
    shape = FrameLayout.of(one.observation_space).shape
    intervene = None
    if plan.interventions:
        if not isinstance(env, EnvConfig):
            raise ValueError(
                "interventions take an environment of their own, so name it: an id or an EnvConfig "
                f"instead of {type(env).__name__}"
            )
        intervene = Interventions(env.make(), plan.interventions, plan.views)
    shared: dict[str, Any] = {"seed": plan.seed, "interventions": intervene, "progress": progress}
    native = native_in(one)
    top = top_in(one)
    described = {
        **plan.described(env), **({} if isinstance(env, EnvConfig) else view.given),
        **({"native": list(native)} if native else {}), **({} if top is None else {"top": top}),
    }  # fmt: skip
    store.expect(plan.rows)
    if len(store) and not isinstance(env, EnvConfig) and nameless(env):
        logger.warning(
            "%s holds frames of such an environment already, and they are taken for its own: what "
            "is not registered, or a wrapper that keeps its arguments for itself, does not tell "
            "how it was made. Give another folder for another one",
            store.folder,
        )
    if plan.policy == INDEPENDENT:
        if isinstance(one, VecEnv):
            raise ValueError("sampled states take a single environment, not a VecEnv")
        source = require_factor_env(one)
        one.reset(seed=plan.seed)
        store.declare(factor_specs=source.factor_specs, **described)
        collecting.collect_independent(source, store, plan.frames, views=plan.views, **shared)
        return
    specs = () if isinstance(one, VecEnv) else known_specs(one)
    store.declare(factor_specs=specs, **described)
    if Tally.of(store, plan.frames, intervene).done:
        return
    refuse_cut_blocks(store)
    shared |= {"max_episode_steps": plan.max_episode_steps, "skip_steps": plan.skip_steps}
    if isinstance(env, EnvConfig):
        n_envs = environments(
            plan.frames, n_envs=plan.n_envs, shape=shape, length=plan.bounds.most_frames
        )
        if n_envs < plan.n_envs:
            logger.info(
                "%d of %d environments act, since %d frames may be that few episodes (of up to %d "
                "steps)", n_envs, plan.n_envs, plan.frames, plan.max_episode_steps,
            )  # fmt: skip
        venv = env.vec(n_envs, seed=plan.seed)
    else:
        n_envs = 1
        venv = env if isinstance(env, VecEnv) else DummyVecEnv([lambda: checked(env)])
    if plan.covering is None:
        collecting.collect(venv, store, plan.frames, **(acting or {}), **shared)
    else:
        starts = random_starts(env, n_envs, seed=plan.seed) if plan.covering.states else None
        collect_mixed(
            venv, store, plan.frames, shares=plan.covering, starts=starts, **shared
        )  # fmt: skip
        if starts is not None and isinstance(env, EnvConfig):
            starts.close()
    if isinstance(env, EnvConfig):
        venv.close()


def _is_folder(source: str) -> bool:
    """Whether a text means a store, existing or mistyped, rather than an environment's id.

    A namespace may be called as a folder is: in a clone, ``bvae_rl/PlanarReach-v0``.
    """
    parent = Path(source).parent
    there = Path(source).is_dir() or (bool(parent.name) and parent.is_dir())
    return (there and not re.search(r"-v\d+$", source)) or (Path(source) / INDEX).exists()


def is_environment(source: Source) -> TypeGuard[Env]:
    """Whether frames have to be collected in ``source`` first."""
    return isinstance(source, EnvConfig | gym.Env | VecEnv) or (
        isinstance(source, str) and not _is_folder(source)
    )


def shown(env: Env, view: View = WHOLE) -> tuple[tuple[int, int, int], tuple[FactorSpec, ...]]:
    """What frames of ``env`` will be: their shape (C, H, W), and the factors that are known."""
    seen = view.of(env)
    one = seen.make() if isinstance(seen, EnvConfig) else seen
    shape = FrameLayout.of(one.observation_space).shape
    specs = () if isinstance(one, VecEnv) else known_specs(one)
    if isinstance(seen, EnvConfig):
        one.close()
    return shape, specs


def refuse_more(folder: str | Path, frames: int) -> None:
    """ValueError if a VAE beside the store ``folder`` is trained on fewer than ``frames``: more of
    them would make it another store, which that training could not go on with.
    """
    store, there = FrameStore(folder), Path(folder).parent
    vaes = [f"{one}{CONFIG_FILE}" for one in ("", "teacher/", "teacher/seed-*/", "*seed-*/")]
    if 0 < len(store) < frames and any([*there.glob(one)] for one in vaes):
        raise ValueError(
            f"{there} holds a VAE that is trained on {len(store)} frames, and {frames} are asked "
            "for; choose another folder, or delete it"
        )


def as_store(
    source: Source,
    folder: str | Path,
    *,
    frames: int,
    seed: int,
    view: View = WHOLE,
    max_episode_steps: int = MAX_EPISODE_STEPS,
    skip_steps: int = 0,
    policy: str | Policy = RANDOM,
    shares: Mapping[str, float] | None = None,
) -> FrameStore:
    """The frames of ``source``, collected into ``folder`` if they are not in a store yet.

    ``source`` is a ``FrameStore`` or its folder, what ``collect`` takes as ``env``, or uint8 frames
    (N, H, W, C). Raises TypeError for anything else; for the rest see ``collect``.
    """
    stored = isinstance(source, FrameStore | Path) or (
        isinstance(source, str) and _is_folder(source)
    )
    if stored and view != WHOLE:
        raise ValueError(
            f"the frames of a store are as they are, so {', '.join(view.given)} cannot change "
            "them; collect again with that, into another folder"
        )
    if (policy != RANDOM or shares is not None) and not is_environment(source):
        raise ValueError(
            "a policy acts in an environment, and these frames are there already; leave policy and "
            "shares out, or give an id or an environment"
        )
    if isinstance(source, FrameStore):
        return source
    if isinstance(source, Path) or (isinstance(source, str) and _is_folder(source)):
        return FrameStore.existing(source)
    if isinstance(source, np.ndarray):
        return _of_array(source, FrameStore(folder), view)
    if isinstance(source, str | EnvConfig | gym.Env | VecEnv):
        refuse_more(folder, frames)
        if len(FrameStore(folder)) < frames:
            logger.info("collecting %d frames into %s", frames, folder)
        return collect(
            source, folder, frames=frames, seed=seed, max_episode_steps=max_episode_steps,
            skip_steps=skip_steps, policy=policy, shares=shares, **view.given,
        )  # fmt: skip
    raise TypeError(
        "frames come from a FrameStore or its folder, a gymnasium id, an environment, a VecEnv or "
        f"a uint8 array (N, H, W, C), got {type(source).__name__}"
    )


def shape_of(array: np.ndarray) -> tuple[int, int, int]:
    """(C, H, W) of uint8 frames (N, H, W, C); errors as for ``as_store``."""
    _, height, width, channels = checked_array(array).shape
    return channels, height, width


def _of_array(array: np.ndarray, store: FrameStore, view: View) -> FrameStore:
    """``array`` as a store: states in no known order, in one appearance for all that is known."""
    if not len(checked_array(array)):
        raise ValueError(f"frames must be at least one, got shape {array.shape}")
    content = hashlib.sha256(array.tobytes()).hexdigest()
    native = view.of_array(array[:1])[1]
    made = {"native": list(native), **view.given} if native else {}
    store.declare(source="array", policy=INDEPENDENT, frames=len(array), sha256=content, **made)
    for first in range(len(store), len(array), BLOCK):
        block = np.ascontiguousarray(view.of_array(array[first : first + BLOCK])[0])
        number = np.arange(first, first + len(block))
        store.append(Frames(block, np.zeros_like(number), number))
    return store
