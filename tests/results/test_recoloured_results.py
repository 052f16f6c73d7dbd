"""What the docs say of SAC on recoloured pixels follows from the values beside it."""

from __future__ import annotations

from pathlib import Path

from bvae_rl.runtime.runs import Run

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def test_sac_on_recoloured_pixels_does_what_the_page_says() -> None:
    page = (RESULTS / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("### Recoloured pixels instead")[2].partition("\n### ")[0]
    rows = [row for row in Run(RESULTS).rows("recoloured_sac.json") if row.step is None]
    assert {row.agent_seed for row in rows} == {0, None}
    found = {(row.method, row.metric, row.domain): row.value for row in rows}
    for label, method in (
        ("raw pixels", "pixels"),
        ("raw pixels, half of each batch recoloured (`pixels_recoloured`)", "pixels_recoloured"),
        ("raw pixels, all recoloured (`pixels_recoloured_all`)", "pixels_recoloured_all"),
        ("content latents of `reach_crossed_hardened`", "bvae-content-hardened"),
    ):
        scores = [found[method, "score", domain] for domain in ("source", "ood1", "ood2")]
        shown = " | ".join(f"{score:.2f}".replace("0.", ".", 1) for score in scores)
        assert f"| {label} | {shown} |" in section
    assert f"(a return of {found['state', 'return', 'source']:.1f})" in section
