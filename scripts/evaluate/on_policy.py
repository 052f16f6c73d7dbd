"""``bvae-rl evaluate`` in an environment whose states cannot be set to factors: on-policy."""

from __future__ import annotations

from collections.abc import Mapping

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import ON_POLICY, READ_ON_POLICY, known_specs
from bvae_rl.data.probe_sets import known_set
from bvae_rl.metrics.inputs import enough
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.seeded import seeded
from bvae_rl.sb3.latent_env import Encoder
from bvae_rl.scripts.common import say, wrote
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.held import scored
from bvae_rl.scripts.evaluate.results import Result, write
from bvae_rl.scripts.evaluate.scoring import UNTRAINED
from bvae_rl.scripts.held_frames import FEW, OTHER_SEED, HeldFrames

PLAYED_FOR_PCA = 1000  # other ones than are scored; they take as long as playing does


def evaluate_on_policy(
    args: Args, vaes: Mapping[str, BetaVAE], env: EnvConfig, run: Run, train: str
) -> Result:
    """Score ``vaes`` on frames that a random policy met, with the factors of ``info``."""
    n = args.on_policy or args.samples
    world = env.make()
    say(f"{env.id} tells its factors and cannot set them: scored on {n} frames of a random policy")
    frames = known_set(world, n, seed=args.seed)
    held = HeldFrames(frames, known_specs(world), enough(frames.episode))
    if held.group is None:
        say(FEW.format(len(set(frames.episode.tolist()))))
    labels = {f"{name}{ON_POLICY}": vae for name, vae in vaes.items()}
    first, vae = next(iter(labels.items()))

    def reference(code: str) -> Encoder:
        if code == UNTRAINED:
            with seeded(args.seed):
                return BetaVAE(vae.config).eval()
        others = known_set(world, min(n, PLAYED_FOR_PCA), seed=args.seed + OTHER_SEED).frames
        return PCAEncoder.fit(others, vae.config.latent_dim, seed=args.seed)

    report, further = scored(args, labels, held, reference)
    if args.scoring.other_domains:
        further |= more.generalised(labels, frames, args)
    write(args, run, report, further, labels, env, first, note=READ_ON_POLICY)
    wrote(run.folder, train)
    return Result(report.scores, further, run.folder)
