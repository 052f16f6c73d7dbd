"""Which weights are these? An encoder's as a number and as a short name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.content import as_array


def fingerprint(weights: Mapping[str, Tensor]) -> int:
    """A number that differs between different weights; fits into a signed 64-bit integer."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(as_array(weights[name]).tobytes())
    return int.from_bytes(digest.digest()[:8], "big", signed=True)


def named(weights: Mapping[str, Tensor]) -> str:
    """The fingerprint as 16 hexadecimal digits."""
    return f"{fingerprint(weights) % 2**64:016x}"


def encoder_digest(vae: BetaVAE) -> str:
    """16 hexadecimal digits that differ between encoders with other weights; decoders are free.

    An encoder that was taken out of its VAE, or copied into a policy, has the same.
    """
    return named(vae.encoder.state_dict())


def taught_by(teacher: BetaVAE) -> dict[str, Any]:
    """How a VAE that was hardened from ``teacher`` names it, and the ones before it."""
    return {
        "teacher_encoder": encoder_digest(teacher),
        "earlier_teachers": sorted(teachers_of(teacher.meta)),
    }


def teachers_of(meta: Mapping[str, Any]) -> set[str]:
    """The names of the VAEs that the one of ``meta`` was hardened from, of all generations.

    Of each the encoder's digest and the checksum of its weights, as far as they are known; none
    where it was not hardened.
    """
    hardened = meta.get("hardened") or {}
    objective = (meta.get("training") or {}).get("objective") or {}
    teacher = objective.get("teacher") or {}
    found = (hardened.get("teacher_encoder"), teacher.get("weights_sha256"))
    return {name for name in (*found, *hardened.get("earlier_teachers", ())) if name}
