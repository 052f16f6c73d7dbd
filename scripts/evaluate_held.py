"""Scores on frames that are there already, of a store or of a policy, beside references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from bvae_rl.data.fixed_rows import fixed_factor_rows
from bvae_rl.metrics import MetricReport, beta_vae_score, factor_vae_score
from bvae_rl.metrics.inputs import split_episodes
from bvae_rl.metrics.scorable import scorable
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.latent_env import Encoder
from bvae_rl.scripts import evaluate as whole
from bvae_rl.scripts import evaluate_more as more
from bvae_rl.scripts.common import say
from bvae_rl.scripts.held_frames import HeldFrames
from bvae_rl.scripts.progress import Progress
from bvae_rl.training.decoded import active_latents

Reference = Callable[[str], Encoder]  # of UNTRAINED or PCA


def scored(
    args: whole.Args, vaes: Mapping[str, BetaVAE], held: HeldFrames, reference: Reference
) -> tuple[MetricReport, dict[str, float]]:
    """The scores of ``vaes`` and of what stands beside them, and what is no score of one code."""
    held = _changing(held, args)
    report = whole.new_report(held.frames, held.specs, args)
    progress = Progress(dict.fromkeys([*vaes, whole.UNTRAINED, whole.PCA, "bounds", "more"], 20.0))
    for label, model in vaes.items():
        whole.add_vae(report, label, model, held.frames, episode=held.group)
        progress.update(label, 1.0)
    if args.references:
        for code in (whole.UNTRAINED, whole.PCA):
            codes = reference(code).encode_frames(held.frames.frames)
            report.add(code, codes, episode=held.group)
            progress.update(code, 1.0)
        report.add_bounds(next(iter(vaes)), episode=held.group)
        progress.update("bounds", 1.0)
    further = _interventional(args, vaes, held)
    if len(vaes) > 1:
        further |= more.agreement(vaes, held.frames, args)
    progress.close()
    return report, further


def _changing(held: HeldFrames, args: whole.Args) -> HeldFrames:
    """``held`` without factors that cannot be scored, or that change in few of its episodes."""
    assert held.frames.factors is not None
    factors, specs = scorable(held.frames.factors, held.specs, say=say)
    held = replace(held, frames=replace(held.frames, factors=factors), specs=specs)
    if held.group is None:
        return held
    parts = split_episodes(held.group, len(factors), seed=args.seed)
    seen = np.all([np.ptp(factors[rows], axis=0) > 0 for rows in parts], axis=0)
    kept = seen | (np.ptp(factors, axis=0) == 0)  # those of one value are named by the report
    if kept.all() or not seen.any():
        return held
    names = ", ".join(spec.name for spec, k in zip(held.specs, kept, strict=True) if not k)
    say(f"not scored, because they change in few of the episodes: {names}; score more frames")
    specs = tuple(spec for spec, k in zip(specs, kept, strict=True) if k)
    return replace(held, frames=replace(held.frames, factors=factors[:, kept]), specs=specs)


def _interventional(
    args: whole.Args, vaes: Mapping[str, BetaVAE], held: HeldFrames
) -> dict[str, float]:
    """Interventional scores on groups that are found among the frames."""
    found: dict[str, float] = {}
    wanted = [name for name in more.INTERVENTIONAL if name in args.scoring.metrics]
    if wanted:
        assert held.frames.factors is not None
        rows, fixed = fixed_factor_rows(
            held.frames.factors, held.specs, more.GROUPS, more.SIZE, seed=args.seed
        )
        for name, vae in vaes.items():
            mu = vae.encode_frames(held.frames.frames)
            published = args.scoring.published
            if "factor_vae" in wanted:
                found[f"{name}/factor_vae"] = factor_vae_score(
                    mu[rows], fixed, active=active_latents(vae, mu), reference=published,
                    seed=args.seed,
                ).score  # fmt: skip
            if "beta_vae" in wanted:
                found[f"{name}/beta_vae"] = beta_vae_score(
                    mu[rows], fixed, reference=published, seed=args.seed
                )
    return found
