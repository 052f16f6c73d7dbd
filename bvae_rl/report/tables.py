"""Rows grouped into the tables of a report: scores, budget, representation, seeds, versions.

House rule: below five seeds every seed's value is printed and no interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bvae_rl.data.factors import ON_POLICY, READ_ON_POLICY
from bvae_rl.plots.style import KNOWN, method_label, minus
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.spread import interval, iqm

Cell = str | tuple[str, str]  # a text, or a text and the small print below it

METRICS: Mapping[str, tuple[str, str]] = {  # agent metrics: (heading, format)
    "score": ("Normalised score", ".2f"),
    "return": ("Return per episode", ".1f"),
    "success": ("Success rate", ".0%"),
    "retention": ("Retention: score in a domain over the score in source", ".0%"),
}
FAMILIES: Mapping[str, Cell] = {  # prefix of a representation metric: heading
    "r2": ("MLP-probe R2 of each factor", "higher is better"),
    "linear_r2": ("Linear-probe R2 of each factor", "higher is better"),
    "leak": ("Leak: R2 of each appearance factor from the content latents", "lower is better"),
    "mig": ("Mutual information gap", "higher is better"),
    "dci": ("DCI", "higher is better"),
}
BUDGET = {
    "pretrain_frames": "frames rendered for pretraining",
    "env_steps": "environment steps",
    "domain": "visual domains",
    "paired": "pairs",
    "labels": "labels",
}
REFERENCES = ("untrained", "random", "pca")
NONE = "\N{EN DASH}"
SPREAD = (
    "Large: interquartile mean over seeds. Small: every seed's value, or from five seeds on the "
    "95% bootstrap interval."
)
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """A caption, a row of heads and rows of cells; a row of one cell heads those below it."""

    caption: str
    head: Sequence[Cell]
    body: Sequence[Sequence[Cell]]
    note: str = ""


def scores(rows: Iterable[Row]) -> list[Table]:
    """One table for each world, algorithm and metric of study "transfer": methods by domains.

    Rows with a ``step`` are points of a curve and left out; algo "none" (a policy that was not
    trained) is shown with every algorithm.
    """
    ours = _where(rows, study="transfer", step=None)
    trained = [row for row in ours if row.algo != "none"]
    found = []
    for env, algo in _unique((row.env, row.algo) for row in trained or ours):
        here = [row for row in ours if row.env == env and row.algo in (algo, "none")]
        found += [
            _score_table(_where(here, metric=metric), f"{env}, {algo.upper()}")
            for metric in _known_first((row.metric for row in here), METRICS)
        ]
    return found


def _score_table(rows: Sequence[Row], place: str) -> Table:
    heading, form = METRICS.get(rows[0].metric, (rows[0].metric, ".3g"))
    domains = _unique(row.domain for row in rows)
    body = [
        [
            _named(method),
            *(_spread(_where(rows, method=method, domain=domain), form) for domain in domains),
        ]
        for method in _methods(rows)
    ]
    return Table(
        f"{heading} {NONE} {place}",
        ["method", *(domain or "as given" for domain in domains)],
        body,
        f"{_range(row.n for row in rows)} episodes per seed and visual domain; higher is better. "
        f"{SPREAD}",
    )


def budget(rows: Iterable[Row]) -> list[Table]:
    """What each method was trained on: frames, steps, domains, pairs, labels."""
    ours = [row for row in rows if row.budget]
    keys = _known_first((key for row in ours for key in row.budget), BUDGET)
    body = [
        [_named(method), *(_entries(_where(ours, method=method), key) for key in keys)]
        for method in _methods(ours)
    ]
    head = ["method", *(BUDGET.get(key, key.replace("_", " ")) for key in keys)]
    return [Table("What each method was trained on", head, body)] if body else []


def representation(rows: Iterable[Row]) -> list[Table]:
    """Metrics of study "representation", references last: a table a visual domain."""
    ours = _where(rows, study="representation")
    domains = _unique(row.domain for row in ours)
    return [_representation_table(_where(ours, domain=domain)) for domain in domains]


def _representation_table(ours: Sequence[Row]) -> Table:
    methods = sorted(_unique(row.method for row in ours), key=_is_reference)
    single: list[list[Cell]] = []  # metrics that are a family of their own, above the others
    grouped: list[list[Cell]] = []
    for family in _known_first((_family(row.metric) for row in ours), FAMILIES):
        metrics = _unique(row.metric for row in ours if _family(row.metric) == family)
        heading = FAMILIES.get(family, family)
        body = single if metrics == [family] else grouped
        if body is grouped:
            body.append([heading])
        for metric in metrics:
            here = _where(ours, metric=metric)
            cells = [_spread(_where(here, method=method), ".2f") for method in methods]
            body.append([metric.partition("/")[2] or heading, *cells])
    head = [
        (_of_vae(method), "reference" if _is_reference(method) else method) for method in methods
    ]
    domain = f" in domain {ours[0].domain}" if ours[0].domain else ""
    note = f"Scored on {_range(row.n for row in ours)} frames. {SPREAD}"
    if read := [method for method in methods if method.partition("/")[0].endswith(ON_POLICY)]:
        note += f" {', '.join(read)}: {READ_ON_POLICY}."
    return Table(
        f"Representations against true factors{domain}", ["metric", *head], single + grouped, note
    )


def _of_vae(method: str) -> str:
    """A representation's label: whatever an agent sees of it, without a group it is all of it."""
    name, _, group = method.partition("/")
    label = method_label(name)
    for seen in (", content latents", ", all latents"):
        if seen in label:
            return f"{label.replace(seen, '')}, {group or 'all'} latents"
    return f"{label}, {group} latents" if group else label


