"""The tables of the five-seed study of hardening are what its values give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import interval, iqm

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
SEEDS = [10, 11, 12, 13, 14]
CHANGES = ("camera", "light", "texture", "distractors")
SCALE = ("blind", "state")
RECIPES = ("beta_late", "augment_interventions", "views_interventions_room")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return Run(RESULTS).rows("hardening_seeds.json")


def values(
    rows: Sequence[Row], start: str, metric: str, domain: str, seeds: Sequence[int] = SEEDS
) -> list[float]:
    """Of each seed, of the method whose name without its changes is ``start``."""
    found = {
        row.agent_seed if row.vae_seed is None else row.vae_seed: row.value
        for row in rows
        if (row.metric, row.domain) == (metric, domain)
        and row.method.partition(":")[0] == start
        and not row.method.endswith(("/content", "/style"))
    }
    assert found.keys() == set(seeds), (start, metric, domain)
    return [found[seed] for seed in seeds]


def cell(of_seeds: list[float]) -> str:
    bounds = interval(of_seeds)
    assert bounds is not None
    low, high = (f"{float(value):.2f}" for value in bounds)
    text = f"{float(iqm(of_seeds)):.2f} [{low}, {high}]"
    return text.replace("0.", ".").replace("-.00", ".00")


def test_every_cell_follows_from_the_values(rows: list[Row]) -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("### Five seeds")[2].partition("What each had seen")[0]
    labels = {name: f"`{name}`" for name in RECIPES}
    labels |= {f"{name}_hardened": f"`{name}`, **hardened**" for name in RECIPES}
    labels |= {
        "pixels": "raw pixels",
        "pixels_randomised": "raw pixels, trained in the colours of `ood1`",
    }
    every = "+".join(CHANGES)
    for start, label in labels.items():
        lines = [line for line in section.splitlines() if line.startswith(f"| {label} |")]
        first, *others = ([part.strip() for part in line.split("|")[2:-1]] for line in lines)
        score = [
            ("score", at) for at in ("source", "ood1", "ood2", f"ood1:{every}", f"ood2:{every}")
        ]
        coded = [("mig/mean", "pretrain"), ("dci/disentanglement", "pretrain")]
        wanted = score if start in ("pixels", "pixels_randomised") else [*coded, *score]
        assert first[-len(wanted) :] == [cell(values(rows, start, *of)) for of in wanted]
        for ood, shown in zip(("ood1", "ood2"), others, strict=True):
            assert shown == [cell(values(rows, start, "score", f"{ood}:{at}")) for at in CHANGES]


def test_recoloured_pixels_follow_from_the_values(rows: list[Row]) -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("which had no part in the choice")[2].partition("What an encoder")[0]
    kept = Run(RESULTS).rows("recoloured_seeds.json")
    kept = [row for row in kept if row.step is None and row.metric == "score"]
    names = ("pixels", "pixels_recoloured_strong", "pixels_recoloured_all", "beta_late_hardened")
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    for name, line in zip(names, lines, strict=True):
        known = rows if name.startswith("beta_late") else kept
        cells = [part.strip() for part in line.split("|")[2:-1]]
        wanted = [values(known, name, "score", at) for at in ("source", "ood1", "ood2")]
        assert cells == [cell(of) for of in wanted]


def test_what_each_setting_does_follows_from_the_values() -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("### What each setting does")[2].partition("*As it comes*")[0]
    kept = Run(RESULTS).rows("hardening_ablations.json")
    found = {(row.method, row.metric, row.domain, row.vae_seed): row.value for row in kept}
    teacher = "views_interventions_room"
    student = f"{teacher}_hardened:steps="
    names = [teacher, f"{student}12000", *(f"{student}{steps}000" for steps in (2, 4, 16))]
    changes = ("frequency=2", "frequency=8", "part=0", "clean=0", "latents=all")
    names += [f"{student}12000,{change}" for change in changes]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    columns = [("mig/mean", "pretrain"), *(("score", at) for at in ("source", "ood1", "ood2"))]
    for name, line in zip(names, lines, strict=True):
        cells = [part.strip() for part in line.split("|")[2:-1]]
        for (metric, domain), shown in zip(columns, cells, strict=True):
            three = [found[name, metric, domain, seed] for seed in SEEDS[:3]]
            assert shown == ", ".join(f"{value:.2f}".replace("0.", ".") for value in three)
    aims = page.partition("are not reached, by little: ")[2].partition("\n\n")[0]
    for metric, domain in (*columns[1:], columns[0], ("retention", "ood2")):
        five = [found[f"{student}12000", metric, domain, seed] for seed in SEEDS]
        assert cell(five) in aims.replace("\n", " ")


def test_a_smaller_network_does_what_the_page_says(rows: list[Row]) -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("### A smaller network")[2].partition("\n### ")[0]
    every = "+".join(CHANGES)
    domains = ("source", "ood1", "ood2", f"ood1:{every}", f"ood2:{every}")
    small = Run(RESULTS).rows("teacher_size.json")
    starts = ("| as they come | `", "| half | `")
    lines = [line for line in section.splitlines() if line.startswith(starts)]
    methods = ("beta_late", "beta_late_hardened")
    for line, (kept, method) in zip(
        lines, [(kept, method) for kept in (rows, small) for method in methods], strict=True
    ):
        wanted = [cell(values(kept, method, "mig/mean", "pretrain"))]
        wanted += [cell(values(kept, method, "score", domain)) for domain in domains]
        assert [part.strip() for part in line.split("|")[3:-1]] == wanted
    text = section.replace("\n", " ")
    for method in methods:
        pair = [cell(values(kept, method, "score", "source")) for kept in (small, rows)]
        assert f"{pair[0]} {'in `source` ' * (method == 'beta_late')}instead of {pair[1]}" in text
    assert cell(values(small, methods[1], "retention", "ood2")) in text
    means = [
        f"{float(iqm(values(small, methods[1], 'score', domain))):.2f}".replace("0.", ".")
        for domain in domains[:3]
    ]
    assert f"(#a-smaller-network): {means[0]}, {means[1]} and {means[2]})" in page


def test_a_smaller_network_elsewhere_does_what_the_page_says() -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("### A smaller network")[2].partition("\n### ")[0]
    small = {
        row.method.partition(":")[0]: row.method
        for row in Run(RESULTS).rows("smaller_elsewhere.json")
    }
    lowest = []
    for name, recipe, metric, seeds in (
        ("hardening_reacher.json", "beta_late", "score", (0,)),
        ("hardening_minigrid.json", "plain", "success", (0, 1, 2)),
    ):
        label = f"| `{recipe}`, {metric} | {', '.join(map(str, seeds))} |"
        (line,) = (one for one in section.splitlines() if label in one)
        cells = [part.strip() for part in line.split("|")[3:-1]]
        assert cells[0] == ", ".join(map(str, seeds))
        for file, method, text in (
            (name, recipe, cells[1]), ("smaller_elsewhere.json", small[recipe], cells[2])
        ):  # fmt: skip
            found = {
                (row.metric, row.vae_seed): row.value
                for row in Run(RESULTS).rows(file)
                if (row.method, row.domain, row.step) == (method, "source", None)
            }
            shown = [f"{found[metric, seed]:.2f}".replace("0.", ".") for seed in seeds]
            assert text == ", ".join(shown)
            if recipe == "plain":
                places = [f"r2/agent_{axis}" for axis in ("column", "row")]
                r2 = [found[place, seed] for place in places for seed in seeds]
                lowest.append((min(r2), max(r2)))
    (whole, _), (least, most) = lowest
    assert whole >= 0.9955 and (round(least, 2), round(most, 2)) == (0.87, 0.99)
    assert "R2 .87 to .99 instead of .996 and more" in section


def test_own_actions_on_frames_of_many_appearances_give_what_the_page_says() -> None:
    kept = [
        replace(row, method=row.method.removeprefix("augment_interventions:frames="))
        for row in Run(RESULTS).rows("own_actions.json")
    ]
    page = (RESULTS / "representation.md").read_text(encoding="utf-8")
    (line,) = (one for one in page.splitlines() if one.startswith("| many appearances, one of"))
    wanted = [
        ("oneview", "mig/mean", "pretrain"), ("oneview/content", "mig/mean", "pretrain"),
        ("oneview/content", "dci/disentanglement", "pretrain"),
        ("oneview", "generalisation", "source"),
        *(("oneview", "score", domain) for domain in ("source", "ood1", "ood2")),
    ]  # fmt: skip
    shown = [part.strip() for part in line.split("|")[3:-1]]
    for (method, metric, domain), text in zip(wanted, shown, strict=True):
        found = {
            row.vae_seed: row.value
            for row in kept
            if (row.method, row.metric, row.domain) == (method, metric, domain)
        }
        assert {*found} == {*SEEDS} and text == cell([found[seed] for seed in SEEDS])
    assert "is .34 where the frames have many appearances" in page  # and the aim was .35


def test_what_independence_says_of_scores_follows_from_the_values(rows: list[Row]) -> None:
    page = (RESULTS / "representation.md").read_text(encoding="utf-8")
    section = page.partition("## Choosing a seed without labels")[2]
    kept = Run(RESULTS).rows("independence.json")
    for recipe in ("views_interventions_room", "augment_interventions"):
        independence = [
            row.value
            for seed in SEEDS
            for row in kept
            if row.method.startswith(recipe) and row.method.endswith(f"{seed}-vae/content")
        ]
        (line,) = (x for x in section.splitlines() if x.startswith(f"| `{recipe}` |"))
        assert " ".join(f"{value:.3f}"[1:] for value in independence) in line
        scores = values(rows, recipe, "score", "source")
        ranks = [np.argsort(np.argsort(column)) for column in (independence, scores)]
        spearman = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
        assert line.endswith(f"| {f'{spearman:.1f}'.removeprefix('0')} |")


def test_reachers_tables_follow_from_the_values() -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("## MuJoCo's Reacher")[2].partition("\n## ")[0]
    now = Run(RESULTS).rows("hardening_reacher.json")
    smooth = Run(RESULTS).rows("hardening_reacher_smooth.json")
    every = "colours+light+material"
    domains = ("source", "ood1", "ood2", "ood2:light", "ood2:material", f"ood1:{every}")
    domains = (*domains, f"ood2:{every}")
    labels = {
        "`beta_late`": (now, "beta_late"),
        "`beta_late`, **hardened**": (now, "beta_late_hardened"),
        "the same, reliefs all smooth": (smooth, "beta_late_hardened"),
        "raw pixels": (now, "pixels"),
        "raw pixels, trained in the colours of `ood1`": (now, "pixels_randomised"),
    }
    for label, (rows, start) in labels.items():
        (line,) = (line for line in section.splitlines() if line.startswith(f"| {label} |"))
        cells = [part.strip() for part in line.split("|")[2:-1]]
        wanted = [values(rows, start, "score", at, range(5)) for at in domains]
        assert cells == [cell(each) for each in wanted], label
    said = " ".join(section.split())
    for text, start, rows, at in (
        ("keep {} of it in `ood2`", "beta_late_hardened", now, "ood2"),
        ("{} in other light", "beta_late_hardened", now, "ood2:light"),
        ("{} on other floors", "beta_late_hardened", now, "ood2:material"),
        ("and {} where all changes", "beta_late_hardened", now, f"ood2:{every}"),
        ("perhaps by colour, keep ({})", "beta_late", now, "ood2:material"),
        ("{} was left", "beta_late_hardened", smooth, "ood2:material"),
        ("raw pixels keep {} in `ood2`", "pixels", now, "ood2"),
    ):
        assert text.format(cell(values(rows, start, "retention", at, range(5)))) in said
    middles = [
        float(iqm(values(now, start, "score", at, range(5))))
        for start, at in (
            ("beta_late_hardened", "source"), ("pixels", "source"),
            ("pixels_randomised", "source"), ("pixels_randomised", "ood2"),
        )
    ]  # fmt: skip
    assert 0.7 < middles[0] / middles[1] < 0.8  # three quarters
    assert {f"{middle:.2f}" for middle in middles[2:]} == {"0.86"}
    returns = [float(iqm(values(now, start, "return", "source", range(5)))) for start in SCALE]
    assert "returns of {:.1f} and {:.1f}".format(*returns) in said


def test_minigrids_table_follows_from_the_values() -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("## MiniGrid")[2].partition("\n## ")[0]
    kept = Run(RESULTS).rows("hardening_minigrid.json")
    domains = ("source", "ood1:colours+texture", "ood2:colours+texture")

    def success(start: str, domain: str) -> list[float]:
        return values(kept, start, "success", domain, range(5))

    def kept_of(start: str, domain: str) -> list[float]:
        pairs = zip(success(start, domain), success(start, "source"), strict=True)
        return [there / before for there, before in pairs]

    def each(found: Sequence[float]) -> str:
        return ", ".join(f"{value:.2f}".replace("0.", ".") for value in found)

    labels = {"the true state": "state", "`plain`": "plain"}
    for label, start in {**labels, "`plain`, **hardened**": "plain_hardened"}.items():
        (line,) = (line for line in section.splitlines() if line.startswith(f"| {label} |"))
        cells = [part.strip() for part in line.split("|")[2:-1]]
        wanted = [cell(success(start, at)) for at in domains]
        assert cells == [*wanted, each(success(start, domains[2]))]
    said = " ".join(section.split())
    hardened, plain = (
        [cell(kept_of(one, at)) for at in domains[1:]] for one in ("plain_hardened", "plain")
    )
    assert f"keep {hardened[0]} of their success in `ood1` and {hardened[1]} in `ood2`" in said
    assert f"without hardening {plain[0]} and {plain[1]}" in said
    lost = [success("plain_hardened", domains[2])[seed] for seed in (2, 4)]
    assert f"lose some of it in `ood2`** ({each(lost)})" in said
    assert (
        f"R2 of {cell(values(kept, 'plain_hardened', 'r2/ball1_row', 'source', range(5)))}" in said
    )
    index = " ".join((RESULTS / "index.md").read_text(encoding="utf-8").split())
    assert f"keep {hardened[0]} of their success on tiles and colours" in index
    assert f"of `ood1` and {hardened[1]} in `ood2`" in index
