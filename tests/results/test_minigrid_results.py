"""The table of MiniGrid is what its values give."""

from __future__ import annotations

from bvae_rl.runtime.runs import Run
from tests.result_cases import RESULTS, cell, each, line, values, words

PAGE = "hardening/minigrid.md"
DOMAINS = ("source", "ood1:colours+texture", "ood2:colours+texture")
ROWS = Run(RESULTS).rows("hardening_minigrid.json")


def success(start: str, domain: str) -> list[float]:
    return values(ROWS, start, "success", domain, range(5))


def kept_of(start: str, domain: str) -> list[float]:
    pairs = zip(success(start, domain), success(start, "source"), strict=True)
    return [there / before for there, before in pairs]


def test_every_figure_follows_from_the_values() -> None:
    labels = {"the true state": "state", "`plain`": "plain"}
    for label, start in {**labels, "`plain`, **hardened**": "plain_hardened"}.items():
        wanted = [cell(success(start, at)) for at in DOMAINS]
        assert line(PAGE, label) == [*wanted, each(success(start, DOMAINS[2]))]
    said = words(PAGE)
    hardened, plain = (
        [cell(kept_of(one, at)) for at in DOMAINS[1:]] for one in ("plain_hardened", "plain")
    )
    assert f"keep {hardened[0]} of their success in `ood1` and {hardened[1]} in `ood2`" in said
    assert f"without hardening {plain[0]} and {plain[1]}" in said
    lost = [success("plain_hardened", DOMAINS[2])[seed] for seed in (2, 4)]
    assert f"lose some of it in `ood2`** ({each(lost)})" in said
    places = values(ROWS, "plain_hardened", "r2/ball1_row", "source", range(5))
    assert f"R2 of {cell(places)}" in said
    index = words("index.md")
    assert f"keep {hardened[0]} of their success on tiles and colours" in index
    assert f"of `ood1` and {hardened[1]} in `ood2`" in index
