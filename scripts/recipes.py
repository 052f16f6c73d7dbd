"""The recipes that ``bvae-rl evidence`` compares: how a VAE is trained, from which supervision.

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
EXTRA = 2  # style latents more than there are factors to hold: with too few a colour gets lost
# The KL weight grows once everything is encoded, and falls again at the end.
LATE: Mapping[str, Any] = {"schedule": "geometric", "ramp": 0.65, "relax": 0.2}
VIEWS: Mapping[str, Any] = {"objective": "crossed", "beta": 50.0, "set": ("tc=200",), **LATE}
NO_LABELS, TWO_VIEWS = "none", "one state in two appearances"


@dataclass(frozen=True)
class Recipe:
    """A way of training; ``supervision`` is what it uses beside the frames."""

    name: str
    text: str
    settings: Mapping[str, Any]
    supervision: str = NO_LABELS


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("plain", "VAE, single frames", {"objective": "beta", "beta": 1.0}),
        Recipe(
            "beta_late", "VAE, single frames, late annealing of beta",
            {"objective": "beta", "beta": 50.0, **LATE},
        ),
        Recipe(
            "tc_late", "VAE, single frames, late annealing of the total-correlation weight",
            {"objective": "tc", "beta": 250.0, "set": ("alpha=50", "gamma=50"), **LATE},
        ),
        Recipe("views", "cross-reconstruction of two views", VIEWS, TWO_VIEWS),
        Recipe(
            "views_interventions", "cross-reconstruction of two views and of interventions",
            {**VIEWS, "pairs": "views+interventions", "set": ("tc=200", "rank=10000")},
            f"{TWO_VIEWS}, which actuator moved which way",
        ),
        Recipe(
            "augment", "cross-reconstruction of augmented frames",
            {**VIEWS, "pairs": "augment"}, "that colours are style",
        ),
        Recipe(
            "views_beta1", "cross-reconstruction of two views, beta 1",
            {"objective": "crossed"}, TWO_VIEWS,
        ),
        Recipe(
            "views_beta0", "cross-reconstruction of two views, autoencoder (beta 0)",
            {"objective": "crossed_ae"}, TWO_VIEWS,
        ),
        Recipe(
            "supervised", "factor regressor (upper bound)",
            {"objective": "supervised"}, "all factors",
        ),
    )
}  # fmt: skip


def latents(specs: Sequence[FactorSpec]) -> dict[str, int]:
    """Sizes of content and style: one a factor, two a cyclic one; style has extra ones."""
    sizes = {"state": 0, "appearance": EXTRA}
    for spec in specs:
        sizes[spec.role] += 2 if spec.kind == "cyclic" else 1
    return {"content_dim": sizes["state"], "style_dim": sizes["appearance"]}


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
    """As it comes; where the shared factors of a pair are unknown, on all pairs that there are."""
    if row.pairs == "views":
        return Recipe(row.name, row.purpose, {"objective": row.name}, TWO_VIEWS)
    if row.pairs:
        settings = {"objective": row.name, "pairs": "views+interventions"}
        return Recipe(row.name, row.purpose, settings, "that few factors differ in a pair")
    return Recipe(row.name, row.purpose, {"objective": row.name})
