"""``bvae-rl evaluate`` in an environment whose states can be set: independently sampled ones."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium as gym
import numpy as np

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import ON_POLICY, dependent_factors
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.probe_sets import on_policy_set, probe_set
from bvae_rl.metrics.report import LEAST_EPISODES
from bvae_rl.metrics.summary import together
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import say, wrote
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.results import Result, write
from bvae_rl.scripts.evaluate.scoring import PCA, UNTRAINED, add_vae, encoder, new_report
from bvae_rl.scripts.progress import Progress


def evaluate_sampled(
    args: Args, vaes: Mapping[str, BetaVAE], env: EnvConfig, world: gym.Env, run: Run, train: str
) -> Result:
    """Scores on sampled states of ``world``, an ``env``, beside references and on-policy frames."""
    name, vae = next(iter(vaes.items()))
    source = settable_env(world)
    assert source is not None
    probe = probe_set(world, args.samples, seed=args.seed)
    report = new_report(probe, source.factor_specs, args)
    met = _on_policy(env, args)
    steps = [*vaes, *(f"{one}{ON_POLICY}" for one in vaes if met)]
    steps += [UNTRAINED, PCA, "bounds"] if args.references else []
    progress = Progress(dict.fromkeys([*steps, "more"], 20.0))
    for label, model in vaes.items():
        add_vae(report, label, model, probe)
        progress.update(label, 1.0)
        if met is not None:
            add_vae(report, f"{label}{ON_POLICY}", model, met, episode=met.episode)
            progress.update(f"{label}{ON_POLICY}", 1.0)
    if args.references:
        for code in (UNTRAINED, PCA):
            report.add(code, encoder(code, vae, world, args).encode_frames(probe.frames))
            progress.update(code, 1.0)
        report.add_bounds(name)
        progress.update("bounds", 1.0)
    further = more.measured(vaes, world, probe, args)
    progress.close()
    write(args, run, report, further, vaes, env, name)
    if dependent := dependent_factors(world):
        say(
            f"- {', '.join(dependent)}: not independent, they follow from other factors and from "
            "the episode; their scores share what they have in common"
        )
    if met is not None:
        for sentence in together(report.scores[f"{name}{ON_POLICY}"]):
            say(f"- on-policy frames: {sentence}")
    wrote(run.folder, train)
    return Result(report.scores, further, run.folder)


def _on_policy(env: EnvConfig, args: Args) -> Frames | None:
    """Frames of a random policy, if wanted and of enough episodes to test on others."""
    if not args.on_policy:
        return None
    world = env.make()
    if info_factors(world.reset(seed=args.seed)[1]) is None:
        say(
            f"on-policy frames are not scored: {env.id} does not tell its factors while it acts; "
            "FactorWrapper(env, specs, read=...) does"
        )
        return None
    met = on_policy_set(world, None, args.on_policy, seed=args.seed)
    if (episodes := len(np.unique(met.episode))) >= LEAST_EPISODES:
        return met
    say(
        f"on-policy frames are not scored: {args.on_policy} are of {episodes} episodes, and "
        f"{LEAST_EPISODES} are needed to test on others than were fitted; see --on-policy"
    )
    return None
