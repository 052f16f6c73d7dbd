"""What may happen to the encoder of an agent that is moved to other appearances, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.schedules import Constant, Linear, Schedule


@dataclass(frozen=True)
class Treatment:
    """What happens to the encoder after the move.

    ``beta`` makes a schedule of its largest value and the number of steps. ``mixed``: half of each
    batch are frames of the pretraining store. ``harden``: recoloured frames are taught the code of
    clean ones, instead of the Beta-VAE's loss. Without either the encoder is frozen.
    """

    name: str
    text: str
    beta: Callable[[float, int], Schedule] | None = None
    mixed: bool = False
    harden: Hardening | None = None

    @property
    def frozen(self) -> bool:
        """Whether nothing happens to the encoder."""
        return self.beta is None and self.harden is None


def _annealed(beta: float, steps: int) -> Schedule:
    return Linear(0.1 * beta, beta, steps // 2)


def _constant(beta: float, steps: int) -> Schedule:
    return Constant(beta)


TREATMENTS = {
    row.name: row
    for row in (
        Treatment("frozen", "encoder as pretrained"),
        Treatment("online", "online, beta annealed, new frames only", _annealed),
        Treatment("online_mixed", "online, beta annealed, half old frames", _annealed, mixed=True),
        Treatment("online_constant", "online, beta constant, half old frames", _constant, True),
        Treatment(
            "online_hardened", "online, recoloured, half old frames", None, True, Hardening()
        ),
    )
}
