"""What ``pretrain`` and ``harden`` are given in Python is of the right kind, or refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bvae_rl.models.vae import VAEConfig
from bvae_rl.models.vae_config import AUTO
from bvae_rl.training.batches.pixel_weights import Weighting
from bvae_rl.training.objectives import Objective
from bvae_rl.training.train_config import TrainConfig

KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "train": (
        (TrainConfig, type(None)),
        "train=TrainConfig(batch_size=64), of bvae_rl.training.train_config",
    ),
    "config": (
        (VAEConfig, type(None)),
        "config=bvae_rl.VAEConfig(shape=(3, 64, 64), latent_dim=32)",
    ),
    "objective": (
        (Objective, type(None)),
        "recipe='plain' for one by its name, or an objective of bvae_rl.training.objectives",
    ),
    "recipe": ((str,), "recipe='auto', or another by its name"),
    "harden": (
        (str, list, tuple),
        "harden='none' for no last phase, or names, harden=('colour', 'light')",
    ),
    "weighting": (
        (str, Weighting, type(None)),
        "weighting='rare', or Weighting('rare', 10.0), of bvae_rl.training.batches.pixel_weights",
    ),
    "callbacks": ((list, tuple), "callbacks=[function]"),
}


def check_given(**given: Any) -> None:
    """TypeError for a value of another kind than ``KINDS`` says, with the line to write."""
    for name, value in given.items():
        kinds, line = KINDS[name]
        if not isinstance(value, kinds) and not (list in kinds and _several(value)):
            raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; write {line}")


def _several(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def check_alone(objective: Objective | None, config: VAEConfig | None, recipe: str) -> None:
    """ValueError for an objective without a config, or beside a recipe, which has its own."""
    if objective is not None and config is None:
        raise ValueError(
            "an objective of your own needs the VAE's config beside it: config=VAEConfig(shape=(C, "
            "H, W), ...); or name a recipe instead"
        )
    if objective is not None and recipe != AUTO:
        raise ValueError(
            f"recipe={recipe!r} has an objective, and one is given, too: leave one of them out"
        )
