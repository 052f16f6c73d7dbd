"""Hardened rows of ``bvae-rl evidence``, rows on other frames, and rows with changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts import collect
from bvae_rl.scripts.evidence import command as evidence
from bvae_rl.scripts.evidence.args import AgentArgs
from bvae_rl.scripts.evidence.tables import hardenings
from bvae_rl.scripts.evidence.units import Unit, known_of, units_of
from bvae_rl.scripts.evidence.vaes import state_rows, vae_of

CHANGED = "plain_hardened:frames=alone,steps=5,clean=0,student_hidden=264"
PAIRED = "views_interventions_hardened"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bvae_rl.training.hardening.report.PROBE_STEPS", 10)


@pytest.fixture(scope="module")
def args(tmp_path_factory: pytest.TempPathFactory) -> evidence.Args:
    root = tmp_path_factory.mktemp("evidence")
    both = collect.Args(
        out=root / "frames", frames=400, interventions=96, policy="independent", views=2,
        domain="pretrain",
    )  # fmt: skip
    alone = collect.Args(out=root / "source", frames=400, policy="independent", domain="source")
    for frames in (both, alone):
        collect.main(frames, on_progress=lambda fraction: None)
    return evidence.Args(
        both.out, recipes=(CHANGED, PAIRED), frames=(f"alone={alone.out}",), seeds=(1,), steps=12,
        samples=200, fit_steps=10, out=root / "out", workers=1,
        agents=AgentArgs(target=("ood2",), total_timesteps=0),
    )  # fmt: skip


def test_a_hardened_row_goes_on_from_the_vae_of_the_row_that_is_not(
    args: evidence.Args, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evidence.main(args)
    said = capsys.readouterr().out
    page = (args.out / "evidence.md").read_text(encoding="utf-8")
    for text in (said, page):
        assert "that colour is appearance (frames: alone)" in text and "R2 of state, ood2" in text
        assert "plain:frames=alone, then 5 batches against colour" in text
    assert {row.method.partition("/")[0] for row in result.rows} == {CHANGED, PAIRED}
    rows = {(row.method, row.metric, row.domain): row for row in result.rows}
    assert rows[PAIRED, "generalisation", "ood2"].vae_seed == 1
    assert rows[PAIRED, "mig/mean", "pretrain"].value <= 1.0

    folders = {name: args.out / Unit(name, 1).folder / "vae" for name in args.recipes}
    before = args.out / "views_interventions-seed1" / "vae"
    teacher, vae = BetaVAE.load(before), BetaVAE.load(folders[PAIRED])
    assert vae.meta["hardened"]["teacher"] == teacher.identity()
    assert vae.meta["hardened"]["latents"] == "content"
    assert (teacher.meta["training"]["steps"], vae.meta["training"]["steps"]) == (12, 6)
    wide = BetaVAE.load(folders[CHANGED])
    other, hidden = wide.meta["training"], wide.config.hidden
    assert (vae.config.hidden, hidden) == (256, 264)
    assert other["steps"] == 5 and other["objective"]["clean"] == 0
    assert other["store"]["domain"] == "source"

    stamp = (before / "model.safetensors").stat().st_mtime_ns
    vae_of(Unit("views_interventions", 1), args, progress=lambda done: None)
    assert (before / "model.safetensors").stat().st_mtime_ns == stamp  # trained once

    last = vae.encoder[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight[vae.slice_of("style")] = 0.0
    read = {row.domain: row.value for row in state_rows(PAIRED, vae, args)}
    assert read["ood2"] == rows[PAIRED, "generalisation", "ood2"].value  # of the content alone


def test_a_teacher_is_one_task_that_comes_first(args: evidence.Args) -> None:
    asked = replace(
        args, recipes=("plain_hardened", "plain_hardened:frequency=2", "plain"), frames=(),
        seeds=(1, 2),
    )  # fmt: skip
    tasks = evidence.tasks_of(list(units_of(asked).values()), asked)
    names = [task.name for task in tasks]
    assert names[:3] == ["plain-seed1", "plain_hardened-seed1", "plain_hardened-frequency=2-seed1"]
    assert len(names) == 6 and tasks[4].after == ("plain-seed2",)
    alone = replace(asked, recipes=("plain_hardened",), seeds=(1,))
    tasks = evidence.tasks_of(list(units_of(alone).values()), alone)
    assert [(task.name, task.function.__name__) for task in tasks] == [
        ("plain-seed1", "teach"), ("plain_hardened-seed1", "measure"),
    ]  # fmt: skip


def test_units_of_earlier_runs_keep_their_identity(args: evidence.Args) -> None:
    plain = Unit("plain", 1).config(replace(args, beside=("pixels",)))
    assert plain == Unit("plain", 1).config(replace(args, frames=(), recipes=("plain",)))
    assert "harden" not in plain["recipe"] and "frames" not in plain["settings"]
    hardened = Unit("plain_hardened", 1).config(replace(args, recipes=("plain_hardened",)))
    assert {"channels", "hidden"} & {*hardened["recipe"]["harden"].identity()} == set()
    changed = Unit("plain:frames=alone", 1).config(args)
    assert changed["settings"]["store"]["domain"] == "source"


def test_what_a_row_knows_and_how_it_was_hardened() -> None:
    assert known_of("plain_hardened") == "that colour is appearance"
    assert known_of("views_hardened:against=camera+light") == (
        "one state in two appearances; that camera, light are appearance"
    )
    assert known_of("pixels_randomised") == "appearances of ood1"
    args = evidence.Args(Path(), recipes=("plain", "plain_hardened:frequency=2,part=0"), steps=100)
    (line,) = hardenings(args)
    assert (
        "plain, then 50 batches against colour of frequency 2 with part 0 (latents: content" in line
    )
    wide = "plain_hardened:student_channels=64+64+64,student_hidden=512"
    (line,) = hardenings(replace(args, recipes=(wide,)))
    assert line.endswith("clean frames a batch; a student of channels 64+64+64, hidden 512)")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipes": ("plain_hardened:student_hidden=8",)}, "fewer units than its teacher"),
        ({"recipes": ("plain:frames=other",)}, "give their store, --frames other=FOLDER"),
        ({"recipes": ("plain",)}, "no row is trained on --frames alone="),
        ({"recipes": ("views:frames=alone",)}, "recipe views:frames=alone: "),
        ({"recipes": ("plain_hardened:latents=content",), "frames": ()}, "latent group 'content'"),
        ({"beside": ("pixels",)}, "--total-timesteps 0 trains none"),
        ({"beside": ("pca",)}, "such as pixels, got pca"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    args: evidence.Args, changed: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        evidence.main(replace(args, out=tmp_path / "out", **changed))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
