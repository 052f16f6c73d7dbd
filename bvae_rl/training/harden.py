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
from dataclasses import replace
from pathlib import Path

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import as_store, is_environment, shape_of
from bvae_rl.models.digest import taught_by
from bvae_rl.models.hub import VAE, load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO, VAEConfig
from bvae_rl.models.widened import widened
from bvae_rl.plots import png
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.talking import talking
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.batches import Rows
from bvae_rl.training.decoded import latent_names
from bvae_rl.training.given import check_given
from bvae_rl.training.hardenable import (
    refuse_misfit,
    refuse_own_folder,
    refuse_start,
    refuse_still,
    with_earlier,
)
from bvae_rl.training.hardened import HARDENED, WARNING, Report, hardened_sentences, report
from bvae_rl.training.hardening import CLEAN, Hardening
from bvae_rl.training.idle import FIRST_LOOK
from bvae_rl.training.loop import check_run, train_vae
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.pictures import can_draw, write_vae_pictures
from bvae_rl.training.shown_frames import frames_to_show
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.variation_pictures import VARIED, variations_sheet
from bvae_rl.training.watch import Callback

STEPS, LEARNING_RATE = 12_000, 4e-3
MAX_GRAD_NORM = 1.0  # a usual one: without a bound some trainings break down at this learning rate
SHOWN = 8  # frames in the picture of the variations

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
            "train=train_of_phase(TrainConfig(...)) of bvae_rl.training.harden has the bound of %g "
            "and the learning rate of %g that they were tuned with (--max-grad-norm, "
            "--learning-rate)", train.max_grad_norm, MAX_GRAD_NORM, LEARNING_RATE,
        )  # fmt: skip
    with talking(verbose):
        return distil(
            objective, store, Path(out), config, steps=steps, seed=seed,
            train=train or train_of_phase(None), start=begun,
            command=command, callbacks=callbacks,
        )  # fmt: skip


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


def train_of_phase(train: TrainConfig | None) -> TrainConfig:
    """How the phase after a pretraining with ``train`` is optimised."""
    given = train or TrainConfig()
    return replace(given, learning_rate=LEARNING_RATE, max_grad_norm=MAX_GRAD_NORM)


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
