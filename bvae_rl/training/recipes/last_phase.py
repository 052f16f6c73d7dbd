"""The last phase of a pretraining: what its VAE is hardened against, if anything."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from bvae_rl.data.factors import FactorSpec
from bvae_rl.models.vae import read_config
from bvae_rl.models.vae_config import AUTO, ChannelOrder
from bvae_rl.runtime.runs import CONFIG_FILE
from bvae_rl.training.augment.variations import named
from bvae_rl.training.hardening.checks import refuse
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.recipe import Recipe

DEFAULT, NONE = ("colour",), "none"
TEACHER = "teacher"  # folder of the VAE before it
Asked = str | Sequence[str] | Hardening

logger = logging.getLogger(__name__)


def phase(
    asked: str | Sequence[str],
    shape: tuple[int, int, int],
    specs: Sequence[FactorSpec],
    *,
    channel_order: ChannelOrder = "RGB",
) -> tuple[str, ...]:
    """What a pretraining on frames of ``shape`` (C, H, W) is hardened against at its end.

    ``asked``: names of variations, "none", or "auto": ``DEFAULT`` where the frames show it and no
    state factor is named after it, which is said where it is not so.

    Raises ValueError for unknown names, and for variations that are asked for and cannot be.
    """
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    _refuse_mixed(names)
    if names == (NONE,):
        return ()
    if names != (AUTO,):
        refuse(names, shape, specs, channel_order=channel_order)
        return tuple(row.name for row in named(names))
    try:
        refuse(DEFAULT, shape, specs, channel_order=channel_order)
    except ValueError as error:
        logger.info("not hardened: %s", error)
        return ()
    return DEFAULT


def _refuse_mixed(names: Sequence[str]) -> None:
    if len(names) > 1 and {NONE, AUTO} & {*names}:
        raise ValueError(f"harden takes {AUTO}, {NONE} or variations, got {', '.join(names)}")


def asked_of(recipe: Recipe | None, harden: str | Sequence[str]) -> Asked:
    """The last phase that ``recipe`` has, else ``harden``, "auto" and "none" as such.

    ValueError where both say something, and for unknown variations.
    """
    names = (harden,) if isinstance(harden, str) else tuple(harden)
    alone = names[0] if len(names) == 1 and names[0] in (AUTO, NONE) else None
    if recipe is None or recipe.harden is None:
        _refuse_mixed(names)
        if alone is None:
            named(names)
        return alone or names
    if alone != AUTO:
        raise ValueError(
            f"recipe {recipe.name} says at its end what the VAE is hardened against; leave harden "
            f"(--harden) out, or take the recipe {RecipeName.parse(recipe.name).teacher}"
        )
    return recipe.harden


def last_phase(
    asked: Asked,
    shape: tuple[int, int, int],
    specs: Sequence[FactorSpec],
    *,
    channel_order: ChannelOrder = "RGB",
) -> Hardening | None:
    """The phase that ends a pretraining, if there is one; else as ``phase``."""
    if isinstance(asked, Hardening):
        refuse(asked.against, shape, specs, channel_order=channel_order)
        return asked
    against = phase(asked, shape, specs, channel_order=channel_order)
    return Hardening(against) if against else None


def refuse_unhardened(out: Path) -> None:
    """ValueError, before the teacher is trained, where ``out`` holds a VAE without the phase."""
    if _hardened(out) is False:
        raise ValueError(
            f"{out} holds a VAE that is not hardened; go on with it or take it with harden='none' "
            f"(--harden none), harden it into another folder (bvae-rl harden {out} ...), or choose "
            "another folder"
        )


def refuse_hardened(out: Path, objective: str) -> None:
    """ValueError where ``out`` holds a VAE with the phase, and ``objective`` is another."""
    if objective != InvarianceDistillation.name and _hardened(out):
        there = out / TEACHER
        before = f"; the VAE before that is {there}" if (there / CONFIG_FILE).exists() else ""
        raise ValueError(
            f"{out} holds a VAE that is hardened{before}; take it as it is "
            "(bvae_rl.from_pretrained), or choose another folder for one that is not"
        )


def _hardened(out: Path) -> bool | None:
    """Whether the VAE in ``out`` is; None where there is no VAE."""
    if not (out / CONFIG_FILE).exists():
        return None
    objective = read_config(out).get("training", {}).get("objective") or {}
    return bool(objective.get("name") == InvarianceDistillation.name)
