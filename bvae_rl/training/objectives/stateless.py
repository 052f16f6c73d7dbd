"""The part of an objective that most objectives leave empty."""

from __future__ import annotations

from typing import Any, ClassVar

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches import Batch


class Stateless:
    """No state beyond the step: nothing to do after it, nothing to save; no tiles."""

    takes_tiles: ClassVar[bool] = False

    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; a non-empty ``state`` is an error."""
        if state:
            raise ValueError(f"{type(self).__name__} has no state, got {sorted(state)}")
