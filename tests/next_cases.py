"""The commands that a command advises, as its parser reads them."""

from __future__ import annotations

import shlex
from typing import Any

from bvae_rl.scripts.cli import parse


def next_commands(printed: str) -> list[tuple[str, Any]]:
    """Name and ``Args`` of each ``next:`` line; one that cannot be run as printed is an error."""
    found = []
    for line in printed.splitlines():
        if line.startswith("next: "):
            program, name, *words = shlex.split(line.removeprefix("next: "))
            assert program == "bvae-rl", line
            try:
                found.append((name, parse(name, words)))
            except SystemExit as error:
                raise AssertionError(f"cannot be run as printed: {line}") from error
    return found
