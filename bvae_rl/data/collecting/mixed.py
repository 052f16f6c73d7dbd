"""Frames that cover a world: of random actions, of an agent that learns, and from random states.

Blocks as in ``collect.py``, each of one part: always the one that is furthest behind its share, by
the blocks before. The state of the agent before a block stands beside the frames, so that a killed
collection, called again, ends with the same store.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.data.collecting import collect as collecting
from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS, BlockSize, Tally, block_size
from bvae_rl.data.collecting.interventions import Interventions
from bvae_rl.data.collecting.learner import Encode, Learner
from bvae_rl.data.collecting.rollout import Bounds, Played, Policy, Progress, Tap, play
from bvae_rl.data.collecting.shares import PARTS, Shares
from bvae_rl.data.collecting.sticky import sticky_policy
from bvae_rl.data.episodes import Episodes, refuse_cut_blocks
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.small import Components
from bvae_rl.runtime.runs import Run

PART = "part"  # of PARTS: noted with each block
TURN = ("sticky", "states", "agent")  # who comes first of those that are equally far behind
SNAPSHOTS = 10  # blocks of the agent, at least
PRACTICE = 4  # steps that the agent takes, for one of which the frame is kept
CODES, FIT = 32, 1024  # components that it sees, and frames they are fitted on at most
NAME, SUFFIX = "learner-", ".safetensors"  # and between them the number of blocks before it
SEES = ("directions", "mean", "variances")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _World:
    """Environments side by side, the newest of what they show, and how to read it."""

    venv: VecEnv
    tap: Tap
    layout: FrameLayout

    @classmethod
    def of(cls, venv: VecEnv) -> _World:
        return cls(venv, Tap(venv), FrameLayout.of(venv.observation_space))


def collect_mixed(
    venv: VecEnv,
    store: FrameStore,
    n: int,
    *,
    seed: int,
    shares: Shares,
    starts: VecEnv | None = None,
    encode: Encode | None = None,
    interventions: Interventions | None = None,
    max_episode_steps: int = MAX_EPISODE_STEPS,
    skip_steps: int = 0,
    progress: Progress = lambda added: None,
) -> None:
    """``collect.collect`` by ``shares`` of who acts.

    ``starts``: environments whose episodes begin in random states; without them that share goes to
    the others. ``encode``: what the agent sees of frames; by default their principal components, of
    those that were there before it began. ValueError where the agent would then have all.
    """
    if starts is None:
        shares = shares.without_states()
    if shares.agent == 1 and encode is None:
        raise ValueError(
            "the agent sees the frames that others have collected by their principal components, "
            "so its share must be less than 1, also where states cannot be sampled and their share "
            "goes to the others; give sticky a share too"
        )
    bounds = Bounds(max_episode_steps, skip_steps)
    if Tally.of(store, n, interventions).done:
        return
    refuse_cut_blocks(store)
    usual = _World.of(venv)
    unusual = usual if starts is None else _World.of(starts)
    agent = _Agent(store, usual, encode, seed)
    if interventions is not None:
        known = info_factors(interventions.env.reset(seed=seed)[1]) is not None
        interventions.check(seed=seed, factors=known)

    def act(rng: np.random.Generator, missing: int) -> Played:
        part = next_part(store, shares)
        share = getattr(shares, part)
        due = min(missing, max(1, round(share * n) - collected(store)[part]))
        length = Episodes.mean_length(store) or bounds.most_frames
        world = unusual if part == "states" else usual
        size = block_size(
            due, n, n_envs=venv.num_envs, shape=world.layout.shape, length=length
        )  # fmt: skip
        named: dict[str, Any] = {"bounds": bounds, "progress": progress}
        if part == "agent":
            played = agent.play(rng, _smaller(size, share * n, length), **named)
        else:
            policy = sticky_policy(venv.action_space, rng, venv.num_envs)
            played = _played(world, world.tap, policy, rng, size, **named)
        return replace(played, more={PART: PARTS.index(part)})

    collecting.fill_blocks(store, n, act, interventions, seed=seed, progress=progress)
    agent.tell()


def collected(store: FrameStore) -> dict[str, int]:
    """How many frames of each part a store holds."""
    found = dict.fromkeys(PARTS, 0)
    for block in store.appended:
        if PART in block:
            found[PARTS[block[PART]]] += block["rows"]
    return found


def next_part(store: FrameStore, shares: Shares) -> str:
    """The part that is furthest behind its share."""
    done = collected(store)
    there = [part for part in TURN if getattr(shares, part)]
    return min(there, key=lambda part: done[part] / getattr(shares, part))


def _smaller(size: BlockSize, frames: float, length: float) -> BlockSize:
    """A block of the agent's: a tenth of its ``frames``, an episode at least."""
    least = min(size.frames, max(1, round(frames / SNAPSHOTS), round(length)))
    return BlockSize(max(1, round(least / length)), least)


