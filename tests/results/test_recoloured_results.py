"""What the docs say of agents on recoloured pixels follows from the values beside it."""

from __future__ import annotations

from bvae_rl.runtime.runs import Run
from tests.result_cases import RESULTS, cell, text, two, values

PAGE = "hardening/recoloured-pixels.md"
DOMAINS = ("source", "ood1", "ood2")


def test_five_seeds_of_ppo_follow_from_the_values() -> None:
    page = text(PAGE)
    section = page.partition("which had no part in the choice")[2].partition("What an encoder")[0]
    of_vaes = Run(RESULTS).rows("hardening_seeds.json")
    kept = Run(RESULTS).rows("recoloured_seeds.json")
    kept = [row for row in kept if row.step is None and row.metric == "score"]
    names = ("pixels", "pixels_recoloured_strong", "pixels_recoloured_all", "beta_late_hardened")
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    for name, line in zip(names, lines, strict=True):
        rows = of_vaes if name.startswith("beta_late") else kept
        cells = [part.strip() for part in line.split("|")[2:-1]]
        wanted = [values(rows, name, "score", at, range(10, 15)) for at in DOMAINS]
        assert cells == [cell(of) for of in wanted]


def test_sac_does_what_the_page_says() -> None:
    page = text(PAGE)
    rows = [row for row in Run(RESULTS).rows("recoloured_sac.json") if row.step is None]
    assert {row.agent_seed for row in rows} == {0, None}
    found = {(row.method, row.metric, row.domain): row.value for row in rows}
    for label, method in (
        ("raw pixels", "pixels"),
        ("raw pixels, half of each batch recoloured (`pixels_recoloured`)", "pixels_recoloured"),
        ("raw pixels, all recoloured (`pixels_recoloured_all`)", "pixels_recoloured_all"),
        ("content latents of `reach_crossed_hardened`", "bvae-content-hardened"),
    ):
        shown = " | ".join(two(found[method, "score", domain]) for domain in DOMAINS)
        assert f"| {label} | {shown} |" in page
    assert f"(a return of {found['state', 'return', 'source']:.1f})" in page
