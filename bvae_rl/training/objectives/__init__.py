"""Training objectives, one file each.

An objective is anything with the methods of ``Objective``; ``pretrain`` names none of them.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches import Batch, Pairing, Rows


class Objective(Protocol):
    """How a VAE is trained: which frames go together, and the loss on them."""

    @property
    def takes_tiles(self) -> bool:
        """Whether pictures and their weights go to the VAE's encoder and ``vae.nll`` alone.

        Where nothing looks at them, in the loss or after a step, tiles do as well (``tiles.py``).
        """
        ...

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """How to draw batches from the rows of a store; called once, before anything else."""
        ...

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Scalar loss (scale: ``losses.py``) and its parts.

        ``noise`` (images, D) is standard normal. The parts contain at least ``recon``, ``kl`` (nats
        an image) and ``beta``.
        """
        ...

    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """Called after each optimizer step (discriminators, controllers)."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: tensors and plain values, nested as you like."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...

    def describe(self) -> dict[str, object]:
        """Name and settings, plain values, for the config of the trained VAE."""
        ...
