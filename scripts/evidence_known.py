"""Units of evidence that were measured before, in another session or on another machine.

Each row of a ``results.json`` says in its supervision budget by which settings it came about: a fingerprint of
all that the numbers of a unit depend on. What has another one is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bvae_rl.runtime.runs import Row, Run, RunError

UNIT = "unit"
DERIVED = ("score", "retention")  # follow from the rows of all units, and are computed anew


def marked(rows: Iterable[Row], key: str) -> list[Row]:
    """The same rows with the fingerprint of their unit in the supervision budget."""
    return [replace(row, budget={**row.budget, UNIT: key}) for row in rows]


def known_units(files: Sequence[Path]) -> dict[str, list[Row]]:
    """Fingerprint -> measured rows of that unit; of two files that hold one, the first counts.

    Raises RunError for a file that is missing or broken.
    """
    found: dict[str, list[Row]] = {}
    for file in files:
        if not file.exists():
            raise RunError(f"there are no results at {file}")
        units: dict[str, list[Row]] = {}
        try:
            rows = Run(file.parent).rows(file.name)
        except (ValueError, TypeError, AttributeError) as error:
            raise RunError(
                f"{file} is no results.json of bvae-rl evidence, which --known takes ({error})"
            ) from error
        for row in rows:
            if UNIT in row.budget and row.metric not in DERIVED:
                units.setdefault(row.budget[UNIT], []).append(row)
        found = units | found
    return found


def known_seeds(units: Mapping[str, Sequence[Row]]) -> tuple[int, ...]:
    """All seeds that any of the units was measured with."""
    rows = [row for rows in units.values() for row in rows]
    seeds = {row.agent_seed if row.vae_seed is None else row.vae_seed for row in rows}
    return tuple(sorted(seed for seed in seeds if seed is not None))
