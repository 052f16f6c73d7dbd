"""A run on one page: ``report.html``, which opens offline and needs nothing beside it.

It reads rows and pictures; it trains, encodes and scores nothing. A new picture is one more
``FigureEntry``, a new metric or method one more ``Row``. Read ``tables`` (rows into tables), then
``page`` (sections into HTML).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bvae_rl.report import tables
from bvae_rl.report.page import Picture, Section, document, kind_of
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, RunError
from bvae_rl.runtime.versions import environment

FIGURE_SECTIONS = {  # key of a figure, up to its first "/": heading
    "film": "One episode in changing colours",
    "curves": "Learning curves",
    "transfer": "Transfer to other visual domains",
    "heatmap": "What each latent holds",
    "traversals": "Traversals",
    "timelines": "Latents over an episode",
}
QUICK = (
    "Smoke run: the figures mean nothing. Everything was trained for a moment only, to show that "
    "the pipeline works. Leave out --quick for the real thing."
)


@dataclass(frozen=True)
class FigureEntry:
    """One picture, a PNG or a GIF: ``key`` is its section (``film``, ``curves``, ``transfer``,
    ``heatmap``, ``traversals``, ``timelines``, else "More pictures"), with ``/anything`` behind it
    if there are several.

    ``path`` is absolute, or relative to the run folder.
    """

    key: str
    title: str
    caption: str
    path: str | Path

    @property
    def section(self) -> str:
        """The section that it stands in."""
        section = self.key.partition("/")[0]
        return section if section in FIGURE_SECTIONS else "more"

    def read(self, run: Run) -> Picture:
        """The picture itself; RunError if it is missing or neither PNG nor GIF."""
        path = run.folder / self.path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RunError(
                f"cannot read the picture {self.key!r} at {path} ({error.strerror}); draw it first"
            ) from error
        if not kind_of(data):
            raise RunError(
                f"the picture {self.key!r} at {path} is neither a PNG nor a GIF; draw it again"
            )
        return Picture(self.title, self.caption, data)


def write_report(
    rows: Sequence[Row],
    figures: Sequence[FigureEntry],
    run: Run,
    *,
    title: str,
    headline: Sequence[str],
    quick: bool,
    notes: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
    versions: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``report.html`` into ``run`` and return its path.

    Agent rows have study "transfer", no ``step`` and the metrics "return", "success", "score".
    Rows of a representation have study "representation", ``method`` = its name (or "name/content")
    and metrics such as "r2/elbow", "mig", "dci/completeness", "leak/arm_colour". ``headline`` is
    the result in a few lines, ``notes`` are paragraphs about the run, ``links`` name files in its
    folder and say what they are, ``versions`` defaults to ``runtime.versions.environment()``. A
    section without rows or pictures is left out. Raises RunError if a picture is missing or is
    neither a PNG nor a GIF.
    """
    pictures: dict[str, list[Picture]] = {}
    for entry in figures:
        pictures.setdefault(entry.section, []).append(entry.read(run))

    def drawn(key: str) -> Section:
        heading = FIGURE_SECTIONS.get(key, "More pictures")
        return Section(key, heading, pictures=pictures.get(key, ()))

    versions = environment() if versions is None else versions
    commands = list(dict.fromkeys(row.command for row in rows if row.command))
    sections = [
        Section("headline", "Headline", lines=headline),
        Section("about", "About this run", paragraphs=notes, links=links),
        drawn("film"),
        drawn("curves"),
        drawn("transfer"),
        Section("scores", "Scores, returns, success", tables=tables.scores(rows)),
        Section("budget", "Supervision budget", tables=tables.budget(rows)),
        Section("representation", "Representation", tables=tables.representation(rows)),
        *map(drawn, ("heatmap", "traversals", "timelines", "more")),
        Section("commands", "Commands", commands=commands),
        Section("seeds", "Seeds", tables=tables.seeds(rows)),
        Section("versions", "Versions", tables=tables.versions(versions)),
    ]
    return run.write_file("report.html", document(title, sections, banner=QUICK if quick else None))
