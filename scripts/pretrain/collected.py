"""The frames of ``bvae-rl pretrain``: a store's, or those that it collects first."""

from __future__ import annotations

from functools import partial

from bvae_rl.data.collecting.plan import Plan
from bvae_rl.data.coverage.of_store import tell_coverage
from bvae_rl.data.episodes import tell
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import fill, refuse_more
from bvae_rl.scripts.acting import acting, acts_of, shares_given
from bvae_rl.scripts.common import flags, say_single
from bvae_rl.scripts.pretrain.args import Args, SourceArgs, check
from bvae_rl.scripts.progress import Progress, counted


def frames_for(args: Args) -> FrameStore:
    """The store that is named, or one that is collected in the environment that is named."""
    source = args.source
    if (args.store is None) == (source.env is None):
        raise ValueError(
            "frames come from a store or from an environment; name one: bvae-rl pretrain "
            "runs/frames, or bvae-rl pretrain --env bvae_rl/PlanarReach-v0"
        )
    check(args)
    plain = SourceArgs(rounds=source.rounds)
    if args.store is not None and source != plain:
        raise ValueError(
            f"{' '.join(flags(source, plain))} is for frames of an environment, and those in "
            f"{args.store} are there already, as they are; leave it out, or collect others: --env"
        )
    if args.store is not None:
        return FrameStore.existing(args.store)
    refuse_more(args.out / "frames", source.frames)
    store = FrameStore(args.out / "frames")
    plan = Plan(
        source.frames, source.policy, seed=args.seed, shares=shares_given(source.shares),
        acts=acts_of(source.policy),
        max_episode_steps=source.max_episode_steps, skip_steps=source.skip_steps,
    )  # fmt: skip
    progress = Progress({"frames": source.frames / 3000})
    say_single(source)
    env = source.config(source.domain)
    fill(
        store, env, plan, acting=acting(source.policy, env),
        progress=counted(partial(progress.update, "frames"), source.frames, done=len(store)),
    )  # fmt: skip
    progress.close()
    tell(store, plan.max_episode_steps)
    tell_coverage(store)
    return store
