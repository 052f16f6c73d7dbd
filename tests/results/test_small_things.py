"""The tables of Pong and Breakout in the guide to small objects are what their values give."""

from __future__ import annotations

import pytest

from bvae_rl.runtime.runs import Run
from tests.result_cases import DOCS

ROWS = {
    "Pong": ("pong-20", "pong-foreground", "pong", "pong-seed1", "pong-hardened"),
    "Breakout": ("breakout-foreground", "breakout", "breakout-seed1", "breakout-hardened"),
}


@pytest.mark.parametrize("game", ROWS)
def test_every_cell_follows_from_the_values(game: str) -> None:
    found = {
        (row.method, row.metric): row.value
        for row in Run(DOCS / "results").rows("small_things.json")
    }
    page = (DOCS / "guides" / "small-objects.md").read_text(encoding="utf-8")
    lines = page.partition(f"| {game} | batches |")
    factors = [cell.strip(" `") for cell in lines[2].splitlines()[0].split("|")[:-1]]
    shown = lines[2].splitlines()[2 : 2 + len(ROWS[game])]
    assert len(factors) == 6
    for method, line in zip(ROWS[game], shown, strict=True):
        cells = [cell.strip() for cell in line.split("|")[3:-1]]
        wanted = [f"{found[method, f'r2/{factor}'] + 0.0:.2f}" for factor in factors]
        assert cells == [text.replace("-0.00", "0.00").replace("0.", ".") for text in wanted]


def test_what_a_larger_weight_finds_follows_from_the_values() -> None:
    page = (DOCS / "results" / "representation.md").read_text(encoding="utf-8")
    said = page.partition("Since then the likelihood")[2].partition("## Commands")[0]
    rows = Run(DOCS / "results").rows("empty_weight.json")
    found = {row.metric: row.value for row in rows if row.method == "views"}
    for place in (("goal_column", "goal_row"), ("agent_column", "agent_row", "agent_direction")):
        *first, last = (f"{found[f'r2/{name}']:.2f}".lstrip("0") for name in place)
        assert f"{', '.join(first)} and {last}" in said
