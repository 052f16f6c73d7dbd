"""The tables of the five seeds of hardening in PlanarReach are what their values give."""

from __future__ import annotations

from bvae_rl.runtime.runs import Run
from tests.result_cases import RESULTS, cell, text, values

PAGE = "hardening/planar-reach.md"
SEEDS = (10, 11, 12, 13, 14)
CHANGES = ("camera", "light", "texture", "distractors")
RECIPES = ("beta_late", "augment_interventions", "views_interventions_room")


def test_every_cell_follows_from_the_values() -> None:
    rows = Run(RESULTS).rows("hardening_seeds.json")
    section = text(PAGE).partition("## Five seeds")[2].partition("What each had seen")[0]
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
        assert first[-len(wanted) :] == [cell(values(rows, start, *of, SEEDS)) for of in wanted]
        for ood, shown in zip(("ood1", "ood2"), others, strict=True):
            assert shown == [
                cell(values(rows, start, "score", f"{ood}:{at}", SEEDS)) for at in CHANGES
            ]


def test_aims_are_held_against_the_values() -> None:
    aims = text(PAGE).partition("are not reached, by little: ")[2].partition("\n\n")[0]
    rows = Run(RESULTS).rows("hardening_ablations.json")
    student = "views_interventions_room_hardened:steps=12000"
    found = {(row.method, row.metric, row.domain, row.vae_seed): row.value for row in rows}
    for metric, domain in (
        ("score", "source"), ("score", "ood1"), ("score", "ood2"), ("mig/mean", "pretrain"),
        ("retention", "ood2"),
    ):  # fmt: skip
        five = [found[student, metric, domain, seed] for seed in SEEDS]
        assert cell(five) in aims.replace("\n", " ")
