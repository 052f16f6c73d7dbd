"""VAEs that stand side by side see the same frames."""

from __future__ import annotations

from collections.abc import Mapping

from bvae_rl.models.vae import BetaVAE


def require_same_frames(vaes: Mapping[str, BetaVAE]) -> None:
    """ValueError unless all ``vaes``, by their names, were made for the same frames."""
    kinds = {
        name: (vae.config.shape, vae.config.native, vae.config.channel_order)
        for name, vae in vaes.items()
    }
    if len(set(kinds.values())) > 1:
        text = "; ".join(
            f"{name} {shape}, {order}{f', made from {native}' if native else ''}"
            for name, (shape, native, order) in kinds.items()
        )
        raise ValueError(
            f"VAEs side by side take the same frames, and these (C, H, W) differ: {text}; take "
            "VAEs of the same frames"
        )
