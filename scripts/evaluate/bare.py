"""``bvae-rl evaluate`` where nothing is known about the frames: the bound and its parts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import aligned, say, wrote
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.scripts.evaluate.results import Result
from bvae_rl.scripts.held_frames import on_policy_frames
from bvae_rl.training.validation import validate

SCORES = "scores.json"


def without_factors(
    args: Args, env: EnvConfig, vaes: Mapping[str, BetaVAE], run: Run, train: str
) -> Result:
    """On frames of a random policy in ``env``; ValueError where factors were to be compared."""
    made = env.make()
    made.close()
    cure = getattr(made.unwrapped, "without_factors", None) or (
        "tell them with a FactorWrapper (docs/guides/your-environment.md)"
    )
    if args.scoring.other_domains:
        raise ValueError(
            "--other-domains tests how factors are read in other visual domains, and "
            f"{env.id} does not know its factors; {cure}, or leave it out"
        )
    first, out = next(iter(vaes.values())), run.folder / "frames"
    frames = on_policy_frames(env, args.samples, seed=args.seed, out=out, vae=first).frames
    say(f"{env.id} does not know its factors, so there is no MIG, DCI or R2; {cure}.")
    say("On frames of a random policy:")
    metrics = measured(vaes, frames, run)
    wrote(run.folder, train)
    return Result({}, metrics, run.folder)


def measured(vaes: Mapping[str, BetaVAE], frames: np.ndarray, run: Run) -> dict[str, float]:
    """Print what ``validate`` says of each VAE on ``frames`` (N, H, W, C), and write and return it.

    The numbers of several VAEs are called NAME/number.
    """
    x = frames_to_x(frames)
    found = {name: validate(vae, x) for name, vae in vaes.items()}
    rows = dict.fromkeys(key for scores in found.values() for key in scores)
    head = [["", *found]] if len(found) > 1 else []
    lines = []
    for row in rows:
        cells = (f"{one[row]:.2f}" if row in one else "-" for one in found.values())
        lines.append([row.removeprefix("vae/"), *cells])
    say(aligned([*head, *lines]))
    metrics = (
        next(iter(found.values()))
        if len(found) == 1
        else {f"{name}/{key}": value for name, one in found.items() for key, value in one.items()}
    )
    run.write_json(SCORES, metrics)
    return metrics
