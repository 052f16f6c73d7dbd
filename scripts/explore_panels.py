"""What the explorer shows below the sliders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.explore_frames import Shown


def extras(
    args: Any, vaes: Mapping[str, BetaVAE], shown: Shown
) -> tuple[dict[str, Any], dict[str, str]]:
    """Payload of each panel by its key, and a sentence for those that are missing."""
    return {}, {}
