"""How ``OnlineBetaVAE`` hardens: by default as the VAE was hardened before."""

from __future__ import annotations

import logging

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.hardening.distil import objective_for
from bvae_rl.training.hardening.report import HARDENED
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.distillation import InvarianceDistillation, statistics_of
from bvae_rl.training.schedules import Schedule

SETTINGS = ("latents", "clean", "strength", "frequency", "part")  # of a hardening's objective

logger = logging.getLogger(__name__)


def check_harden(harden: Hardening | None, beta: Schedule | float | None) -> None:
    """ValueError or TypeError for a hardening that cannot take place under an agent."""
    if harden is None:
        return
    if beta is not None:
        raise ValueError("beta weighs the Beta-VAE's loss, which harden= replaces: give one")
    if not isinstance(harden, Hardening):
        raise TypeError(
            f"harden is a Hardening, got {harden!r}; write Hardening(against=('colour',))"
        )
    if harden.steps is not None:
        raise ValueError(
            f"Hardening(steps={harden.steps}) are those of a last phase; online train_freq and "
            "FineTuneConfig(gradient_steps=...) say how many there are: leave steps out"
        )
    if (harden.channels, harden.hidden) != (None, None):
        raise ValueError(
            f"Hardening(channels={harden.channels}, hidden={harden.hidden}) are a student's "
            "widths; online the agent's own encoder goes on: leave them out"
        )


def as_before(vae: BetaVAE, beta: Schedule | float | None) -> Hardening | None:
    """How ``vae``, which is hardened already, goes on where nobody says so."""
    against = tuple(vae.meta[HARDENED]["against"])
    if beta is None:
        how = vae.meta.get("training", {}).get("objective", {})
        return Hardening(against, **{name: how[name] for name in SETTINGS if name in how})
    logger.warning(
        "this VAE ignores %s, and the Beta-VAE's loss wears that off: leave beta out, and it is "
        "hardened online, too; or keep it frozen", ", ".join(against),
    )  # fmt: skip
    return None


def distillation_of(harden: Hardening, vae: BetaVAE) -> InvarianceDistillation:
    """What trains ``vae`` then; ValueError for one that was never trained."""
    statistics_of(vae)  # no store is at hand to measure them on
    return objective_for(harden, vae)
