"""How pages of results print values, and where their text is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.runtime.spread import interval, iqm

DOCS = Path(__file__).resolve().parents[1] / "docs"
RESULTS = DOCS / "results"


def text(page: str) -> str:
    """A page of ``docs/results``."""
    return (RESULTS / page).read_text(encoding="utf-8")


def words(page: str) -> str:
    """The same without its line breaks."""
    return " ".join(text(page).split())


def line(page: str, label: str) -> list[str]:
    """The cells of the only row of a table on ``page`` that begins with those of ``label``."""
    start = f"| {label} |"
    (found,) = (one for one in text(page).splitlines() if one.startswith(start))
    return [part.strip() for part in found.removeprefix(start).split("|")[:-1]]


def lines(page: str, *starts: str) -> list[list[str]]:
    """The cells of all rows that begin so, the first of them left out."""
    found = [one for one in text(page).splitlines() if one.startswith(starts)]
    return [[part.strip() for part in one.split("|")[2:-1]] for one in found]


def two(value: float) -> str:
    """With two digits and without a leading zero."""
    return f"{value:.2f}".replace("0.", ".", 1).replace("-.00", ".00")


def each(found: Sequence[float]) -> str:
    """One value a seed."""
    assert len(found)
    return ", ".join(map(two, found))


def middle(found: Sequence[float]) -> str:
    """The interquartile mean."""
    return two(float(iqm(found)))


def cell(found: Sequence[float]) -> str:
    """Interquartile mean and 95% bootstrap interval."""
    bounds = interval(found)
    assert bounds is not None
    low, high = (two(float(value)) for value in bounds)
    return f"{middle(found)} [{low}, {high}]"


def values(
    rows: Iterable[Row], start: str, metric: str, domain: str, seeds: Sequence[int]
) -> list[float]:
    """Of each seed, of the method whose name without its changes is ``start``."""
    found = {
        row.agent_seed if row.vae_seed is None else row.vae_seed: row.value
        for row in rows
        if (row.metric, row.domain) == (metric, domain)
        and row.method.partition(":")[0] == start
        and not row.method.endswith(("/content", "/style"))
    }
    assert found.keys() == set(seeds), (start, metric, domain)
    return [found[seed] for seed in seeds]


def by_method(file: str, method: str, metric: str, domain: str) -> list[float]:
    """Of each VAE, in the order of their seeds, of the method that is called so."""
    found = {
        row.vae_seed or 0: row.value
        for row in Run(RESULTS).rows(file)
        if (row.method, row.metric, row.domain) == (method, metric, domain) and row.step is None
    }
    return [found[seed] for seed in sorted(found)]
