"""What each setting of a hardening does follows from the values beside it."""

from __future__ import annotations

from bvae_rl.runtime.runs import Run
from tests.result_cases import RESULTS, each, text

PAGE = "hardening/settings.md"
TEACHER = "views_interventions_room"


def test_every_cell_follows_from_the_values() -> None:
    section = text(PAGE).partition("*As it comes*")[0]
    rows = Run(RESULTS).rows("hardening_ablations.json")
    found = {(row.method, row.metric, row.domain, row.vae_seed): row.value for row in rows}
    student = f"{TEACHER}_hardened:steps="
    names = [TEACHER, f"{student}12000", *(f"{student}{steps}000" for steps in (2, 4, 16))]
    changes = ("frequency=2", "frequency=8", "part=0", "clean=0", "latents=all")
    names += [f"{student}12000,{change}" for change in changes]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    columns = [("mig/mean", "pretrain"), *(("score", at) for at in ("source", "ood1", "ood2"))]
    for name, line in zip(names, lines, strict=True):
        cells = [part.strip() for part in line.split("|")[2:-1]]
        wanted = [[found[name, *column, seed] for seed in (10, 11, 12)] for column in columns]
        assert cells == [each(three) for three in wanted]
