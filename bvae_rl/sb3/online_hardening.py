"""How ``OnlineBetaVAE`` hardens: by default as the VAE was hardened before."""

from __future__ import annotations

import logging

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.hardening.distil import objective_for
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.distillation import InvarianceDistillation, statistics_of
from bvae_rl.training.schedules import Schedule

logger = logging.getLogger(__name__)


def as_before(against: tuple[str, ...], beta: Schedule | float | None) -> Hardening | None:
    """How a VAE that is hardened ``against`` something goes on where nobody says so."""
    if beta is None:
        return Hardening(against)
    logger.warning(
        "this VAE ignores %s, and the Beta-VAE's loss wears that off: leave beta out, and it is "
        "hardened online, too; or keep it frozen", ", ".join(against),
    )  # fmt: skip
    return None


def distillation_of(harden: Hardening, vae: BetaVAE) -> InvarianceDistillation:
    """What trains ``vae`` then; ValueError for one that was never trained."""
    statistics_of(vae)  # no store is at hand to measure them on
    return objective_for(harden, vae)
