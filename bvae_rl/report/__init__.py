"""A run on one page: ``report.html``, which opens offline and needs nothing beside it.

It reads rows and pictures; it trains, encodes and scores nothing. A new picture is one more
``FigureEntry``, a new metric or method one more ``Row``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bvae_rl.report import page, tables
from bvae_rl.runtime.runs import Row, Run, RunError
from bvae_rl.runtime.versions import environment

FIGURE_SECTIONS = {  # key of a figure, up to its first "/": heading
    "curves": "Learning curves",
    "transfer": "Transfer to other appearances",
    "heatmap": "What each latent holds",
    "traversals": "Traversals",
    "timelines": "Time lines",
}
QUICK = (
    "Smoke run: the figures mean nothing. Everything was trained for a moment only, to show that "
    "the pipeline works. Leave out --quick for the real thing."
)


@dataclass(frozen=True)
class FigureEntry:
    """One picture: ``key`` is its section (``curves``, ``transfer``, ``heatmap``, ``traversals``,
    ``timelines``, else "More pictures"), with ``/anything`` behind it if there are several.

    ``png_path`` is absolute, or relative to the run folder.
    """

    key: str
    title: str
    caption: str
    png_path: str | Path

    @property
    def section(self) -> str:
        return self.key.partition("/")[0]


def write_report(
    rows: Sequence[Row],
    figures: Sequence[FigureEntry],
    run: Run,
    *,
    title: str,
    headline: Sequence[str],
    quick: bool,
    notes: Sequence[str] = (),
    versions: Mapping[str, Any] | None = None,
    name: str = "report.html",
) -> Path:
    """Write the page into ``run`` and return its path.

    Agent rows have study "transfer", no ``step`` and the metrics "return", "success", "score";
    rows of a code have study "representation", ``arm`` = its name (or "name/content") and metrics
    such as "r2/elbow", "mig", "dci/completeness", "leak/arm_colour". ``headline`` is the result in
    a few lines, ``notes`` are paragraphs about the run, ``versions`` defaults to
    ``runs.environment()``. A section without rows or pictures is left out. Raises RunError if a
    picture is missing or is not a PNG.
    """
    pictures = [(entry, _read_png(entry, run)) for entry in figures]

    def shown(section: str) -> list[str]:
        return [
            page.figure(data, title=entry.title, caption=entry.caption)
            for entry, data in pictures
            if (entry.section if entry.section in FIGURE_SECTIONS else "more") == section
        ]

    versions = environment() if versions is None else versions
    commands = list(dict.fromkeys(row.command for row in rows if row.command))
    sections = [
        ("headline", "Headline", [page.headline(headline)]),
        ("about", "About this run", page.paragraphs(notes)),
        ("curves", FIGURE_SECTIONS["curves"], shown("curves")),
        ("transfer", FIGURE_SECTIONS["transfer"], shown("transfer")),
        ("scores", "Scores, returns, success", page.tables(tables.scores(rows))),
        ("budget", "What each method was allowed to see", page.tables(tables.budget(rows))),
        ("codes", "Representation", page.tables(tables.representation(rows))),
        *(
            (key, FIGURE_SECTIONS[key], shown(key))
            for key in ("heatmap", "traversals", "timelines")
        ),
        ("more", "More pictures", shown("more")),
        ("commands", "Commands", page.commands(commands)),
        ("seeds", "Seeds", page.tables(tables.seeds(rows))),
        ("versions", "Versions", page.tables(tables.versions(versions))),
    ]
    document = page.document(
        title, [section for section in sections if section[2]], banner=QUICK if quick else None
    )
    return run.write_file(name, document)


def _read_png(entry: FigureEntry, run: Run) -> bytes:
    path = run.folder / entry.png_path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"cannot read the picture {entry.key!r} at {path} ({error.strerror}); draw it first"
        ) from error
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise RunError(f"the picture {entry.key!r} at {path} is not a PNG file; draw it again")
    return data
