"""Collect frames (with factors and actions, where the environment gives them) into a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from bvae_rl.agents.evaluate import load_agent
from bvae_rl.data.collect import collect, collect_independent
from bvae_rl.data.factors import known_specs, require_factor_env
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.interventions import Interventions
from bvae_rl.scripts.common import EnvArgs, say, wrote
from bvae_rl.scripts.progress import Progress


@dataclass(frozen=True)
class Args:
    """What to collect."""

    world: EnvArgs = EnvArgs()
    out: Path = Path("runs/frames")
    """folder of the frame store; a killed collection goes on there"""
    frames: int = 100_000
    """how many frames (at least)"""
    policy: str = "random"
    """random; drawn (states drawn independently, no acting); or the folder of a trained agent"""
    views: Annotated[int, tyro.conf.arg(metavar="{1,2}")] = 1
    """with --policy independent: 2 draws each state in two appearances, which pair supervision needs"""
    interventions: int = 0
    """beside the frames, pairs (at least) between which one actuator moved alone for 2 to 24 steps,
    which actuator pairs need; for actions Box(low, high, (A,))"""
    domain: str | None = None
    """visual domain to collect in (PlanarReach: pretrain)"""
    n_envs: int = 8
    """environments side by side, where a policy acts"""
    seed: int = 0
    """frames depend on it (and, where a policy acts, on n_envs)"""


@dataclass(frozen=True)
class Result:
    """The store."""

    store: FrameStore


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> Result:
    """Collect, verify, say what comes next; ``on_progress`` replaces bar and words."""
    if args.frames < 1:
        raise ValueError(f"frames must be at least 1, got {args.frames}")
    if args.views != 1 and args.policy != "drawn":
        raise ValueError("two views of a state can be drawn, not acted: add --policy independent")
    if args.seed < 0:
        raise ValueError(f"seed must not be negative, got {args.seed}")
    if args.interventions < 0:
        raise ValueError(f"interventions must not be negative, got {args.interventions}")
    config = args.world.config(args.domain)
    store = FrameStore(args.out)
    env = config.make()
    FrameLayout.of(env.observation_space)  # refuse what is no picture before anything is written
    known = {
        "env": config.id, "wrappers": list(config.wrappers), "domain": args.domain,
        **({"kwargs": list(config.kwargs)} if config.kwargs else {}),
        "policy": args.policy, "views": args.views, "seed": args.seed,
        **({} if args.policy == "drawn" else {"n_envs": args.n_envs}),
        # which block is which depends on both numbers
        **({"frames": args.frames, "interventions": args.interventions} if args.interventions else {}),
    }  # fmt: skip
    interventions = (
        Interventions(config.make(), args.interventions, args.views) if args.interventions else None
    )
    rows = args.frames + 2 * args.views * args.interventions
    progress = Progress({"frames": rows / 3000})

    store.expect(rows)

    def show(added: int) -> None:
        fraction = len(store) / rows
        if on_progress:
            on_progress(fraction)
        else:
            progress.update("frames", fraction)

    if args.policy == "drawn":
        source = require_factor_env(env)
        env.reset(seed=args.seed)
        store.describe(factor_specs=source.factor_specs, **known)
        collect_independent(
            source, store, args.frames, seed=args.seed, views=args.views, interventions=interventions,
            progress=show,
        )  # fmt: skip
    else:
        behaviour: dict[str, Any] = {}
        venv = config.vec(args.n_envs, seed=args.seed)
        if args.policy != "random":
            try:
                agent = load_agent(args.policy)
            except ValueError as error:
                raise ValueError(
                    f"policy is random, drawn or an agent's folder: {error}"
                ) from error
            behaviour = {
                "policy": agent.act,
                "observe": lambda venv: agent.method.observe(venv, agent.encoder),
            }
        specs = known_specs(env)
        store.describe(factor_specs=specs, **known)
        collect(
            venv,
            store,
            args.frames,
            seed=args.seed,
            interventions=interventions,
            progress=show,
            **behaviour,
        )
        venv.close()
    progress.close()
    store.verify()
    if on_progress:
        return Result(store)
    channels, height, width = store.shape
    more = f" ({rows} asked for, in whole blocks)" if len(store) > rows else ""
    say(f"{len(store)} frames of {height}x{width}x{channels}{more}")
    kinds = ["views"] * (args.views == 2) + ["interventions"] * (args.interventions > 0)
    pairs = f" --pairs {'+'.join(kinds)}" if args.interventions else ""
    objective = f" --objective {'crossed' if args.views == 2 else 'pairs'}" if kinds else ""
    wrote(args.out, f"bvae-rl pretrain {args.out}{objective}{pairs} --out runs/vae")
    return Result(store)
