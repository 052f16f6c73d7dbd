"""``bvae-rl pretrain`` without a last phase: one training, several seeds, or rounds."""

from __future__ import annotations

from collections.abc import Callable

from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.pretrain.args import Args
from bvae_rl.scripts.pretrain.once import train_once
from bvae_rl.scripts.pretrain.rounds import train_rounds
from bvae_rl.scripts.pretrain.seeds import train_seeds


def train_unhardened(
    args: Args, *, on_progress: Callable[[float], None] | None = None, judged: bool = True
) -> BetaVAE:
    """The VAE that ``args`` ask for, its ``harden`` left aside."""
    if args.several.seeds != 1:
        return train_seeds(args, on_progress=on_progress)
    if args.source.rounds != 1:
        return train_rounds(args, on_progress=on_progress)
    return train_once(args, on_progress=on_progress, judged=judged)
