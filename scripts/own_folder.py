"""A folder for results of some settings, which no result of other settings overwrites unsaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from bvae_rl.runtime.identity import changed, identity, refuse_changes
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, require_own


def own_folder(
    out: Path | None, default: Path, settings: Mapping[str, Any], *, file: str, what: str
) -> Run:
    """The run for ``settings``, which are written into its ``file`` at once.

    ``out`` is taken or refused (ValueError) if it holds ``what`` of other settings, or other files.
    Without it: the first of DEFAULT, DEFAULT-2, ... that is free or holds the same settings.
    """
    asked = identity(settings)
    if out is None:
        run = next(run for run in _numbered(default) if _fits(run, asked, file))
    elif not _fits(run := Run(out), asked, file):
        require_own(out, file)
        refuse_changes(out, what, run.read_json(file), asked)
    run.write_json(file, asked)
    return run


def refuse_other_study(run: Run, study: str, *, file: str = "results.json") -> None:
    """ValueError where ``file`` of the folder holds rows of another study, which would be lost.

    The name of a row's study may go on behind ``study``, as that of a move does.
    """
    there = run.path(file)
    found = {row.study for row in run.rows(file)} if there.exists() else set()
    if others := {name for name in found if not name.startswith(study)}:
        raise ValueError(
            f"{there} holds the results of another study, {', '.join(sorted(others))}; choose "
            "another folder: --out"
        )


def left_out(before: Sequence[Row], now: Sequence[Row]) -> str:
    """The methods of ``before``, else seeds, else visual domains, that have no row in ``now``."""
    parts: tuple[tuple[str, Callable[[Row], Any]], ...] = (
        ("", lambda row: row.method),
        ("seed ", lambda row: row.agent_seed),
        ("", lambda row: row.domain),
    )
    for name, part in parts:
        if gone := {part(row) for row in before} - {part(row) for row in now} - {None}:
            return ", ".join(f"{name}{one}" for one in sorted(gone))
    return ""


def _numbered(folder: Path) -> Iterator[Run]:
    return (Run(folder.with_name(f"{folder.name}-{n}") if n > 1 else folder) for n in count(1))


def _fits(run: Run, asked: Any, file: str) -> bool:
    """Whether the folder is free, holds these settings, or those of a run that left nothing."""
    there = {path.name for path in run.folder.glob("[!.]*")}
    if there <= {file}:
        return True
    return file in there and not changed(run.read_json(file), asked)