def _played(
    world: _World, seen: VecEnv, policy: Policy, rng: np.random.Generator, size: BlockSize,
    **named: Any,
) -> Played:  # fmt: skip
    return play(
        seen, world.tap, world.layout, rng, policy=policy, episodes=size.episodes,
        frames=size.frames, **named,
    )  # fmt: skip


class _Agent:
    """The agent that learns, and its state beside the store."""

    def __init__(self, store: FrameStore, world: _World, encode: Encode | None, seed: int) -> None:
        self.store, self.world, self.encode, self.seed = store, world, encode, seed
        self.run = Run(store.folder)
        self.learner: Learner | None = None
        self.number: int | None = None  # of the block before which the learner stands
        self.components: Components | None = None  # that it sees, where nobody says

    def play(self, rng: np.random.Generator, size: BlockSize, **named: Any) -> Played:
        """A block in which it acts and learns."""
        learner = self._there()
        learner.begin(rng)
        lanes = max(1, self.world.venv.num_envs // PRACTICE)
        played = _played(
            self.world, learner.observe(self.world.tap), learner.act, rng, size, lanes=lanes,
            **named,
        )  # fmt: skip
        learner.end()
        number = self.store.blocks + 1
        self.run.write_file(f"{NAME}{number}{SUFFIX}", save_tensors(self._state(learner)))
        self.number = number
        return played

    def tell(self) -> None:
        """Say for how long it learned, and to what end."""
        if self._newest() is None:
            return
        learner = self._there()
        told = f"an agent learned beside it for {learner.steps:,} steps"
        if len(gains := learner.returns[:, 1]):
            few = -(-len(gains) // 4)
            told += (
                f"; mean return of its first and last {few:,} episodes: {gains[:few].mean():.4g}, "
                f"{gains[-few:].mean():.4g}"
            )
        logger.info("%s", told)

    def _there(self) -> Learner:
        """The learner as it stands before the next block."""
        newest = self._newest()
        if self.learner is not None and self.number == newest:
            return self.learner
        state = None if newest is None else self._read(newest)
        encode = self.encode or self._components(state).codes
        width = encode(self.store.take("frames", np.arange(1))).shape[1]
        space, n_envs = self.world.venv.action_space, self.world.venv.num_envs
        self.learner = Learner(encode, width, space, n_envs, seed=self.seed)
        self.number = newest
        if state is not None:
            self.learner.load(state)
        return self.learner

    def _newest(self) -> int | None:
        """The number of the newest state that is of blocks which were appended."""
        there = sorted(
            int(path.name[len(NAME) : -len(SUFFIX)])
            for path in self.store.folder.glob(f"{NAME}*{SUFFIX}")
        )
        done = [number for number in there if number <= self.store.blocks]
        for number in done[:-1]:
            self.run.path(f"{NAME}{number}{SUFFIX}").unlink(missing_ok=True)
        return done[-1] if done else None

    def _read(self, number: int) -> dict[str, torch.Tensor]:
        path = self.run.path(f"{NAME}{number}{SUFFIX}")
        try:
            return load_tensors(path.read_bytes())
        except SafetensorError as error:
            raise ValueError(
                f"{path} is damaged ({error}); delete the folder and collect again"
            ) from error

    def _components(self, state: dict[str, torch.Tensor] | None) -> Components:
        """What it sees frames by: those that it began with."""
        if state is None:
            frames = self.store.take("frames", self.store.spread(FIT))
            self.components = Components.fit(frames, CODES)
        else:
            self.components = Components(*(state[f"sees.{name}"].numpy() for name in SEES))
        return self.components

    def _state(self, learner: Learner) -> dict[str, torch.Tensor]:
        state = learner.state()
        if self.components is not None:
            sees = {name: getattr(self.components, name) for name in SEES}
            state |= {f"sees.{k}": torch.as_tensor(v.copy()) for k, v in sees.items()}
        return state
