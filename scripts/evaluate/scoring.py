"""A report on codes of the same frames: VAEs, and what they are held against."""

from __future__ import annotations

from typing import Any

from bvae_rl.data.frame_store import Frames
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import MetricReport, Scores
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.seeded import seeded
from bvae_rl.sb3.latent_env import Encoder
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.held_frames import OTHER_SEED
from bvae_rl.training.pictures.decoded import active_latents

UNTRAINED, PCA = "untrained", "pca"
PCA_FRAMES = 10_000


def of_arrays(args: Args) -> list[str]:
    """The metrics that are wanted and need nothing but codes and factors."""
    return [name for name in args.scoring.metrics if name not in more.INTERVENTIONAL]


def new_report(probe: Frames, specs: Any, args: Args) -> MetricReport:
    """An empty report on the probe set, with the settings of the arguments."""
    scoring = args.scoring
    return MetricReport(
        probe.factors, specs, metrics=of_arrays(args), reference=scoring.published,
        seed=args.seed, replicates=scoring.replicates, slow_replicates=scoring.slow_replicates,
        steps=scoring.fit_steps,
    )  # fmt: skip


def add_vae(
    report: MetricReport, name: str, vae: BetaVAE, frames: Frames, *, episode: Any = None
) -> Scores:
    """Score the VAE's latents of the frames; those that hardly vary are inactive.

    In the published definitions all count.
    """
    mu = vae.encode_frames(frames.frames)
    active = None if report.settings.get("reference") else active_latents(vae, mu)
    return report.add(
        name, mu, groups=vae.config.groups, active=active, factors=frames.factors, episode=episode
    )


def encoder(code: str, vae: BetaVAE, world: Any, args: Args) -> Encoder:
    """The ``untrained`` encoder of the VAE's shape, or ``pca`` of as many components."""
    if code == UNTRAINED:
        with seeded(args.seed):
            return BetaVAE(vae.config).eval()
    others = args.seed + OTHER_SEED  # than are scored
    frames = probe_set(world, PCA_FRAMES, seed=others).frames
    return PCAEncoder.fit(frames, vae.config.latent_dim, seed=args.seed)
