"""The training of a student by its teacher, and what is measured and drawn of it.

A pretraining ends with it, ``harden`` and the commands are nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.digest import taught_by
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.models.widened import widened
from bvae_rl.plots import png
from bvae_rl.runtime.runs import Run
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.hardening.checks import refuse_misfit, with_earlier
from bvae_rl.training.hardening.report import HARDENED, WARNING, Report, hardened_sentences, report
from bvae_rl.training.hardening.settings import STEPS, Hardening
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.pictures.decoded import latent_names
from bvae_rl.training.pictures.of_vae import can_draw, write_vae_pictures
from bvae_rl.training.pictures.shown_frames import frames_to_show
from bvae_rl.training.pictures.variations import VARIED, variations_sheet
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.verdict.idle import FIRST_LOOK
from bvae_rl.training.watch import Callback

SHOWN = 8  # frames in the picture of the variations

logger = logging.getLogger(__name__)


def objective_for(
    hardening: Hardening,
    teacher: BetaVAE,
    *,
    shape: tuple[int, int, int] | None = None,
    specs: Sequence[FactorSpec] = (),
    allow_state: bool = False,
) -> InvarianceDistillation:
    """What hardens ``teacher`` further, on frames of ``shape`` (C, H, W), by default its own.

    ValueError for a teacher without active latents and variations that do not fit (``refuse``).
    """
    every = replace(hardening, against=with_earlier(teacher, hardening.against))
    refuse_misfit(every, teacher, shape or teacher.shape, specs, allow_state=allow_state)
    return every.objective(teacher)


def distil(
    objective: InvarianceDistillation,
    store: FrameStore,
    out: Path,
    config: VAEConfig | None = None,
    *,
    steps: int,
    seed: int,
    train: TrainConfig,
    start: BetaVAE | None = None,
    command: str = "",
    callbacks: Sequence[Callback] = (),
) -> BetaVAE:
    """Train ``objective`` into ``out``, measure, draw, and say it; ``start``: as in ``harden``.

    ``config``: the student's, by default the teacher's.
    """
    teacher, named_so = objective.teacher, ", ".join(objective.against)
    if start is None:
        start = teacher if config in (None, teacher.config) else widened(teacher, config, seed=seed)
    logger.info(
        "hardening against %s: %d batches, %s latents, of %s", named_so, steps, objective.latents,
        teacher.folder or "a VAE in memory",
    )  # fmt: skip
    student = train_vae(
        store, config or teacher.config, objective, steps=steps, seed=seed, out=out,
        start=start, train=train, command=command, callbacks=callbacks,
    )  # fmt: skip
    if HARDENED not in student.meta:
        rows = Rows(store, validation=train.validation)
        teacher.cpu()  # as the student; the training had it on its device
        _finish(student, teacher, report(student, objective, store, rows, seed=seed))
    run = Run(out)
    if can_draw() and not run.path(VARIED).exists():
        shown = frames_to_show(store, validation=train.validation)
        write_vae_pictures(student, shown, out)
        sheet = variations_sheet(
            shown[:: -(-len(shown) // SHOWN)], objective.against, seed=seed,
            strength=objective.strength, frequency=objective.frequency, part=objective.part,
            channel_order=teacher.config.channel_order,
        )  # fmt: skip
        run.write_file(VARIED, png(sheet))
    for line in hardened_sentences(student.meta[HARDENED], latent_names(student)):
        logger.log(logging.WARNING if line.startswith(WARNING) else logging.INFO, line)
    if steps < FIRST_LOOK:
        logger.info("%s batches of hardening are a first look; %s are usual.", steps, f"{STEPS:,}")
    if teacher.folder is not None:
        ignored = ", ".join(teacher.meta.get(HARDENED, {}).get("against", ["nothing"]))
        logger.info("The VAE before that, which ignores %s, is %s.", ignored, teacher.folder)
    return student


def _finish(student: BetaVAE, teacher: BetaVAE, kept: Report) -> None:
    """Keep ``kept``, and the teacher's scale of the codes, with the VAE."""
    meta, before = student.meta, teacher.meta.get("statistics", {})
    scale = {name: before[name] for name in ("mean", "std") if name in before}
    meta["statistics"] = {**meta["statistics"], **scale}
    meta[HARDENED] = {
        **kept,
        "teacher": teacher.identity(),
        **taught_by(teacher),
        "training": teacher.meta.get("training", {}),
    }
    assert student.folder is not None
    student.save(student.folder)
