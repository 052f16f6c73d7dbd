"""Frames of a store to judge VAEs on, where there is no environment to draw new ones from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.parts import JOINED, first_rows
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.common import EnvArgs, command_for, say
from bvae_rl.scripts.held_frames import HeldFrames, judged
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.story import supervised, trainings

LEAST = 1000  # frames, below which others join the held-out ones


def open_shown(folder: Path, vaes: Iterable[BetaVAE], args: object) -> FrameStore:
    """The store at ``folder``; ValueError if its frames do not fit, or an environment is named."""
    store = FrameStore.existing(folder)
    for vae in vaes:
        if vae.config.shape != store.shape:
            raise ValueError(
                f"{folder} holds frames of (C, H, W) = {store.shape}, and a VAE here takes "
                f"{vae.config.shape}; import or collect frames of that size"
            )
    for name, default in (("world", EnvArgs()), ("domain", None), ("agent", None)):
        if getattr(args, name, default) != default:
            raise ValueError(
                f"frames come from the store {folder} or from an environment; leave out --store, "
                f"or --{name.replace('world', 'env')} and what belongs to it"
            )
    return store


def stored_frames(
    store: FrameStore, vaes: Iterable[BetaVAE], *, most: int
) -> tuple[HeldFrames, np.ndarray, str]:
    """Up to ``most`` frames that no VAE was trained on, spread over the store.

    Fewer than ``LEAST`` are filled up with frames of the training, unless a VAE saw their factors.
    Also returns which rows were not taken, and a sentence on what was.
    """
    unseen, labels, others = np.ones(len(store), dtype=bool), False, False
    for training in (one for vae in vaes for one in trainings(vae.meta)):
        shown = training.get("store")
        if shown == store.identity():
            held = Rows(store, validation=training["train"]["validation"]).validation
            unseen &= np.isin(np.arange(len(store)), held)
        elif shown and (begun := first_rows(store.identity(), shown)):
            unseen[:begun] = False  # its held-out rows were others
        elif _shares(store, shown):  # and the rows that were held out are numbered otherwise
            unseen[:] = False
        else:
            others = True
            continue
        labels |= supervised(training)
    # the same pictures with other factors make another store
    who = "no training on this store" if others else "no training"
    rows, text = np.flatnonzero(unseen), f"that {who} has seen"
    if others:
        text += "; one was on another store"
    if len(rows) < min(LEAST, most, len(store)) and not labels:
        seen = _spread(np.flatnonzero(~unseen), min(LEAST, most) - len(rows))
        text = (
            f"({len(rows)} that {who} has seen; of the others one saw the pictures, not the "
            "factors)"
        )
        rows = np.sort(np.concatenate([rows, seen]))
    if not len(rows):
        raise ValueError(
            f"every frame of {store.folder} was trained on with its factors; score on another store"
        )
    rows = _spread(rows, most)
    rest = np.setdiff1d(np.arange(len(store)), rows)
    return judged(store, rows), rest, f"{len(rows)} frames {text}"


def _shares(store: FrameStore, shown: Any) -> bool:
    """Whether one of ``store`` and the store that ``shown`` describes was joined of the other."""
    if not isinstance(shown, Mapping):
        return False
    mine, others = {store.identity()["sha256"]}, {shown.get("sha256")}
    mine |= {*store.meta.get(JOINED, ())}
    others |= {*shown.get(JOINED, ())}
    return bool(mine & others)


def longest_episode(store: FrameStore, *, most: int = 1000) -> Frames | None:
    """The first frames of the longest episode; None where nothing says that frames follow."""
    if not follows(store):
        return None
    episode = store.column("episode")
    number, counts = np.unique(episode, return_counts=True)
    if counts.max() < 2:
        return None
    return store.read(np.flatnonzero(episode == number[counts.argmax()])[:most])


def follows(store: FrameStore) -> bool:
    """Whether frames of an episode follow each other."""
    return store.meta.get("policy") not in ("independent", "drawn")


def say_train(vae: str, trained: BetaVAE) -> None:
    """How to use the VAE, in the environment of its frames, else one that only the reader knows."""
    if "env" in (trained.meta.get("training", {}).get("store") or {}):
        say(f"next: {command_for('train', vae=vae)}")
        return
    say(f"to train an agent on it, name its environment: {command_for('train', vae=vae)} --env ID")


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(int)]
