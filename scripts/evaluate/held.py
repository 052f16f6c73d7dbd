"""Scores on frames that are there already, of a store or of a policy, beside references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bvae_rl.data.fixed_rows import fixed_factor_rows
from bvae_rl.metrics import MetricReport
from bvae_rl.metrics.scorable import scorable
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.latent_env import Encoder
from bvae_rl.scripts.common import say
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.scoring import PCA, UNTRAINED, add_vae, new_report
from bvae_rl.scripts.held_frames import HeldFrames
from bvae_rl.scripts.progress import Progress

Reference = Callable[[str], Encoder]  # of UNTRAINED or PCA


def scored(
    args: Args, vaes: Mapping[str, BetaVAE], held: HeldFrames, reference: Reference
) -> tuple[MetricReport, dict[str, float]]:
    """The scores of ``vaes`` and of what stands beside them, and what is no score of one code."""
    assert held.frames.factors is not None
    factors, specs = scorable(
        held.frames.factors, held.specs, say=say, episode=held.group, seed=args.seed
    )
    if not specs:
        raise ValueError("no factor of these frames can be scored, each for what is said above")
    held = replace(held, frames=replace(held.frames, factors=factors), specs=specs)
    report = new_report(held.frames, held.specs, args)
    progress = Progress(dict.fromkeys([*vaes, UNTRAINED, PCA, "bounds", "more"], 20.0))
    for label, model in vaes.items():
        add_vae(report, label, model, held.frames, episode=held.group)
        progress.update(label, 1.0)
    if args.references:
        for code in (UNTRAINED, PCA):
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


def _interventional(args: Args, vaes: Mapping[str, BetaVAE], held: HeldFrames) -> dict[str, float]:
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
            for metric in wanted:
                found[f"{name}/{metric}"] = more.interventional_score(
                    metric, vae, mu, mu[rows], fixed, args
                )
    return found