def seeds(rows: Iterable[Row]) -> list[Table]:
    """Which seeds stand behind each method."""
    ours = list(rows)
    body = [
        [_named(method), *(_seeds(ours, method, kind) for kind in ("vae_seed", "agent_seed"))]
        for method in _methods(ours)
    ]
    caption = "Seeds behind each method or representation"
    return [Table(caption, ["method", "VAE", "agent"], body)] if body else []


def versions(found: Mapping[str, Any]) -> list[Table]:
    """Versions, commit and machine as they are named in ``found``."""
    body = [[str(key), NONE if value is None else str(value)] for key, value in found.items()]
    return [Table("Versions, commit and machine", ["what", "which"], body)] if body else []


def _spread(rows: Sequence[Row], form: str) -> Cell:
    ordered = sorted(rows, key=lambda row: (row.vae_seed or 0, row.agent_seed or 0))
    values = [row.value for row in ordered if not math.isnan(row.value)]
    if not values:
        return NONE
    middle = _number(float(iqm(values)), form)
    if len(values) == 1:
        return middle
    band = interval(values)
    if band is None:
        return middle, " \N{MIDDLE DOT} ".join(_number(value, form) for value in values)
    low, high = (_number(float(end), form) for end in band)
    return middle, f"{low} to {high} ({len(values)} seeds)"


def _number(value: float, form: str) -> str:
    text = format(value, form)
    return minus(text.removeprefix("-") if not text.strip("-0.%") else text)


def _entries(rows: Sequence[Row], key: str) -> str:
    return " / ".join(_unique(_entry(row.budget.get(key)) for row in rows))


def _entry(value: object) -> str:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _methods(rows: Iterable[Row]) -> list[str]:
    return _known_first((row.method for row in rows), KNOWN)


def _named(method: str) -> Cell:
    label = method_label(method)
    return label if label == method else (label, method)


def _seeds(rows: Sequence[Row], method: str, kind: str) -> str:
    found = sorted({getattr(row, kind) for row in _where(rows, method=method)} - {None})
    return ", ".join(map(str, found)) or NONE


def _is_reference(method: str) -> bool:
    return method.partition("/")[0] in REFERENCES


def _family(metric: str) -> str:
    return metric.partition("/")[0]


def _range(counts: Iterable[int]) -> str:
    ordered = sorted(counts)
    return " to ".join(f"{count:,}" for count in _unique((ordered[0], ordered[-1])))


def _where(rows: Iterable[Row], **wanted: object) -> list[Row]:
    return [row for row in rows if all(getattr(row, k) == v for k, v in wanted.items())]


def _known_first(names: Iterable[str], known: Mapping[str, object]) -> list[str]:
    order = list(known)
    return sorted(_unique(names), key=lambda name: order.index(name) if name in known else 99)


def _unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
