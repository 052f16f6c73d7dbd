"""Snapshots of a training: in which order, and whose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bvae_rl.training.snapshots import FOLDER, snapshots


def made(folder: Path, *steps: int) -> Path:
    """A folder with empty snapshots."""
    for step in steps:
        place = folder / FOLDER / f"step-{step:06d}"
        place.mkdir(parents=True)
        (place / "config.json").write_text("{}")
    return folder


def steps_of(folder: Path) -> list[str]:
    return [path.name for path in snapshots(folder)]


def test_they_come_by_their_steps_also_beyond_a_million(tmp_path: Path) -> None:
    made(tmp_path, 1_000_000, 999_000, 200)
    assert steps_of(tmp_path) == ["step-000200", "step-999000", "step-1000000"]


@pytest.mark.parametrize("place", ["teacher", "seed-3", "seed-3/teacher"])
def test_a_vae_without_its_own_has_those_of_its_teacher_and_of_the_chosen_seed(
    place: str, tmp_path: Path
) -> None:
    assert snapshots(tmp_path) == []
    made(tmp_path / place, 100, 400)
    made(tmp_path / "seed-2", 7)
    (tmp_path / "selection.json").write_text(json.dumps({"best": "seed-3"}))
    assert steps_of(tmp_path) == ["step-000100", "step-000400"]
