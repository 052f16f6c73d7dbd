"""Collect frames of an environment into a frame store, with factors and actions if it has some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from bvae_rl.agents.evaluate import load_agent
from bvae_rl.data.collect import collect, collect_independent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import known_specs, require_factor_env
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.interventions import Interventions
from bvae_rl.scripts.common import EnvArgs, command_for, free_folder, say, wrote
from bvae_rl.scripts.progress import Progress

INDEPENDENT, RANDOM = "independent", "random"


@dataclass(frozen=True)
class Args:
    """What to collect."""

    out: Path = Path("runs/frames")
    """folder of the frame store; a killed collection goes on there"""
    frames: int = 100_000
    """how many frames (at least)"""
    policy: str = RANDOM
    """random; independent (states are sampled, nobody acts); or the folder of a trained agent"""
    views: Annotated[int, tyro.conf.arg(metavar="{1,2}")] = 1
    """with --policy independent: 2 shows each state in two appearances, for objectives on pairs"""
    interventions: int = 0
    """beside the frames, pairs (at least) between which one actuator moved alone for 2 to 24 steps;
    for actions Box(low, high, (A,))"""
    domain: str | None = None
    """visual domain to collect in (PlanarReach: pretrain)"""
    n_envs: int = 8
    """environments side by side, where a policy acts"""
    seed: int = 0
    """frames depend on it (and, where a policy acts, on n_envs)"""
    world: EnvArgs = EnvArgs()

    @property
    def rows(self) -> int:
        """Frames in the store, those of interventions with them."""
        return self.frames + 2 * self.views * self.interventions


@dataclass(frozen=True)
class Result:
    """The store."""

    store: FrameStore


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> Result:
    """Collect, verify, say what comes next; ``on_progress`` replaces bar and words."""
    views, interventions = args.views, args.interventions
    if args.frames < 1:
        raise ValueError(f"frames must be at least 1, got {args.frames}")
    if views != 1 and args.policy != INDEPENDENT:
        raise ValueError("two views of a state need sampled states: add --policy independent")
    if args.seed < 0:
        raise ValueError(f"seed must not be negative, got {args.seed}")
    if interventions < 0:
        raise ValueError(f"interventions must not be negative, got {interventions}")
    config = args.world.config(args.domain)
    store = FrameStore(args.out)
    env = config.make()
    FrameLayout.of(env.observation_space)  # refuse what is no picture before anything is written
    progress = Progress({"frames": args.rows / 3000})
    store.expect(args.rows)

    def show(added: int) -> None:
        fraction = len(store) / args.rows
        if on_progress:
            on_progress(fraction)
        else:
            progress.update("frames", fraction)

    shared: dict[str, Any] = {
        "seed": args.seed,
        "interventions": (
            Interventions(config.make(), interventions, views) if interventions else None
        ),
        "progress": show,
    }
    if args.policy == INDEPENDENT:
        source = require_factor_env(env)
        env.reset(seed=args.seed)
        store.describe(factor_specs=source.factor_specs, **_meta(args, config))
        collect_independent(source, store, args.frames, views=views, **shared)
    else:
        venv = config.vec(args.n_envs, seed=args.seed)
        acting = _acting(args.policy)
        store.describe(factor_specs=known_specs(env), **_meta(args, config))
        collect(venv, store, args.frames, **acting, **shared)
        venv.close()
    progress.close()
    store.verify()
    if on_progress is None:
        channels, height, width = store.shape
        more = f" ({args.rows} asked for, in whole blocks)" if len(store) > args.rows else ""
        say(f"{len(store)} frames of {height}x{width}x{channels}{more}")
        wrote(args.out, pretrain_command(args.out))
    return Result(store)


def pretrain_command(store: Path) -> str:
    """How to pretrain on a store; by default the recipe is the best that its pairs allow."""
    return command_for("pretrain", store, out=free_folder(Path("runs/vae")))


def _meta(args: Args, config: EnvConfig) -> dict[str, Any]:
    """What the store says about its frames: all that they depend on."""
    moved = args.interventions
    return {
        "env": config.id, "wrappers": list(config.wrappers), "domain": args.domain,
        **({"kwargs": list(config.kwargs)} if config.kwargs else {}),
        "policy": args.policy, "views": args.views, "seed": args.seed,
        **({} if args.policy == INDEPENDENT else {"n_envs": args.n_envs}),
        # which block is which depends on both numbers
        **({"frames": args.frames, "interventions": moved} if moved else {}),
    }  # fmt: skip


def _acting(policy: str) -> dict[str, Any]:
    """The arguments of ``collect`` that make ``policy`` act."""
    if policy == RANDOM:
        return {}
    try:
        agent = load_agent(policy)
    except ValueError as error:
        raise ValueError(f"policy is random, independent or an agent's folder: {error}") from error
    return {"policy": agent.act, "observe": agent.observe}
