"""The VAE of a unit of ``bvae-rl evidence``: trained, hardened, and its state read elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.rows import Row
from bvae_rl.scripts.common import command_line
from bvae_rl.scripts.evaluate.args import Args as EvaluateArgs
from bvae_rl.scripts.evaluate.args import ScoreArgs
from bvae_rl.scripts.evaluate.more import GENERALISATION, TESTED, generalised
from bvae_rl.scripts.evaluate.rows import score_row
from bvae_rl.scripts.evidence.args import Args
from bvae_rl.scripts.evidence.units import Unit, pretraining, row_of, store_of
from bvae_rl.scripts.harden.command import shows
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.study import EVALUATION_SEED
from bvae_rl.training.hardening.distil import distil
from bvae_rl.training.hardening.settings import train_of_phase

VAE = "vae"  # its folder in that of the unit


def vae_of(one: Unit, args: Args, *, progress: Callable[[float], None]) -> BetaVAE:
    """The VAE of a row and seed, in the unit's folder; what is there already is kept.

    What it hardens is the VAE of the row that is not hardened, in that one's folder.
    """
    assert one.seed is not None
    row, out = row_of(one.name), folder_of(one, args)
    settings = pretraining(row, one.seed, args, out, store=store_of(one.name, args))
    if row.harden is None or one.teacher is None:
        return pretrain.main(settings, on_progress=progress)
    teacher = vae_of(one.teacher, args, progress=lambda done: None)
    assert settings.store is not None
    steps = row.harden.batches(settings.steps)
    return distil(
        row.harden.objective(teacher), FrameStore.existing(settings.store), out,
        row.harden.student(teacher.config), steps=steps, seed=one.seed,
        train=train_of_phase(settings.train), command=command_line(),
        callbacks=[shows(steps, progress)],
    )  # fmt: skip


def teach(one: Unit, args: Args, *, progress: Callable[[float], None]) -> None:
    """``vae_of`` for a worker, where a teacher is trained and no row of the table."""
    vae_of(one, args, progress=progress)


def folder_of(one: Unit, args: Args) -> Path:
    """Of the unit's VAE."""
    return args.out / one.folder / VAE


def state_rows(name: str, vae: BetaVAE, args: Args) -> list[Row]:
    """R2 of the state by a probe fitted in the agents' source, in that and each target.

    It sees the latents that agents see.
    """
    agents = args.agents
    if not agents.target:
        return []
    reading = EvaluateArgs(
        domain=agents.source, seed=EVALUATION_SEED, world=args.world,
        scoring=ScoreArgs((), other_domains=agents.target, fit_steps=args.fit_steps),
    )  # fmt: skip
    probe = probe_set(args.world.config(agents.source).make(), args.samples, seed=EVALUATION_SEED)
    tested = min(TESTED, args.samples)
    found = generalised({name: vae}, probe, reading, tested=tested)
    return [
        score_row(
            name, GENERALISATION, found[f"{name}/{GENERALISATION}/{domain}"], tested,
            args.world.config(domain), EVALUATION_SEED, vae,
        )
        for domain in (agents.source, *agents.target)
    ]  # fmt: skip
