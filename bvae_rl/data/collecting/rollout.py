"""Acting in environments side by side, and keeping whole episodes of it.

An episode runs to its natural end, or is cut after ``max_episode_steps``. How many are played is
settled before they begin, and each that begins is kept, however long it takes: what stopped at a
number of frames would hold few of the long ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.collecting.acted import checked_actions
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.frame_layout import FrameLayout

logger = logging.getLogger(__name__)

Policy = Callable[[np.ndarray], np.ndarray]  # observations (n_envs, ...) -> actions (n_envs, ...)
Progress = Callable[[int], None]  # called with the number of frames added

SHORT_EPISODES = 100  # without a frame to keep, before that is an error


def random_policy(action_space: gym.Space[Any], rng: np.random.Generator, n_envs: int) -> Policy:
    """Uniform actions from ``action_space``."""
    action_space.seed(int(rng.integers(2**31)))
    return lambda observations: np.stack([action_space.sample() for _ in range(n_envs)])


class Tap(VecEnvWrapper):
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


class Step(NamedTuple):
    """One step of n environments: frames and factors before it, actions, whose episode it ended."""

    frames: np.ndarray
    factors: list[np.ndarray | None]
    actions: np.ndarray
    dones: np.ndarray


def steps(venv: VecEnv, tap: Tap, layout: FrameLayout, act: Policy, *, seed: int) -> Iterator[Step]:
    """Each step from a reset on."""
    venv.seed(seed)
    observations = cast(np.ndarray, venv.reset())
    factors = [info_factors(info) for info in tap.unwrapped.reset_infos]
    while True:
        frames = layout.frames(tap.raw)
        actions = checked_actions(act(observations), venv.action_space, venv.num_envs)
        following, _, dones, infos = venv.step(actions)
        yield Step(frames, factors, actions, dones)
        observations = cast(np.ndarray, following)
        starts = tap.unwrapped.reset_infos
        factors = [info_factors(starts[i] if done else infos[i]) for i, done in enumerate(dones)]


@dataclass(frozen=True)
class Bounds:
    """What is kept of an episode: its steps from ``skip_steps`` on, up to ``max_episode_steps``."""

    max_episode_steps: int
    skip_steps: int = 0

    @property
    def most_frames(self) -> int:
        """Frames of an episode at most."""
        return self.max_episode_steps - self.skip_steps

    def __post_init__(self) -> None:
        if self.max_episode_steps < 1:
            raise ValueError(f"max_episode_steps must be at least 1, got {self.max_episode_steps}")
        if not 0 <= self.skip_steps < self.max_episode_steps:
            raise ValueError(
                "skip_steps must be at least 0 and less than max_episode_steps "
                f"({self.max_episode_steps}), got {self.skip_steps}"
            )


@dataclass(eq=False)
class _Episode:
    """An episode as it grows: the number of its steps, and what is kept of them."""

    steps: int = 0
    frames: list[np.ndarray] = field(default_factory=list)
    factors: list[np.ndarray] = field(default_factory=list)
    actions: list[np.ndarray] = field(default_factory=list)

    def add(self, now: Step, env: int, *, keep: bool) -> bool:
        """One step of environment number ``env``; returns ``keep``."""
        self.steps += 1
        if keep:
            self.frames.append(now.frames[env].copy())
            self.actions.append(np.asarray(now.actions[env], dtype=np.float32).reshape(-1))
            if (factors := now.factors[env]) is not None:
                self.factors.append(factors.astype(np.float32))
        return keep


@dataclass(frozen=True)
class Played:
    """Whole episodes one after another, numbered from 0, and how they ended.

    ``cut`` of them were cut; ``short`` more ended within the steps that are skipped. ``more`` is
    what else is to be noted.
    """

    frames: Frames
    episodes: int
    cut: int
    short: int
    more: Mapping[str, int] = field(default_factory=dict)

    @property
    def notes(self) -> dict[str, int]:
        """What a store keeps beside the frames."""
        return {"episodes": self.episodes, "cut": self.cut, "short": self.short, **self.more}


def play(
    venv: VecEnv,
    tap: Tap,
    layout: FrameLayout,
    rng: np.random.Generator,
    *,
    policy: Policy | None,
    bounds: Bounds,
    episodes: int,
    frames: int,
    lanes: int | None = None,
    progress: Progress = lambda added: None,
) -> Played:
    """Whole episodes from a reset of all environments on; ``policy`` None acts at random.

    Begins ``episodes`` of them, fewer if there are ``frames`` before, and plays all that have begun
    to their end. No single environment of a ``VecEnv`` can be reset, so one whose episode was cut
    waits until all are. Of the first ``lanes`` environments only, where that is given. ValueError
    if no episode outlasts ``bounds.skip_steps``.
    """
    act = policy or random_policy(venv.action_space, rng, venv.num_envs)
    kept: list[_Episode] = []  # in the order in which they began
    cut = short = made = 0
    while len(kept) < episodes and made < frames:
        running: dict[int, _Episode] = {}  # by the number of the environment
        for env in range(min(episodes - len(kept), lanes or venv.num_envs)):
            running[env] = _Episode()
        kept += running.values()
        for now in steps(venv, tap, layout, act, seed=int(rng.integers(2**31))):
            before = made
            for env, episode in list(running.items()):
                made += episode.add(now, env, keep=episode.steps >= bounds.skip_steps)
                ended = bool(now.dones[env])
                if not ended and episode.steps < bounds.max_episode_steps:
                    continue
                del running[env]
                if not episode.frames:
                    kept.remove(episode)
                    short += 1
                if not ended:
                    cut += 1
                elif len(kept) < episodes and made < frames:
                    running[env] = _Episode()
                    kept.append(running[env])
            if made > before:
                progress(made - before)
            elif short >= SHORT_EPISODES and not made:
                raise ValueError(
                    f"{short} episodes ended within the first {bounds.skip_steps} steps, which "
                    f"skip_steps={bounds.skip_steps} (--skip-steps) leaves out; skip fewer"
                )
            if not running:
                break
    return Played(_joined(kept), len(kept), cut, short)


def _joined(episodes: list[_Episode]) -> Frames:
    """All frames of ``episodes``, which are emptied one by one: memory holds them about once."""
    lengths = [len(episode.frames) for episode in episodes]
    rows, total = np.arange(len(episodes)).repeat(lengths), sum(lengths)
    known = _factors(episodes, lengths)
    frames = np.empty((total, *episodes[0].frames[0].shape), dtype=np.uint8)
    row = 0
    for episode in episodes:
        for frame in episode.frames:
            frames[row] = frame
            row += 1
        episode.frames.clear()
    actions = [one for episode in episodes for one in episode.actions]
    return Frames(frames, rows, np.arange(total), known, np.stack(actions))


def _factors(episodes: list[_Episode], lengths: list[int]) -> np.ndarray | None:
    """What was told of all frames, (N, K); NaN in episodes that do not tell as much of each frame.

    None where no episode tells anything.
    """
    shapes = [{one.shape for one in episode.factors} for episode in episodes]
    whole = [
        next(iter(shape)) if len(shape) == 1 and len(episode.factors) == length else None
        for shape, episode, length in zip(shapes, episodes, lengths, strict=True)
    ]
    width = next(filter(None, whole), None)
    if any(shapes) and (others := sum(one != width or one is None for one in whole)):
        logger.warning(
            'info["factors"] is left out of %d of %d episodes: it has to be a row of numbers, as '
            "many at each reset and step", others, len(episodes),
        )  # fmt: skip
    if width is None:
        return None
    rows = [
        np.stack(episode.factors) if one == width else np.full((length, *width), np.nan)
        for one, episode, length in zip(whole, episodes, lengths, strict=True)
    ]
    return np.concatenate(rows).astype(np.float32)
