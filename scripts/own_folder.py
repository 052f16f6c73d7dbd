"""A folder for results of some settings, which no result of other settings overwrites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from bvae_rl.runtime.identity import changed, identity, refuse_changes
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


def _numbered(folder: Path) -> Iterator[Run]:
    return (Run(folder.with_name(f"{folder.name}-{n}") if n > 1 else folder) for n in count(1))


def _fits(run: Run, asked: Any, file: str) -> bool:
    """Whether the folder is free, holds these settings, or those of a run that left nothing."""
    there = {path.name for path in run.folder.glob("[!.]*")}
    if there <= {file}:
        return True
    return file in there and not changed(run.read_json(file), asked)
