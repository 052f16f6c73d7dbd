"""``bvae-rl evaluate --store``: the scores of VAEs on the frames of a store, no environment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.fixed_rows import fixed_factor_rows
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.metrics import beta_vae_score, factor_vae_score
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import evaluate as whole
from bvae_rl.scripts import evaluate_more as more
from bvae_rl.scripts.common import say, wrote
from bvae_rl.scripts.held_frames import HeldFrames
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.stored_frames import follows, open_shown, say_train, stored_frames
from bvae_rl.training.selection import LEAST_FRAMES
from bvae_rl.training.validation import ACTIVE_KL, validate


def evaluate_store(args: whole.Args, vaes: Mapping[str, BetaVAE], run: Run) -> whole.Result:
    """Score ``vaes`` on the store of ``args``; without factors, what can be said."""
    assert args.store is not None
    name, vae = next(iter(vaes.items()))
    store = open_shown(args.store, vaes.values(), args)
    if args.scoring.other_domains:
        raise ValueError("--other-domains draws frames in an environment; leave it or --store out")
    held, rest, text = stored_frames(store, vaes.values(), most=args.samples)
    say(f"scored on {text}")
    if held.labelled and len(held.frames) < LEAST_FRAMES:
        raise ValueError(
            f"scores take {LEAST_FRAMES} frames at least, and there are {len(held.frames)} with "
            "their factors; import more, or see --samples"
        )
    if not held.labelled:
        return _without_factors(args, store, held, vae, run)
    if follows(store):
        say(
            "the frames are of episodes, in which factors may go together: a score cannot tell "
            "whether the VAE or the episodes joined them (see the factors' correlation)"
        )
    report = whole.new_report(held.frames, held.specs, args)
    progress = Progress(dict.fromkeys([*vaes, whole.UNTRAINED, whole.PCA, "bounds", "more"], 20.0))
    for label, model in vaes.items():
        whole.add_vae(report, label, model, held.frames, episode=held.group)
        progress.update(label, 1.0)
    if args.references:
        for code in (whole.UNTRAINED, whole.PCA):
            encoder = _reference(code, vae, store, rest, args)
            report.add(code, encoder.encode_frames(held.frames.frames))
            progress.update(code, 1.0)
        report.add_bounds(name)
        progress.update("bounds", 1.0)
    further = _further(args, vaes, held)
    progress.close()
    shown = EnvConfig(store.meta.get("env", str(store.folder)), domain=store.meta.get("domain"))
    whole.written(args, run, report, further, vaes, shown, name)
    wrote(run.folder)
    say_train(args.vae)
    return whole.Result(report.scores, further, run.folder)


def _reference(
    code: str, vae: BetaVAE, store: FrameStore, rest: np.ndarray, args: whole.Args
) -> BetaVAE | PCAEncoder:
    """An untrained encoder, or PCA fitted on frames that are not scored (if there are enough)."""
    if code == whole.UNTRAINED:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(args.seed)
            return BetaVAE(vae.config).eval()
    rng = np.random.default_rng(args.seed)
    rows = rest if len(rest) > vae.config.latent_dim else np.arange(len(store))
    rows = np.sort(rng.permutation(rows)[: whole.PCA_FRAMES])
    frames = store.read(rows).frames
    return PCAEncoder.fit(frames, vae.config.latent_dim, seed=args.seed)


def _further(args: whole.Args, vaes: Mapping[str, BetaVAE], held: HeldFrames) -> dict[str, float]:
    """Interventional scores on groups that are found among the frames, and UDR."""
    found: dict[str, float] = {}
    wanted = [name for name in more.INTERVENTIONAL if name in args.scoring.metrics]
    if wanted:
        assert held.frames.factors is not None
        rows, fixed = fixed_factor_rows(
            held.frames.factors, held.specs, more.GROUPS, more.SIZE, seed=args.seed
        )
        for name, vae in vaes.items():
            mu, logvar = vae.posterior_frames(held.frames.frames)
            published = args.scoring.published
            if "factor_vae" in wanted:
                active = mean_kl(mu, logvar) > ACTIVE_KL
                found[f"{name}/factor_vae"] = factor_vae_score(
                    mu[rows], fixed, active=active, reference=published, seed=args.seed
                ).score
            if "beta_vae" in wanted:
                found[f"{name}/beta_vae"] = beta_vae_score(
                    mu[rows], fixed, reference=published, seed=args.seed
                )
    return found | (more.agreement(vaes, held.frames, args) if len(vaes) > 1 else {})


def _without_factors(
    args: whole.Args, store: FrameStore, held: HeldFrames, vae: BetaVAE, run: Run
) -> whole.Result:
    """The bound and its parts."""
    metrics = validate(vae, frames_to_x(held.frames.frames))
    run.write_json("scores.json", metrics)
    say(
        f"{store.folder} holds no factors, so there is no MIG, DCI or R2; import it again with a "
        "table of them: bvae-rl import SOURCE --factors factors.csv"
    )
    for name, value in metrics.items():
        say(f"  {name.removeprefix('vae/'):20} {value:.2f}")
    wrote(run.folder)
    say_train(args.vae)
    return whole.Result({}, metrics, run.folder)
