"""The recipes that the evidence compares: how a VAE is trained, and which latents its agent gets.

One row each; a further recipe is one more row. ``settings`` are arguments of ``bvae-rl pretrain``;
what a row does not say is equal for all (``COMMON``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMMON: Mapping[str, Any] = {
    "content": 12, "look": 8, "ramp": 0.6, "weighting": "foreground", "weighting_factor": 10.0
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """``arm`` says what the agent sees: ``bvae`` all latents, ``bvae_pairs`` the content group."""

    name: str
    text: str
    settings: Mapping[str, Any]
    arm: str = "bvae_pairs"
    told: str = "nothing"
    """what the training was told beside the frames"""


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("plain", "VAE, single frames", {"objective": "beta", "beta": 1.0}, arm="bvae"),
        Recipe(
            "looks", "pairs of content and look",
            {"objective": "crossed"}, told="one state in two looks",
        ),
        Recipe(
            "looks_actuators", "pairs of content and look, and of one actuator",
            {"objective": "crossed", "pairs": "looks+actuators"},
            told="one state in two looks, which actuator moved",
        ),
        Recipe(
            "augment", "pairs made by augmentation",
            {"objective": "crossed", "pairs": "augment"}, told="that colours are look",
        ),
        Recipe(
            "looks_beta0", "pairs of content and look, autoencoder (beta 0)",
            {"objective": "crossed_ae"}, told="one state in two looks",
        ),
        Recipe(
            "supervised", "factor regressor (ceiling)", {"objective": "supervised"},
            told="all factors",
        ),
    )
}  # fmt: skip


def recipe(name: str) -> Recipe:
    """The row called ``name``, or a ValueError that lists the known ones."""
    if name not in RECIPES:
        raise ValueError(f"unknown recipe {name!r}; known: {', '.join(RECIPES)}")
    return RECIPES[name]
