"""What the page on representations says of the five seeds follows from the values beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bvae_rl.runtime.runs import Run
from tests.result_cases import RESULTS, cell, lines, text, values

SEEDS = (10, 11, 12, 13, 14)
PAGE = "representation.md"


def test_own_actions_on_frames_of_many_appearances_give_what_the_page_says() -> None:
    kept = [
        replace(row, method=row.method.removeprefix("augment_interventions:frames="))
        for row in Run(RESULTS).rows("own_actions.json")
    ]
    (shown,) = lines(PAGE, "| many appearances, one of")
    wanted = [
        ("oneview", "mig/mean", "pretrain"), ("oneview/content", "mig/mean", "pretrain"),
        ("oneview/content", "dci/disentanglement", "pretrain"),
        ("oneview", "generalisation", "source"),
        *(("oneview", "score", domain) for domain in ("source", "ood1", "ood2")),
    ]  # fmt: skip
    for (method, metric, domain), cells in zip(wanted, shown[1:], strict=True):
        found = {
            row.vae_seed: row.value
            for row in kept
            if (row.method, row.metric, row.domain) == (method, metric, domain)
        }
        assert {*found} == {*SEEDS} and cells == cell([found[seed] for seed in SEEDS])
    assert "is .34 where the frames have many appearances" in text(PAGE)  # and the aim was .35


def test_what_independence_says_of_scores_follows_from_the_values() -> None:
    rows = Run(RESULTS).rows("hardening_seeds.json")
    section = text(PAGE).partition("## Choosing a seed without labels")[2]
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
        scores = values(rows, recipe, "score", "source", SEEDS)
        ranks = [np.argsort(np.argsort(column)) for column in (independence, scores)]
        spearman = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
        assert line.endswith(f"| {f'{spearman:.1f}'.removeprefix('0')} |")
