"""The recipes that the evidence compares: how a VAE is trained, and which latents its agent gets.

One row each; a further recipe is one more row. ``settings`` are arguments of ``bvae-rl pretrain``;
what a row does not say is equal for all (``COMMON``, and the latents that the factors ask for).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.objectives.table import OBJECTIVES

COMMON: Mapping[str, Any] = {"weighting": "foreground", "weighting_factor": 10.0}
SPARE = 2  # style latents more than there are factors to hold: with too few a colour gets lost
# all is found before it is pressed, and in the end it is let go
LATE: Mapping[str, Any] = {"schedule": "geometric", "ramp": 0.65, "relax": 0.2}
PRESSED: Mapping[str, Any] = {"objective": "crossed", "beta": 50.0, "set": ("tc=200",), **LATE}
ACTED: Mapping[str, Any] = {"pairs": "views+interventions", "set": (*PRESSED["set"], "rank=10000")}


@dataclass(frozen=True)
class Recipe:
    """``arm`` says what the agent sees: ``bvae`` all latents, ``bvae_pairs`` the content group."""

    name: str
    text: str
    settings: Mapping[str, Any]
    method: str = "bvae_pairs"
    told: str = "nothing"
    """what the training was told beside the frames"""


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("plain", "VAE, single frames", {"objective": "beta", "beta": 1.0}, method="bvae"),
        Recipe(
            "beta_late", "VAE, single frames, pressed late",
            {"objective": "beta", "beta": 50.0, **LATE}, method="bvae",
        ),
        Recipe(
            "tc_late", "VAE, single frames, total correlation pressed late",
            {"objective": "tc", "beta": 250.0, "set": ("alpha=50", "gamma=50"), **LATE},
            method="bvae",
        ),
        Recipe(
            "views", "pairs of content and style", PRESSED, told="one state in two appearances",
        ),
        Recipe(
            "views_interventions", "grids of content and style, and of one actuator's moves",
            {**PRESSED, **ACTED}, told="one state in two appearances, which actuator moved which way",
        ),
        Recipe(
            "augment", "pairs made by augmentation",
            {**PRESSED, "pairs": "augment"}, told="that colours are look",
        ),
        Recipe(
            "views_beta1", "pairs of content and style, beta 1", {"objective": "crossed"},
            told="one state in two appearances",
        ),
        Recipe(
            "views_beta0", "pairs of content and style, autoencoder (beta 0)",
            {"objective": "crossed_ae"}, told="one state in two appearances",
        ),
        Recipe(
            "supervised", "factor regressor (ceiling)", {"objective": "supervised"},
            told="all factors",
        ),
    )
}  # fmt: skip


def latents(specs: Sequence[FactorSpec]) -> dict[str, int]:
    """Sizes of content and style: one for each factor, two for a cyclic one; look has spares."""
    held = {"state": 0, "appearance": SPARE}
    for spec in specs:
        held[spec.role] += 2 if spec.kind == "cyclic" else 1
    return {"content_dim": held["state"], "style_dim": held["appearance"]}


def common(store: Path) -> dict[str, Any]:
    """What all recipes share on the frames of ``store``."""
    return {**COMMON, **latents(FrameStore.existing(store).factor_specs)}


def recipe(name: str) -> Recipe:
    """The row called ``name``, else that of the objective called so, else a ValueError."""
    if name in RECIPES:
        return RECIPES[name]
    if name in OBJECTIVES:
        return _of_objective(OBJECTIVES[name])
    raise ValueError(
        f"unknown recipe {name!r}; known: {', '.join(RECIPES)}, and the objectives: "
        f"{', '.join(other for other in OBJECTIVES if other not in RECIPES)}"
    )


def _of_objective(row: Entry) -> Recipe:
    """As it comes. Where nobody is told what a pair shares, the pairs are all that there are."""
    settings: dict[str, Any] = {"objective": row.name}
    told = "nothing"
    if row.pairs == "views":
        told = "one state in two appearances"
    elif row.pairs:
        settings["pairs"], told = "views+interventions", "that few factors differ in a pair"
    method = "bvae_pairs" if row.groups else "bvae"
    return Recipe(row.name, row.purpose, settings, method=method, told=told)
