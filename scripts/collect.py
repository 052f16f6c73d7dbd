"""Collect frames of an environment into a frame store, with factors and actions if it has some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.collecting.plan import INDEPENDENT, RANDOM, Plan
from bvae_rl.data.coverage.of_store import tell_coverage
from bvae_rl.data.episodes import tell
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import fill
from bvae_rl.scripts.acting import acting, acts_of, shares_given
from bvae_rl.scripts.common import EnvArgs, command_for, free_folder, say, say_single, wrote
from bvae_rl.scripts.progress import Progress, counted


@dataclass(frozen=True)
class Args:
    """What to collect."""

    out: Path = Path("runs/frames")
    """folder of the frame store; a killed collection goes on there"""
    frames: int = 100_000
    """how many frames (at least: whole episodes are collected, where a policy acts)"""
    policy: str = RANDOM
    """random; sticky (random actions that are held); mixed (by --shares); independent (states are
    sampled, nobody acts); or the folder of a trained agent"""
    shares: tuple[str, ...] = ()
    """with --policy mixed, of the frames: sticky=.4 (random actions), agent=.4 (an agent while it
    learns), states=.2 (episodes from random states)"""
    views: Annotated[int, tyro.conf.arg(metavar="{1,2}")] = 1
    """with --policy independent: 2 shows each state in two appearances, for objectives on pairs"""
    interventions: int = 0
    """beside the frames, pairs (at least) between which one actuator moved alone for 2 to 24 steps;
    for actions Box(low, high, (A,))"""
    domain: str | None = None
    """visual domain to collect in: by default the environment's own, mostly source; pretrain has
    many appearances"""
    n_envs: int = 8
    """environments side by side, where a policy acts; fewer if there are few and long episodes"""
    max_episode_steps: int = MAX_EPISODE_STEPS
    """steps after which an episode is cut if it has not ended"""
    skip_steps: int = 0
    """steps at the beginning of each episode that are acted and not kept"""
    seed: int = 0
    """frames depend on it (and, where a policy acts, on n_envs)"""
    world: EnvArgs = EnvArgs()


@dataclass(frozen=True)
class Result:
    """The store."""

    store: FrameStore


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> Result:
    """Collect, verify, say what comes next; ``on_progress`` replaces bar and words."""
    plan = Plan(
        args.frames, args.policy, args.views, args.interventions, args.n_envs, args.seed,
        args.max_episode_steps, args.skip_steps, shares_given(args.shares), acts_of(args.policy),
    )  # fmt: skip
    store, progress = FrameStore(args.out), Progress({"frames": plan.rows / 3000})
    show = on_progress or partial(progress.update, "frames")
    say_single(args.world)
    config = args.world.config(args.domain)
    fill(
        store, config, plan, acting=acting(args.policy, config),
        progress=counted(show, plan.rows, done=len(store)),
    )  # fmt: skip
    progress.close()
    store.verify()
    if on_progress is None:
        channels, height, width = store.shape
        whole = "blocks" if args.policy == INDEPENDENT else "episodes"
        more = f" ({plan.rows} asked for, in whole {whole})" if len(store) > plan.rows else ""
        say(f"{len(store)} frames of {height}x{width}x{channels}{more}")
        tell(store, plan.max_episode_steps, say=say)
        tell_coverage(store, say=say)
        wrote(args.out, pretrain_command(args.out))
    return Result(store)


def pretrain_command(store: Path) -> str:
    """How to pretrain on a store; by default the recipe is the best that its pairs allow."""
    return command_for("pretrain", store, out=free_folder(Path("runs/vae")))
