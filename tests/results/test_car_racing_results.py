"""What the docs say of returns in CarRacing follows from the values beside it."""

from __future__ import annotations

import numpy as np
import pytest

from bvae_rl.runtime.runs import Run
from tests.result_cases import DOCS, two

PAGE = "results/hardening/car-racing.md"
DOMAINS = ("source", "ood1", "ood2")


def returns(file: str, method: str) -> list[list[float]]:
    """One list a seed of agents, in their order: means of 100 episodes in each domain."""
    found: dict[tuple[int, str], float] = {}
    for row in Run(DOCS / "results").rows(file):
        if (row.method, row.metric, row.step) == (method, "return", None):
            assert row.n == 100 and row.domain is not None
            found[row.agent_seed or 0, row.domain] = row.value
    seeds = sorted({seed for seed, _ in found})
    return [[found[seed, domain] for domain in DOMAINS] for seed in seeds]


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table under ``heading``, without its head, bold or not."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"# {heading}")[2]
    lines = text.partition("\n| ")[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]


def whole(values: list[float]) -> list[str]:
    return [f"{value:.0f}".replace("-0", "0") for value in values]


def test_agents_that_were_mended_have_these_returns() -> None:
    before, after = (
        returns("hardening_car_racing.json", method) for method in ("bvae", "bvae-hardened")
    )
    wanted = []
    for seed, (learned, hardened) in enumerate(zip(before, after, strict=True)):
        wanted.append([str(seed), "as it learned with it", *whole(learned)])
        wanted.append([str(seed), "hardened", *whole(hardened)])
    means = [np.mean(values, axis=0).tolist() for values in (before, after)]
    wanted.append(["mean", "as they learned with it", *whole(means[0])])
    wanted.append(["mean", "hardened", *whole(means[1])])
    assert table(PAGE, "CarRacing") == wanted
    source, ood1, ood2 = means[1]
    words = f"keep\nall: {ood1 / source:.2f} in `ood1`, {ood2 / source:.2f} in `ood2`"
    assert words in (DOCS / PAGE).read_text(encoding="utf-8")


def test_two_further_vaes_and_their_agents_have_these_returns() -> None:
    file, wanted, kept = "hardening_car_racing_seeds.json", [], []
    before, after = (returns(file, method) for method in ("bvae", "bvae-hardened"))
    for seed, (learned, hardened) in enumerate(zip(before, after, strict=True), start=1):
        wanted.append([str(seed), "as it learned with it", *whole(learned)])
        wanted.append([str(seed), "hardened", *whole(hardened)])
        kept.append([value / hardened[0] for value in hardened[1:]])
    assert table(PAGE, "Two further VAEs") == wanted
    ood1, ood2 = (" and ".join(map(two, shares)) for shares in zip(*kept, strict=True))
    words = f"they keep {ood1} in `ood1`, and {ood2} in `ood2` (the aim: .85)"
    assert words in (DOCS / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ("bvae", "on codes of the VAE"),
        ("pixels", "on raw pixels (NatureCNN)"),
        ("pixels_randomised", "on raw pixels, trained in the colours of `ood1`"),
        ("random_policy", "random policy"),
    ],
)
def test_agents_have_these_returns(method: str, label: str) -> None:
    text = (DOCS / "car-racing.md").read_text(encoding="utf-8").partition("| agent | seed |")[2]
    rows = [[c.strip(" *") for c in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    (first,) = (k for k, row in enumerate(rows) if row[0] == label)
    found = returns("car_racing.json", method)
    for k, values in enumerate(found):
        assert rows[first + k][2:5] == whole(values)
    if len(found) > 1:
        assert rows[first + len(found)][1:5] == ["mean", *whole(np.mean(found, axis=0).tolist())]
