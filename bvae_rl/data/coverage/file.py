"""The file beside the frames in which their coverage is kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from bvae_rl.data.coverage.figures import Coverage
from bvae_rl.runtime.runs import INDEX, Run

FILE = "coverage.json"


class Stored(Protocol):
    """Frames in a folder, known by their content: a ``FrameStore``."""

    folder: Path

    def identity(self) -> dict[str, Any]:
        """Their description and checksums."""


def kept(store: Stored) -> Coverage | None:
    """What was written beside exactly these frames; None without."""
    if not (store.folder / FILE).exists() or not (store.folder / INDEX).exists():
        return None
    try:
        found = json.loads((store.folder / FILE).read_text(encoding="utf-8"))
        return Coverage(**found["coverage"]) if found["of"] == _frames(store) else None
    except (ValueError, TypeError, KeyError):
        return None  # not one of ours: measured again


def write(store: Stored, found: Coverage) -> None:
    """Keep ``found`` beside the frames of ``store``."""
    Run(store.folder).write_json(FILE, {"of": _frames(store), "coverage": asdict(found)})


def _frames(store: Stored) -> str:
    return str(store.identity()["sha256"])
