"""Which weights are these? An encoder's as a number and as a short name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor

from bvae_rl.models.vae import BetaVAE


def fingerprint(weights: Mapping[str, Tensor]) -> int:
    """A number that differs between different weights; fits into a signed 64-bit integer."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(weights[name].detach().cpu().contiguous().numpy().tobytes())
    return int.from_bytes(digest.digest()[:8], "big", signed=True)


def named(weights: Mapping[str, Tensor]) -> str:
    """The fingerprint as 16 hexadecimal digits."""
    return f"{fingerprint(weights) % 2**64:016x}"


def encoder_digest(vae: BetaVAE) -> str:
    """16 hexadecimal digits that differ between encoders with other weights; decoders are free.

    An encoder that was taken out of its VAE, or copied into a policy, has the same.
    """
    return named(vae.encoder.state_dict())
