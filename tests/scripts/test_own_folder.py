"""No evaluation overwrites another one, and the same one again is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import compare, train, transfer
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.evaluate import command as evaluate
from bvae_rl.scripts.own_folder import left_out, own_folder, refuse_other_study
from bvae_rl.scripts.study import StudyArgs
from tests.row_cases import ROW

PICTURES = ("minigrid.wrappers:RGBImgObsWrapper", "minigrid.wrappers:ImgObsWrapper")
PLAIN = EnvArgs("MiniGrid-Empty-8x8-v0", PICTURES)
WITH_FACTORS = replace(PLAIN, wrappers=("bvae_rl.envs.grid.world:MiniGridWorld",))
KIND: dict[str, str] = {"file": "made.json", "what": "a study"}


def folder_of(out: Path | None, default: Path, **settings: Any) -> str:
    run = own_folder(out, default, settings, **KIND)
    run.write_file("result", "here")
    return run.folder.name


def test_other_settings_get_another_folder_and_the_same_ones_the_same(tmp_path: Path) -> None:
    default = tmp_path / "study"
    assert folder_of(None, default, seed=0) == "study"
    assert folder_of(None, default, seed=1, scale=0.5) == "study-2"
    assert folder_of(None, default, seed=0) == "study"
    assert folder_of(None, default, seed=1, scale=0.5) == "study-2"
    (tmp_path / "study-3").mkdir()
    (tmp_path / "study-3" / "notes.txt").write_text("mine")
    assert folder_of(None, default, seed=2) == "study-4"
    unfinished = own_folder(None, default, {"seed": 3}, **KIND)  # left nothing: is used again
    assert unfinished.folder.name == folder_of(None, default, seed=4) == "study-5"


def test_a_named_folder_is_taken_or_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert folder_of(out, tmp_path, seed=0) == folder_of(out, tmp_path, seed=0) == "out"
    with pytest.raises(ValueError, match=r"holds a study made with other settings \(seed 0, not 1"):
        folder_of(out, tmp_path, seed=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scores.json").write_text("{}")
    with pytest.raises(ValueError, match=r"holds other files \(scores.json\)"):
        folder_of(tmp_path / "other", tmp_path, seed=0)


def test_evaluations_with_and_without_factors_stand_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = VAEConfig(shape=(3, 64, 64), latent_dim=3, channels=(4, 4, 4), hidden=8)
    BetaVAE(small).save(tmp_path / "vae")
    args = evaluate.Args(
        "vae", world=PLAIN, samples=64, on_policy=0, references=False,
        scoring=evaluate.ScoreArgs((), replicates=0, fit_steps=2),
    )  # fmt: skip
    first = evaluate.main(args)
    assert first.out == Path("runs/evaluate/vae-MiniGrid-Empty-8x8-v0") and first.scores == {}
    kept = (first.out / "scores.json").read_bytes()
    scored = evaluate.main(replace(args, world=WITH_FACTORS))
    assert scored.out.name == f"{first.out.name}-2" and list(scored.scores) == ["vae"]
    assert (first.out / "scores.json").read_bytes() == kept
    assert not (first.out / "results.json").exists()
    assert f"wrote {scored.out}" in capsys.readouterr().out
    again = evaluate.main(args)
    assert again.out == first.out and again.metrics == first.metrics
    with pytest.raises(ValueError, match=r"made with other settings \(samples 64, not 65\)"):
        evaluate.main(replace(args, samples=65, out=first.out))
    assert Run(first.out).read_json("evaluation.json")["seed"] == 0


def test_a_study_keeps_out_of_the_results_of_another(tmp_path: Path) -> None:
    run = Run(tmp_path)
    refuse_other_study(run, "compare")
    run.write_rows([replace(ROW, study="adapt-ood1")])
    refuse_other_study(run, "adapt")
    for study in ("compare", "transfer"):
        with pytest.raises(ValueError, match=r"another study, adapt-ood1; choose another folder"):
            refuse_other_study(run, study)


def test_what_results_lose_is_said() -> None:
    rows = [
        replace(ROW, method=method, agent_seed=seed, domain=domain)
        for method in ("bvae", "state")
        for seed in (0, 1)
        for domain in ("source", "ood1")
    ]
    assert left_out(rows, rows) == left_out([], rows) == ""
    assert left_out(rows, [row for row in rows if row.method != "state"]) == "state"
    assert left_out(rows, [row for row in rows if row.agent_seed]) == "seed 0"
    assert left_out(rows, [row for row in rows if row.domain != "ood1"]) == "ood1"


def test_results_go_into_no_store_and_no_vae(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    quick = StudyArgs(total_timesteps=8, seeds=(0,))
    for main in (
        lambda: compare.main(compare.Args(methods=("state",), study=quick, out=tmp_path)),
        lambda: transfer.main(transfer.Args(methods=("state",), study=quick, out=tmp_path)),
        lambda: train.main(train.Args(method="state", total_timesteps=8, out=tmp_path)),
    ):
        with pytest.raises(ValueError, match=r"holds other files \(notes.txt\)"):
            main()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
