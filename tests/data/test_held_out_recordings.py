"""Held-out frames of recordings have no training neighbours, however many episodes there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.joined import joined
from bvae_rl.data.readers.importing import import_frames
from bvae_rl.training.batches.rows import Rows


def beside_training(store: FrameStore) -> float:
    """The share of the held-out frames that stand beside one which is trained on."""
    rows = Rows(store, validation=0.1)
    held = rows.validation
    episode = store.column("episode")
    twins = np.zeros(len(held), dtype=bool)
    for other in (held - 1, (held + 1) % len(episode)):
        twins |= np.isin(other, rows.train) & (episode[other] == episode[held])
    assert 0.03 < len(held) / len(store) < 0.25
    return float(twins.mean())


@pytest.mark.parametrize("episodes", [8, 40, 120])
def test_an_imported_recording(episodes: int, tmp_path: Path) -> None:
    frames = np.zeros((episodes * 50, 16, 16, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(len(frames)) % 251
    np.savez(tmp_path / "r.npz", frames=frames, episode=np.repeat(np.arange(episodes), 50))
    store = import_frames(tmp_path / "r.npz", tmp_path / "store")
    assert beside_training(store) < (0.7 if episodes == 8 else 0.2)


def test_stores_that_were_joined(tmp_path: Path) -> None:
    stores = []
    for number in range(2):
        store = FrameStore(tmp_path / str(number))
        store.declare(policy="random", seed=number)
        frames = np.full((1500, 16, 16, 3), number, np.uint8)
        frames[:, 0, 0, 0] = np.arange(1500) % 251
        whole = Frames(frames, np.arange(1500) // 500, np.arange(1500))
        store.append(whole, episodes=3, cut=1, short=0)
        stores.append(store)
    both = joined(stores, tmp_path / "both")
    assert beside_training(both) < 0.2
    assert [block["cut"] for block in both.appended] == [1, 1]


def test_independent_frames_are_held_out_one_by_one(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (2000, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "r.npz", frames=frames)
    store = import_frames(tmp_path / "r.npz", tmp_path / "store")
    assert beside_training(store) > 0.9
