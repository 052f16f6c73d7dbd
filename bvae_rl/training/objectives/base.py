"""What an objective is: which frames go together, and the loss on them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar, cast

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.identity import KIND
from bvae_rl.training.batches.batch import Batch, Pairing, single
from bvae_rl.training.batches.rows import Rows

Parts = dict[str, Tensor | float]


class Objective:
    """How a VAE is trained. A new one is a frozen dataclass with a ``loss``, in a file of its own.

    Its fields are its hyperparameters, all of them: they say whether two trainings are the same.
    What changes from step to step (a discriminator, a controller) stands in fields of
    ``init=False`` and goes through ``state_dict``. One with a ``__post_init__`` calls this one's.
    """

    name: ClassVar[str]  # as in the table, or a property where a field decides
    needs_pixels: ClassVar[bool] = True  # see ``LikelihoodObjective``

    def __post_init__(self) -> None:
        """TypeError for a number where a schedule has to be."""
        for item in fields(cast(Any, self)):
            value = getattr(self, item.name, None)
            if item.init and item.type == "Schedule" and not callable(value):
                raise TypeError(
                    f"{item.name} of {type(self).__name__} is a schedule over training steps, got "
                    f"{value!r}; write Constant({value!r}) (bvae_rl.training.schedules)"
                )

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """How to draw batches from the rows of a store; called once, before anything else.

        Single frames, drawn independently, unless an objective says otherwise.
        """
        return single(rows)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """Scalar loss (scale: ``models/losses.py``) and its parts, which are logged.

        ``noise`` (images, D) is standard normal. The parts contain at least ``recon``, ``kl`` (nats
        an image) and ``beta``.
        """
        raise NotImplementedError

    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """Called after each optimizer step."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: tensors and plain values, nested as you like."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``; ValueError where there is none to go on from."""
        if state:
            raise ValueError(f"{type(self).__name__} has no state, got {sorted(state)}")

    def identity(self) -> dict[str, Any]:
        """All hyperparameters by name, and what kind of objective this is."""
        named = [item.name for item in fields(cast(Any, self)) if item.init]
        kind = {KIND: type(self).__name__, "name": self.name}
        return kind | {name: getattr(self, name) for name in named}


class LikelihoodObjective(Objective):
    """One that hands pictures, and their weights, to ``vae.encode`` and ``vae.nll`` alone.

    Nothing else looks at them, in the loss or after a step, so that they may come as tiles, on
    which a CPU trains faster (``batches/tiles.py``).
    """

    needs_pixels: ClassVar[bool] = False
