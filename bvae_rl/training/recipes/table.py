"""Recipes by name, and which is the best that some frames allow.

A further recipe is one more row, and each has a hardened one by its name
(``names.py``). ``bvae-rl evidence`` compares them; all rows weigh pixels of the foreground
ten times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae_config import AUTO as AUTOMATIC
from bvae_rl.training.batches.grids import grid_pairing
from bvae_rl.training.batches.pixel_weights import Weighting
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.recipe import Recipe

FOREGROUND = Weighting("foreground", 10.0)
# all factors are found before the KL weighs much, and in the end detail comes back
LATE: dict[str, Any] = {"schedule": "geometric", "ramp": 0.65, "release": 0.2}
CROSS: dict[str, Any] = {
    "objective": "cross_reconstruction", "hyperparameters": {"beta": 50.0, "tc": 200.0}, **LATE
}  # fmt: skip
INTERVENED: dict[str, Any] = {
    **CROSS, "pairs": "views+interventions",
    "hyperparameters": {**CROSS["hyperparameters"], "rank": 10_000.0},
}  # fmt: skip
ROOMY: dict[str, Any] = {  # single frames find small objects with latents to spare: crossed later
    **INTERVENED, "room": True,
    "hyperparameters": {**INTERVENED["hyperparameters"], "start": 0.4, "full": 0.6},
}  # fmt: skip
TWO_VIEWS = "one state in two appearances"

RECIPES: dict[str, Recipe] = {
    name: Recipe(name, text, supervision, weighting=FOREGROUND, weigh_rare=True, **settings)
    for name, text, supervision, settings in (
        ("plain", "VAE, single frames", "none", {"hyperparameters": {"beta": 1.0}}),
        (
            "beta_late", "VAE, single frames, large beta late", "none",
            {"hyperparameters": {"beta": 50.0}, "room": True, **LATE},
        ),
        (
            "tc_late", "VAE, single frames, large total-correlation weight late", "none",
            {
                "objective": "tc",
                "hyperparameters": {"beta": 250.0, "alpha": 50.0, "gamma": 50.0}, **LATE,
            },
        ),
        ("views", "cross-reconstruction of two views", TWO_VIEWS, CROSS),
        (
            "views_interventions", "cross-reconstruction of two views and interventions",
            f"{TWO_VIEWS}; own single-action transitions", INTERVENED,
        ),
        (
            "views_interventions_room", "the same with room for small objects",
            # the full weights lose the smallest things, PlanarPush's ring: they fall at once
            f"{TWO_VIEWS}; own single-action transitions", {**ROOMY, "release": 0.35},
        ),
        (
            "augment", "cross-reconstruction of augmented frames",
            "that colours are appearance", {**CROSS, "pairs": "augment"},
        ),
        (
            "augment_interventions", "cross-reconstruction of augmented frames and interventions",
            "that colours are appearance; own single-action transitions",
            {**ROOMY, "pairs": "augment+interventions"},
        ),
        (
            "views_beta1", "cross-reconstruction of two views, beta 1", TWO_VIEWS,
            {"objective": "cross_reconstruction"},
        ),
        (
            "views_beta0", "cross-reconstruction of two views, autoencoder (beta 0)", TWO_VIEWS,
            {"objective": "cross_reconstruction_ae"},
        ),
        ("supervised", "factor regressor (upper bound)", "all factors", {
            "objective": "supervised",
        }),
    )
}  # fmt: skip
# The best first; see docs for the comparison. What each needs is checked against the frames.
AUTO = {
    "views_interventions_room": "frames show states in two appearances, and single-action "
    "transitions",
    "views": "frames show states in two appearances, and no single-action transitions to set apart",
    "augment_interventions": "frames show single-action transitions, each state in one appearance, "
    "and colours are not part of the task",
    "plain": "frames show no state in two appearances (collect with two views), and no "
    "single-action transitions of several actuators in a task that is not about colour (collect "
    "with interventions)",
}


def recipe(name: str) -> Recipe:
    """The row called ``name``, else the objective called so as it comes, else a ValueError.

    Behind a name may stand "_hardened" and changes (``names.py``).
    """
    named = RecipeName.parse(name)
    if named.row == AUTOMATIC:
        raise ValueError(
            f"recipe {AUTOMATIC} is taken as it is, and hardens at its end by itself (--harden), "
            f"got {name!r}; name a recipe instead, as in plain{name.removeprefix(AUTOMATIC)}"
        )
    found = _row(named.row)
    named.check()
    model = {**found.model, **named.model}
    last = named.hardening
    if last is None:
        return replace(found, name=name, model=model)
    known = [found.supervision] if found.supervision != "none" else []
    return replace(
        found, name=name, model=model, harden=last, text=f"{found.text}, hardened",
        supervision="; ".join([*known, last.known]),
    )  # fmt: skip


def _row(name: str) -> Recipe:
    if name in RECIPES:
        return RECIPES[name]
    if name not in OBJECTIVES:
        raise ValueError(
            f"unknown recipe {name!r}; known: auto, {', '.join(RECIPES)}, and the objectives: "
            f"{', '.join(other for other in OBJECTIVES if other not in RECIPES)}"
        )
    return objective_alone(name)


def objective_alone(name: str) -> Recipe:
    """The objective called ``name`` as it comes; ValueError for an unknown one."""
    row = entry(name)
    supervision = {"": "all factors" if row.factors else "none", "views": TWO_VIEWS}.get(
        row.pairs, "that few factors differ in a pair"
    )
    return Recipe(name, row.purpose, supervision, objective=name)


def best_recipe(store: FrameStore, *, against: Sequence[str] = ()) -> tuple[Recipe, str]:
    """The best recipe that the frames of ``store`` allow, and why in a few words.

    ``against``: what the VAE is hardened against in the end. Colours are augmented with it alone.
    Actions of one actuator are all single ones, whatever a policy did: interventions are not taken
    from them unasked, which is said.
    """
    rows, asked = Rows(store), ""
    for name, why in AUTO.items():
        found = RECIPES[name]
        if "augment" in found.kinds and "colour" not in against:
            continue
        try:
            if found.kinds:
                grid_pairing("+".join(found.kinds), rows, found.make_config(store))
        except ValueError:
            continue
        if "interventions" in found.kinds and len({*rows.interventions()[2].tolist()}) == 1:
            asked = (
                "; its actions are of one actuator, so all are single ones: where little moves by "
                f"itself, ask for the recipe {name}"
            )
            continue
        return found, f"{why}{asked}"
    raise AssertionError("plain needs nothing but frames")
