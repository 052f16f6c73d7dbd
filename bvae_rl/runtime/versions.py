"""What a result was made with: versions, commit, platform."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "gymnasium", "stable-baselines3", "numpy", "bvae-rl")


def environment() -> dict[str, Any]:
    """Versions, commit (of a checkout, else None), platform and cores, for the record of a run."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "commit": _commit(Path(__file__).resolve().parents[2]),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit(tree: Path) -> str | None:
    if not (tree / ".git").exists():  # an installed copy inside somebody else's checkout
        return None
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
