"""The report shows every method and seed, escapes what comes in and needs nothing from outside."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.plots import png, transfer_bars
from bvae_rl.plots.animation import gif
from bvae_rl.plots.style import METHODS, method_label
from bvae_rl.report import FigureEntry, tables, write_report
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, RunError

BUDGET = {"pretrain_frames": 1500000, "env_steps": 100000, "domain": "source", "paired": True}
BASE = Row(
    study="transfer",
    method="state",
    algo="ppo",
    env="Env-v0",
    domain="source",
    metric="score",
    value=0.5,
    n=100,
    budget=BUDGET,
    command="bvae-rl transfer --seed 0",
)


def agents(seeds: int) -> list[Row]:
    return [
        replace(
            BASE,
            method=method,
            agent_seed=seed,
            domain=domain,
            metric=metric,
            value=value + seed,
        )
        for method in METHODS
        for seed in range(seeds)
        for domain in ("source", "ood1")
        for metric, value in (("score", 0.25), ("return", -40.0), ("success", 0.5))
    ]


class Page(HTMLParser):
    """Tags and attributes of a page, its text, and whether all tags close in order."""

    VOID = ("meta", "link", "img")

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def write(tmp_path: Path, rows: list[Row], *figures: FigureEntry, quick: bool = False) -> Page:
    path = write_report(
        rows, figures, Run(tmp_path), title="A run", headline=["It works."], quick=quick
    )
    assert path == tmp_path / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def body(table: tables.Table) -> dict[str, list[tables.Cell]]:
    rows = {}
    for head, *cells in table.body:
        rows[head if isinstance(head, str) else head[1]] = cells
    return rows


def test_every_method_and_every_seed_is_on_the_page(tmp_path: Path) -> None:
    page = write(tmp_path, agents(3))
    for method in METHODS:
        assert method in page.text and method_label(method) in page.text
    assert "0.25 \N{MIDDLE DOT} 1.25 \N{MIDDLE DOT} 2.25" in page.text
    headings = re.findall(r"Normalised score|Return per episode|Success rate", page.text)
    assert headings == ["Normalised score", "Return per episode", "Success rate"]


def test_score_cells_list_seeds_below_five_and_an_interval_from_five() -> None:
    few, many = (body(tables.scores(agents(seeds))[0])["pca"][0] for seeds in (4, 5))
    assert few == ("1.75", "0.25 · 1.25 · 2.25 · 3.25")
    assert many[0] == "2.25" and re.fullmatch(r"\d\.\d\d to \d\.\d\d \(5 seeds\)", many[1])
    assert body(tables.scores(agents(1))[1])["pca"][0] == "\N{MINUS SIGN}40.0"


def test_the_random_policy_stands_beside_each_algorithm_and_curves_stay_out() -> None:
    rows = [
        BASE,
        replace(BASE, algo="sac"),
        replace(BASE, method="random_policy", algo="none", value=0.0),
        replace(BASE, step=1000, value=9.0),
    ]
    found = tables.scores(rows)
    assert [table.caption.partition(", ")[2] for table in found] == ["PPO", "SAC"]
    for table in found:
        assert body(table) == {"state": ["0.50"], "random_policy": ["0.00"]}


def test_missing_and_nan_scores_are_dashes() -> None:
    rows = [replace(BASE, method="pca", domain="ood1"), replace(BASE, value=float("nan"))]
    assert body(tables.scores(rows)[0]) == {
        "state": [tables.NONE, tables.NONE],
        "pca": ["0.50", tables.NONE],
    }


def test_the_budget_says_what_each_method_was_trained_on() -> None:
    rows = [
        BASE,
        replace(BASE, method="pca", budget={**BUDGET, "paired": False, "labels": ["a", "b"]}),
        replace(BASE, method="mine", agent_seed=1, budget={**BUDGET, "env_steps": 5}),
        replace(BASE, method="mine", budget=BUDGET),
        replace(BASE, method="bvae", budget={}),
    ]
    (table,) = tables.budget(rows)
    assert table.head == [
        "method",
        "frames rendered for pretraining",
        "environment steps",
        "visual domains",
        "pairs",
        "labels",
    ]
    assert body(table) == {
        "state": ["1,500,000", "100,000", "source", "yes", tables.NONE],
        "pca": ["1,500,000", "100,000", "source", "no", "a, b"],
        "mine": ["1,500,000", "5 / 100,000", "source", "yes", tables.NONE],
    }


def test_representations_stand_beside_their_references() -> None:
    rows = [
        replace(
            BASE, study="representation", method=method, metric=metric, value=value, domain=None
        )
        for method, value in (("untrained", 0.1), ("bvae/content", 0.9), ("pca", 0.3))
        for metric in ("mig", "r2/elbow", "r2/shoulder", "dci/completeness")
    ]
    rows.append(replace(rows[4], metric="leak/arm_colour", value=0.05))
    (table,) = tables.representation(rows)
    assert table.head == [
        "metric",
        ("Beta-VAE, content latents", "bvae/content"),
        ("untrained encoder", "reference"),
        ("PCA", "reference"),
    ]
    names = [row[0] for row in table.body]
    assert names == [
        ("Mutual information gap", "higher is better"),  # not below another metric's heading
        tables.FAMILIES["r2"],
        "elbow",
        "shoulder",
        tables.FAMILIES["leak"],
        "arm_colour",
        tables.FAMILIES["dci"],
        "completeness",
    ]
    assert body(table)["elbow"] == ["0.90", "0.10", "0.30"]
    assert body(table)["arm_colour"] == ["0.05", tables.NONE, tables.NONE]


def test_text_is_escaped_everywhere(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>'
    picture = FigureEntry("transfer", evil, f'"{evil}', _picture(tmp_path))
    rows = [
        replace(BASE, method=evil, metric=evil, domain=evil, command=evil, budget={evil: evil}),
        replace(BASE, study="representation", method=evil, metric=evil, env=evil),
    ]
    path = write_report(
        rows,
        [picture],
        Run(tmp_path),
        title=evil,
        headline=[evil],
        notes=[evil],
        versions={evil: evil},
        quick=False,
    )
    page = Page(path.read_text(encoding="utf-8"))
    assert page.all("script") == []
    assert page.text.count("alert(") >= 12
    assert page.all("img")[0]["alt"] == f'{evil}. "{evil}'


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    data = _picture(tmp_path)
    page = write(tmp_path, agents(2), FigureEntry("transfer", "Bars", "Scores.", data))
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", source)
    targets = [v for _, a in page.tags for k, v in a.items() if k in ("src", "href") and v]
    assert targets and all(value.startswith(("#", "data:")) for value in targets)
    anchors = {attributes.get("id") for _, attributes in page.tags}
    assert {value[1:] for value in targets if value.startswith("#")} <= anchors
    inlined = str(page.all("img")[0]["src"]).partition("base64,")[2]
    assert base64.b64decode(inlined) == (tmp_path / data).read_bytes()
    assert page.all("img")[0]["alt"] == "Bars. Scores."


def test_a_film_is_inlined_at_its_size(tmp_path: Path) -> None:
    page = np.zeros((39, 130, 3), np.uint8)
    Run(tmp_path).write_file("film.gif", gif([page, page + 99], fps=5))
    (picture,) = write(tmp_path, [], FigureEntry("film", "Film", "Moves.", "film.gif")).all("img")
    assert str(picture["src"]).startswith("data:image/gif;base64,")
    assert (picture["width"], picture["height"]) == ("100", "30")


def test_sections_come_in_order_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    picture = _picture(tmp_path)
    keys = ("recon", "timelines", "traversals/bvae", "heatmap", "transfer", "curves", "film")
    rows = [*agents(1), replace(BASE, study="representation", metric="mig")]
    page = write(tmp_path, rows, *(FigureEntry(key, key, "", picture) for key in keys))
    assert [section["id"] for section in page.all("section")] == [
        *("headline", "film", "curves", "transfer", "scores", "budget"),
        *("representation", "heatmap"),
        *("traversals", "timelines", "more", "commands", "seeds", "versions"),
    ]
    bare = write(tmp_path, [])
    assert [section["id"] for section in bare.all("section")] == ["headline", "versions"]


def test_commands_are_listed_once(tmp_path: Path) -> None:
    rows = [BASE, replace(BASE, agent_seed=1), replace(BASE, agent_seed=2, command="other")]
    page = write(tmp_path, rows)
    assert page.text.count(BASE.command) == 1 and page.text.count("other") == 1
    assert body(tables.seeds(rows)[0]) == {"state": [tables.NONE, "1, 2"]}


def test_only_a_quick_run_says_that_its_figures_mean_nothing(tmp_path: Path) -> None:
    assert "figures mean nothing" in write(tmp_path, [], quick=True).text
    assert "figures mean nothing" not in write(tmp_path, []).text


def test_a_missing_or_broken_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"picture 'curves' at .*absent\.png"):
        write(tmp_path, [], FigureEntry("curves", "", "", "absent.png"))
    (tmp_path / "bad.png").write_bytes(b"BM")
    with pytest.raises(RunError, match="neither a PNG nor a GIF"):
        write(tmp_path, [], FigureEntry("curves", "", "", tmp_path / "bad.png"))


def _picture(folder: Path) -> str:
    Run(folder).write_file("bars.png", png(transfer_bars({"state": {"source": [1.0]}}), dpi=40))
    return "bars.png"


def test_what_is_scored_is_all_of_a_vae_unless_a_group_is_named() -> None:
    methods = ("bvae-content", "bvae-content/content", "bvae-content/style")
    rows = [
        replace(BASE, study="representation", method=method, metric="mig", value=0.5, domain=None)
        for method in methods
    ]
    (table,) = tables.representation(rows)
    named = [head[0] for head in table.head[1:] if isinstance(head, tuple)]
    assert named == [f"Beta-VAE, {group} latents" for group in ("all", "content", "style")]
