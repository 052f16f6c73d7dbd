"""``bvae-rl evaluate --store``: the scores of VAEs on the frames of a store, no environment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import READ_ON_POLICY
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.seeded import seeded
from bvae_rl.scripts.common import say, wrote
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.bare import measured
from bvae_rl.scripts.evaluate.held import scored
from bvae_rl.scripts.evaluate.results import Result, write
from bvae_rl.scripts.evaluate.scoring import PCA_FRAMES, UNTRAINED
from bvae_rl.scripts.held_frames import HeldFrames
from bvae_rl.scripts.stored_frames import follows, open_shown, say_train, stored_frames
from bvae_rl.training.selection import LEAST_FRAMES


def evaluate_store(args: Args, vaes: Mapping[str, BetaVAE], run: Run) -> Result:
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
        return _without_factors(args, store, held, vaes, run)
    report, further = scored(
        args, vaes, held, lambda code: _reference(code, vae, store, rest, args)
    )
    shown = EnvConfig(store.meta.get("env", str(store.folder)), domain=store.meta.get("domain"))
    note = READ_ON_POLICY if follows(store) else ""
    write(args, run, report, further, vaes, shown, name, note=note)
    wrote(run.folder)
    say_train(args.vae, vae)
    return Result(report.scores, further, run.folder)


def _reference(
    code: str, vae: BetaVAE, store: FrameStore, rest: np.ndarray, args: Args
) -> BetaVAE | PCAEncoder:
    """An untrained encoder, or PCA fitted on frames that are not scored (if there are enough)."""
    if code == UNTRAINED:
        with seeded(args.seed):
            return BetaVAE(vae.config).eval()
    rng = np.random.default_rng(args.seed)
    rows = rest if len(rest) > vae.config.latent_dim else np.arange(len(store))
    rows = np.sort(rng.permutation(rows)[:PCA_FRAMES])
    frames = store.read(rows).frames
    return PCAEncoder.fit(frames, vae.config.latent_dim, seed=args.seed)


def _without_factors(
    args: Args, store: FrameStore, held: HeldFrames, vaes: Mapping[str, BetaVAE], run: Run
) -> Result:
    """The bound and its parts."""
    say(
        f"{store.folder} holds no factors, so there is no MIG, DCI or R2; import it again with a "
        "table of them: bvae-rl import SOURCE --factors factors.csv"
    )
    metrics = measured(vaes, held.frames.frames, run)
    wrote(run.folder)
    say_train(args.vae, next(iter(vaes.values())))
    return Result({}, metrics, run.folder)
