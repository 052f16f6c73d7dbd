"""The table of objectives: complete rows, what is refused, and the page that shows it."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import objectives
from bvae_rl.scripts.pretrain.args import Args, LossArgs, check, hyperparameters
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.recipes.table import recipe

PAGE = Path(__file__).resolve().parents[2] / "docs" / "objectives.md"


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("preset", ["tuned", "paper"])
def test_every_objective_is_made_from_its_hyperparameters(name: str, preset: str) -> None:
    row = entry(name)
    assert set(row.tuned) <= set(row.paper)
    assert all((row.source, row.purpose, row.advice, row.cost))
    assert row.make(row.hyperparameters(preset, {}), Annealing(100)).name == name


SCHEDULED = {
    entry.objective: [item.name for item in fields(entry.objective) if item.type == "Schedule"]
    for entry in OBJECTIVES.values()
}


def test_most_objectives_have_schedules() -> None:
    assert sum(map(bool, SCHEDULED.values())) >= 9


@pytest.mark.parametrize("objective", [made for made, names in SCHEDULED.items() if names])
def test_a_number_for_a_schedule_is_refused_at_once(objective: Any) -> None:
    needed = {item.name: 2.0 for item in fields(objective) if item.init and item.default is MISSING}
    says = rf"^\w+ of {objective.__name__} is a schedule .* write Constant\(2.0\)"
    with pytest.raises(TypeError, match=says):
        objective(**needed)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown objective 'gan'; known: beta, capacity"):
        entry("gan")
    with pytest.raises(ValueError, match=r"tc has no hyperparameter delta; it has: alpha \(1\), "):
        entry("tc").hyperparameters("paper", {"delta": 1.0})
    with pytest.raises(ValueError, match="unknown preset 'best'; known: tuned, paper"):
        entry("tc").hyperparameters("best", {})


def test_given_hyperparameters_win_over_tuned_over_paper() -> None:
    row = entry("beta")
    assert row.hyperparameters("paper", {}) == {"beta": 4.0}
    assert row.hyperparameters("tuned", {}) == {"beta": 1.0}
    assert row.hyperparameters("tuned", {"beta": 3.0}) == {"beta": 3.0}


def test_ramps_lie_within_the_training() -> None:
    annealing = Annealing(100)
    ramp = annealing.between(0.2, 0.6)
    assert [ramp(step) for step in (0, 20, 40, 60, 99)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    with pytest.raises(ValueError, match=r"start=0\.6 and full=0\.2"):
        annealing.between(0.6, 0.2)


def test_the_page_shows_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- bvae-rl objectives --markdown -->\n", "\n<!-- end -->"
    assert text.partition(begin)[2].partition(end)[0] == objectives.page()


def test_the_command_prints_every_objective(capsys: pytest.CaptureFixture[str]) -> None:
    objectives.main(objectives.Args())
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in OBJECTIVES)


def test_contradicting_arguments_are_refused(tmp_path: Path) -> None:
    twice = LossArgs(objective="tc", beta=3.0, set=("beta=5",))
    named = Args.of(recipe="plain:recon_weight=20", recon_weight=30.0)
    with pytest.raises(ValueError, match="recon_weight is given twice, by --recipe plain:recon_w"):
        check(named)
    with pytest.raises(ValueError, match="given twice, as --beta 3 and --set beta=5"):
        hyperparameters(twice)
    with pytest.raises(ValueError, match="got content_dim -4 and style_dim 8"):
        replace(recipe("plain"), content_dim=-4).make_config(FrameStore(tmp_path))


def test_costs_are_those_that_were_measured() -> None:
    figures = Run(PAGE.parent / "results").read_json("bench_objectives.json")["figures"]
    for name, row in OBJECTIVES.items():
        measured = median(figures[f"{name} / beta"]["rounds"])
        assert row.cost == pytest.approx(measured, abs=0.06), name
