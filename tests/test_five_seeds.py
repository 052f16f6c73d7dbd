"""The table of the five-seed study of hardening is what its values give."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from bvae_rl.runtime.spread import interval, iqm

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_table_of_five_seeds_follows_from_its_values() -> None:
    page = (DOCS / "results" / "hardening.md").read_text(encoding="utf-8")
    table = page.partition("### Five seeds")[2].partition("One kind of change")[0]
    rows = json.loads((DOCS / "results" / "hardening_seeds.json").read_text())
    for recipe, hardened in itertools.product(
        ("beta_late", "augment_interventions", "views_interventions_room"), (False, True)
    ):
        start = f"{recipe}_hardened:" if hardened else recipe
        (line,) = (
            line
            for line in table.splitlines()
            if line.startswith(f"| `{recipe}`{', **hardened**' if hardened else ''} |")
        )
        for domain in ("source", "ood1", "ood2"):
            values = {
                row["vae_seed"]: row["value"]
                for row in rows
                if (row["metric"], row["domain"]) == ("score", domain)
                and row["method"].startswith(start)
                and ("_hardened" in row["method"]) == hardened
            }
            assert sorted(values) == [10, 11, 12, 13, 14]
            bounds = interval([*values.values()])
            assert bounds is not None
            low, high = (f"{float(value):.2f}" for value in bounds)
            cell = f"{float(iqm([*values.values()])):.2f} [{low}, {high}]"
            assert cell.replace("0.", ".").replace("-.00", ".00") in line, (start, domain, cell)
