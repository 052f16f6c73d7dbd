"""How a VAE came about, as its ``config.json`` tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.parts import rows_within
from bvae_rl.models.vae import BetaVAE

LABELS = "Supervised"  # how the name of an objective begins that is shown the factors


def name_of(callback: Callable[..., Any]) -> str:
    """What a callback is called in the story: its module and name."""
    named = callback if hasattr(callback, "__qualname__") else type(callback)
    return f"{named.__module__}.{named.__qualname__}"


def trainings(meta: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every training behind a VAE of that ``meta``, the newest first: also its teacher's."""
    for training in (meta.get("training"), (meta.get("hardened") or {}).get("training")):
        while training:
            yield training
            training = training.get("continued_from")


def supervised(training: Mapping[str, Any]) -> bool:
    """Whether it was shown the true factors."""
    return str((training.get("objective") or {}).get("is", "")).startswith(LABELS)


def frames_seen(store: FrameStore, start: BetaVAE | None) -> int:
    """How many frames a VAE is trained on, those of the VAE it is continued from included.

    A store counts once, however many trainings go over it, and so do the frames of one that went
    into another.
    """
    before = {} if start is None else start.meta.get("training", {})
    stores, training = [], before
    while training:
        stores.append(training.get("store") or {})
        training = training.get("continued_from") or {}
    new = max(0, len(store) - rows_within(store.identity(), stores))
    return int(before.get("frames", 0)) + new
