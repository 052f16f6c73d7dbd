"""The table of online fine-tuning with hardened encoders is what its values give."""

from __future__ import annotations

import pytest

from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import interval, iqm
from tests.result_cases import RESULTS

TREATMENTS = {
    "frozen": "frozen",
    "online, beta annealed": "online_mixed",
    "online, beta constant": "online_constant",
    "hardened online": "online_hardened",
}


def cell(of_seeds: list[float], digits: int) -> str:
    bounds = interval(of_seeds)
    assert bounds is not None and len(of_seeds) == 5
    middle, low, high = (f"{float(x):.{digits}f}" for x in (iqm(of_seeds), *bounds))
    return f"{middle} [{low}, {high}]".replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize(
    ("encoder", "file"),
    [
        ("`beta_late`", "adapt_beta_late.json"),
        ("the same, **hardened**", "adapt_hardened.json"),
    ],
)
def test_every_cell_follows_from_the_values(encoder: str, file: str) -> None:
    page = (RESULTS / "online.md").read_text(encoding="utf-8")
    found = {
        (row.study, row.method, row.domain, row.metric, row.agent_seed): row.value
        for row in Run(RESULTS).rows(file)
        if row.step is None
    }
    lines = [
        [part.strip() for part in line.split("|")[1:-1]]
        for line in page.partition("## Setting")[0].splitlines()
        if f"| {encoder} |" in line
    ]
    assert len(lines) == 2 * len(TREATMENTS)
    for there, _, treatment, *shown in lines:
        columns = [(there, "return", 1), ("source", "return", 1), (there, "recon", 0)]
        for (domain, metric, digits), text in zip(
            [*columns, (there, "state_r2", 2)], shown, strict=True
        ):
            key = f"adapt-{there}", TREATMENTS[treatment], domain, metric
            assert text == cell([found[*key, seed] for seed in range(10, 15)], digits)
