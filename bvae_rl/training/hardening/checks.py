"""What can be hardened, and against what: checked before a step of training is taken."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import ChannelOrder, VAEConfig
from bvae_rl.runtime.identity import changed, identity
from bvae_rl.training.augment.variations import named, refuse_unfit
from bvae_rl.training.batches.batch import frames_at
from bvae_rl.training.hardening.report import HARDENED
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.validation import moving, posterior_means, spread

logger = logging.getLogger(__name__)


def refuse_misfit(
    hardening: Hardening,
    teacher: BetaVAE,
    shape: tuple[int, int, int],
    specs: Sequence[FactorSpec] = (),
    *,
    allow_state: bool = False,
) -> None:
    """ValueError where frames of ``shape`` (C, H, W) cannot harden ``teacher`` in this way."""
    refuse_size(teacher, shape)
    refuse(
        hardening.against, shape, specs, allow_state=allow_state,
        channel_order=teacher.config.channel_order,
    )  # fmt: skip
    refuse_inactive(teacher)


def refuse_own_folder(teacher: BetaVAE, out: str | Path) -> None:
    """ValueError where the student would be written over its teacher."""
    if teacher.folder is not None and teacher.folder.resolve() == Path(out).resolve():
        raise ValueError(f"{out} is the teacher itself; give another out (--out)")


def refuse_start(start: BetaVAE | None, config: VAEConfig) -> None:
    """ValueError where a student of ``config`` cannot begin with the weights of ``start``."""
    if start is None or start.config == config:
        return
    if replace(start.config, channels=config.channels, hidden=config.hidden) == config:
        channels, hidden = start.config.channels, start.config.hidden
        given = f"channels={channels}, hidden={hidden}"
        flags = f"--channels {' '.join(map(str, channels))} --hidden {hidden}"
        raise ValueError(
            f"the VAE to start from has other widths ({given}) than the student (channels="
            f"{config.channels}, hidden={config.hidden}): leave start (--start) out, or, where "
            f"the teacher's are no larger, give the student its widths, {given} ({flags})"
        )
    differ = "; ".join(changed(identity(start.config), identity(config)))
    raise ValueError(
        f"the VAE to start from has another config than the teacher ({differ}): start from one "
        "that was hardened from it, or leave start (--start) out"
    )


def refuse_inactive(teacher: BetaVAE) -> None:
    """ValueError for a VAE none of whose latents carries anything, as far as it knows itself."""
    known = teacher.statistics()
    if known is not None:
        _refuse_inactive(teacher, np.asarray(known[1]))


def refuse_still(objective: InvarianceDistillation, store: FrameStore) -> None:
    """ValueError where none of the latents that are to be learned tells frames of ``store`` apart.

    Whatever the teacher knows of itself.
    """
    teacher = objective.teacher
    x = frames_at(store, spread(np.arange(len(store))))
    columns = teacher.slice_of(objective.latents)
    codes, known = posterior_means(teacher, x)[:, columns], teacher.statistics()
    if len(codes) > 1:  # one frame is too few in any case
        before = None if known is None else np.asarray(known[1][columns])
        _refuse_inactive(teacher, codes.std(0).numpy(), before=before)


def _refuse_inactive(
    teacher: BetaVAE, std: np.ndarray, *, before: np.ndarray | None = None
) -> None:
    """``std`` (D,) of latents over some frames, ``before`` over those of the training."""
    if moving(teacher, torch.from_numpy(std**2)).any():
        return
    if before is not None and moving(teacher, torch.from_numpy(before**2)).any():
        raise ValueError(
            f"all {len(std)} latents of the teacher hardly vary on these frames (standard "
            f"deviations up to {std.max():.2g}; on those of its training up to "
            f"{before.max():.2g}): give frames like those that it was trained on"
        )
    raise ValueError(
        f"all {len(std)} latents of the teacher are inactive (standard deviations up to "
        f"{std.max():.2g}), so there is nothing to learn from it: train it for longer, or "
        "with a lower beta"
    )


def refuse_size(teacher: BetaVAE, shape: Sequence[int]) -> None:
    """ValueError for frames of another ``shape`` (C, H, W) than ``teacher`` takes."""
    if tuple(shape) != teacher.shape:
        channels, height, width = teacher.shape
        colours = {1: "grey", 3: "in colour"}.get(channels, f"of {channels} channels")
        flag = " --grey" if channels == 1 else ""
        raise ValueError(
            f"these are frames of (C, H, W) = {tuple(shape)}, the VAE takes {teacher.shape}: give "
            f"frames as it was trained on, {height}x{width} and {colours} "
            f"(bvae-rl collect --size {height} {width}{flag}, bvae_rl.collect(..., "
            f"size=({height}, {width}){', grey=True' if flag else ''}))"
        )


def with_earlier(teacher: BetaVAE, against: str | Sequence[str]) -> tuple[str, ...]:
    """``against`` with what ``teacher`` ignores already, in the order in which it is applied."""
    new = [row.name for row in named([against] if isinstance(against, str) else against)]
    before = teacher.meta.get(HARDENED, {}).get("against", [])
    found = tuple(row.name for row in named([*before, *new]))
    if before:
        logger.warning(
            "this VAE is hardened against %s already; its training goes on with %s",
            ", ".join(before), ", ".join(found),
        )  # fmt: skip
    return found


def refuse(
    against: Sequence[str],
    shape: tuple[int, int, int],
    specs: Sequence[FactorSpec],
    *,
    allow_state: bool = False,
    channel_order: ChannelOrder = "RGB",
) -> None:
    """ValueError for variations that frames cannot show, or that a state factor is named after."""
    rows = named(against)
    refuse_unfit(rows, shape, channel_order=channel_order)
    if allow_state:
        return
    for row in rows:
        told = [
            spec.name
            for spec in specs
            if spec.role == "state" and {*row.words} & {*_words(spec.name)}
        ]
        if told:
            raise ValueError(
                f"{row.name} is part of the state here: the factors call {', '.join(told)} state; "
                f"leave {row.name!r} out, or harden against it all the same: harden(..., "
                "allow_state=True) (bvae-rl harden --allow-state)"
            )


def _words(name: str) -> list[str]:
    """The words of a factor's name, in lower case and the singular: "keyColours" as key, colour."""
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [word.lower().removesuffix("s") for word in found]
