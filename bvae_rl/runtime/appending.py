"""Append arrays to a raw file, so that a killed process leaves no half rows behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bvae_rl.runtime.runs import explained


def write_at(path: Path, offset: int, array: np.ndarray) -> None:
    """Write ``array`` from byte ``offset`` on; what a killed run left beyond it is cut off."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(np.ascontiguousarray(array).data)  # tofile does not say that a disk is full
            file.flush()
            os.fsync(file.fileno())
