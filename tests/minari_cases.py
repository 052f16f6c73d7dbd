"""Small Minari datasets for the tests, written by minari itself."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.readers.minari_reader import read_minari
from bvae_rl.runtime.optional import require

minari = require("minari", extra="minari")
EpisodeBuffer = require("minari.data_collector", extra="minari").EpisodeBuffer

PICTURES = spaces.Box(0, 255, (32, 32, 3), np.uint8)
MOVES = spaces.Box(-1, 1, (2,), np.float32)
LENGTHS = (4, 7, 2, 5, 3)


def datasets_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make ``folder`` the place of the local datasets."""
    folder.mkdir()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder))
    return folder


def made(name: str, episodes: list[Any], **options: Any) -> Any:
    """A dataset of ``episodes``, pictures kept as they are unless ``jpeg_encoding`` is given."""
    options = {
        "observation_space": PICTURES, "action_space": MOVES, "jpeg_encoding": False, **options
    }  # fmt: skip
    with warnings.catch_warnings():  # it asks for an author and the like
        warnings.filterwarnings("ignore", category=UserWarning, module="minari")
        return minari.create_dataset_from_buffers(name, episodes, **options)


def episode(steps: int = 4, *, observations: Any = None, actions: Any = None, **infos: Any) -> Any:
    """An episode of random pictures and actions, unless others are given."""
    rng = np.random.default_rng(steps)
    if observations is None:
        observations = rng.integers(0, 256, (steps + 1, 32, 32, 3), dtype=np.uint8)
    if actions is None:
        actions = rng.uniform(-1, 1, (steps, 2)).astype(np.float32)
    return EpisodeBuffer(
        observations=observations,
        actions=actions,
        rewards=[0.0] * steps,
        terminations=[False] * steps,
        truncations=[False] * steps,
        infos=infos or None,
    )


def episodes() -> list[Any]:
    """One of each of ``LENGTHS``; two factors, both the length."""
    return [episode(steps, factors=np.full((steps + 1, 2), steps)) for steps in LENGTHS]


def read(dataset: Any, folder: Path, *args: Any, **options: Any) -> Frames:
    """What a store in ``folder`` holds after ``read_minari``."""
    store = FrameStore(folder)
    read_minari(dataset, store, *args, **options)
    store.verify()
    return FrameStore.existing(folder).read()
