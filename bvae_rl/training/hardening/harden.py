"""``bvae_rl.harden``: a trained VAE learns to ignore what the state does not depend on.

    vae = bvae_rl.harden("runs/vae", "runs/frames", out="runs/hardened", against=["colour"])

No labels, no pairs, no second appearance: the VAE is the teacher, and a copy of its encoder learns
to give the teacher's code of the clean frame from one that was recoloured, moved or otherwise
varied (``objectives/distillation.py``). What it says of the state survives; what only the variation
tells averages out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import as_store, is_environment, shape_of
from bvae_rl.models.hub import VAE, load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO
from bvae_rl.runtime.talking import talking
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.given import check_given
from bvae_rl.training.hardening.checks import (
    refuse_misfit,
    refuse_own_folder,
    refuse_start,
    refuse_still,
)
from bvae_rl.training.hardening.distil import distil, objective_for
from bvae_rl.training.hardening.settings import (
    CLEAN,
    LEARNING_RATE,
    MAX_GRAD_NORM,
    STEPS,
    Hardening,
    train_of_phase,
)
from bvae_rl.training.loop import check_run
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.watch import Callback

logger = logging.getLogger(__name__)


def harden(
    vae: VAE,
    source: FrameStore | str | Path | np.ndarray,
    *,
    out: str | Path,
    against: Sequence[str] = ("colour",),
    latents: str = AUTO,
    clean: int = CLEAN,
    strength: float = 1.0,
    frequency: float = FREQUENCY,
    part: float = PART,
    steps: int = STEPS,
    seed: int = 0,
    train: TrainConfig | None = None,
    start: VAE | None = None,
    channels: Sequence[int] | None = None,
    hidden: int | None = None,
    command: str = "",
    callbacks: Sequence[Callback] = (),
    verbose: int = 1,
    allow_state: bool = False,
) -> BetaVAE:
    """Harden ``vae`` on frames of ``source`` into ``out``; called again, it resumes or returns it.

    Args:
        vae: the teacher: a ``BetaVAE``, its folder or name. If it is hardened already, the new
            variations are added to those that it ignores.
        source: frames as the teacher saw them: a ``FrameStore`` or its folder, or uint8 frames
            (N, H, W, C). One appearance is enough.
        out: folder of the hardened VAE, like any other; its ``config.json`` says under "hardened"
            what every latent kept.
        against: what the state does not depend on, of ``augment.variations``: colour, light,
            texture, noise, camera, distractors, background.
        latents: which latents are learned from varied frames: "auto", which is the content group
            where there is one, else all.
        clean: frames a batch from which all latents are learned as they are, too.
        strength: of the variations: 1 as they were tuned, 0 none, 2 the most.
        frequency: of the colour maps in rad, above 0: low ones bend colours gently.
        part: share of the colour maps that leaves some colours as they are, from 0 to 1.
        steps: batches, at least 1.
        seed: of batches and variations.
        train: batch size, device and the like, taken as it is; by default a learning rate of 4e-3
            and a gradient's norm of at most 1, which ``train_of_phase`` gives to any other.
        start: a VAE whose weights the student begins with, of the student's widths, such as one
            that was hardened before; by default the teacher's.
        channels: three widths of the student's convolutions, none below the teacher's, which are
            the default. A policy of pictures takes no wider encoder.
        hidden: width of the student's linear layers, likewise.
        command: kept in the saved config.
        callbacks: called with (step, vae, metrics) at each row of the log.
        verbose: 1 says on standard error what is done and what was kept; 0 only warnings.
        allow_state: go on where the name of a state factor says that a variation changes it.

    Returns:
        The hardened VAE, with the decoder of the teacher, and the statistics of the teacher's
        latents: it gives the same codes on the same scale, so that it fits under policies that
        were trained on the teacher's.

    Raises:
        ValueError: for unknown variations, those that the frames cannot show (colour of grey ones)
            or that a state factor is named after, a teacher without active latents or of another
            size, and a folder that holds another training.
        RunError: while another process trains into ``out``.
    """
    steps, seed = check_run(steps, seed)
    check_given(train=train, callbacks=callbacks)
    if is_environment(source):
        raise ValueError(
            f"harden takes frames, and {source!r} is an environment: collect them first, "
            f'bvae_rl.collect({source!r}, "runs/frames"), or let pretrain do both'
        )
    teacher = load_vae(vae)
    refuse_own_folder(teacher, out)
    against = (against,) if isinstance(against, str) else tuple(against)
    chosen = Hardening(
        against, latents=latents, clean=clean, strength=strength, frequency=frequency, part=part,
        channels=channels, hidden=hidden,
    )  # fmt: skip
    if isinstance(source, np.ndarray):  # before they are written
        refuse_misfit(chosen, teacher, shape_of(source))
    config = chosen.student(teacher.config)
    begun = None if start is None else load_vae(start)
    refuse_start(begun, config)
    store = as_store(source, Path(out) / "frames", frames=0, seed=seed)
    objective = objective_for(
        chosen, teacher, shape=store.shape, specs=store.factor_specs, allow_state=allow_state
    )
    refuse_still(objective, store)
    if train is not None and train.max_grad_norm > MAX_GRAD_NORM:
        logger.warning(
            "the gradient's norm is bounded by %g, with which some hardenings break down: "
            "train=train_of_phase(TrainConfig(...)) of bvae_rl.training.hardening has the bound of "
            "%g and the learning rate of %g that they were tuned with (--max-grad-norm, "
            "--learning-rate)", train.max_grad_norm, MAX_GRAD_NORM, LEARNING_RATE,
        )  # fmt: skip
    with talking(verbose):
        return distil(
            objective, store, Path(out), config, steps=steps, seed=seed,
            train=train or train_of_phase(None), start=begun,
            command=command, callbacks=callbacks,
        )  # fmt: skip
