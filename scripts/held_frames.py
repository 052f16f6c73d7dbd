"""Frames to judge VAEs on that no training has seen, with their factors if these are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from bvae_rl.data.collecting.collect import collect
from bvae_rl.data.collecting.plan import INDEPENDENT
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorSpec, known_specs
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics.report import LEAST_EPISODES
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.common import say
from bvae_rl.scripts.worlds import shown_by
from bvae_rl.training.batches.rows import Rows

MOST, MOST_ON_POLICY = 4000, 1024
OTHER_SEED = 1_000_003  # beside a seed: for other frames than it draws by itself

FEW = (
    f"WARNING: the frames are of {{}} episodes, and below {LEAST_EPISODES} scores are fitted and "
    "tested on frames of the same ones: what stays as it is throughout an episode is read from "
    "anything that tells episodes apart; collect more of them"
)


@dataclass(frozen=True)
class HeldFrames:
    """Frames, the specs of their factors (empty if these are not known), and which go together.

    ``group`` (N,) numbers frames of one state or episode, None where each stands for itself.
    """

    frames: Frames
    specs: tuple[FactorSpec, ...] = ()
    group: np.ndarray | None = None

    @property
    def labelled(self) -> bool:
        """Whether the factors are known."""
        return bool(self.specs)


def held_frames(store: FrameStore, *, validation: float, most: int = MOST) -> HeldFrames:
    """Up to ``most`` held-out frames, spread over the store, with its factors if it has some."""
    rows = Rows(store, validation=validation).validation
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    return judged(store, rows)


def judged(store: FrameStore, rows: np.ndarray) -> HeldFrames:
    """The frames of ``rows``, with the store's factors if it has some, and which go together."""
    frames = store.read(rows)
    specs = store.factor_specs if frames.factors is not None else ()
    if not specs:
        frames = replace(frames, factors=None)
    state = np.asarray(store.array("state"))
    group = frames.episode if len(np.unique(state)) == len(state) else frames.state
    names = len(np.unique(group))
    if names == 1 and store.meta.get("policy") == INDEPENDENT:  # pictures that were imported
        return HeldFrames(frames, specs)
    if specs and names < LEAST_EPISODES and names < len(group):
        say(FEW.format(names))
    return HeldFrames(frames, specs, group if LEAST_EPISODES <= names < len(group) else None)


def probe_frames(store: FrameStore, *, seed: int, most: int = MOST) -> HeldFrames | None:
    """Frames drawn anew in the environment that the store shows; None if nothing can be drawn."""
    if "env" not in store.meta:
        return None
    try:
        world = shown_by(store).config(store.meta.get("domain")).make()
    except (ImportError, ValueError):  # the store comes from a machine that has it
        return None
    source = settable_env(world)
    if source is None:
        return None
    return HeldFrames(probe_set(world, most, seed=seed), source.factor_specs)


def read_specs(env: gym.Env) -> tuple[FactorSpec, ...]:
    """The factors that ``env`` tells at reset and step; none where it describes or tells none."""
    specs = known_specs(env)
    return specs if specs and info_factors(env.reset()[1]) is not None else ()


def on_policy_frames(
    env: EnvConfig, n: int, *, seed: int, out: Path, vae: BetaVAE | None = None
) -> Frames:
    """``n`` frames (1,024 at most) of a random policy, kept in a store at ``out``.

    Other episodes than a collection with ``seed`` has.
    Of at least four, so none is longer than a quarter of them; without the first steps
    that were left out of those that ``vae`` was trained on.
    """
    store, n, seed = FrameStore(out), min(n, MOST_ON_POLICY), seed + OTHER_SEED
    trained_on = {} if vae is None else vae.meta.get("training", {}).get("store") or {}
    skip = int(trained_on.get("skip_steps", 0))
    left_out: dict[str, Any] = {"skip_steps": skip} if skip else {}
    store.declare(**env.described(), seed=seed, **left_out)
    venv = env.vec(4, seed=seed)
    collect(venv, store, n, seed=seed, max_episode_steps=skip + -(-n // 4), skip_steps=skip)
    venv.close()
    return store.read(slice(0, n))
