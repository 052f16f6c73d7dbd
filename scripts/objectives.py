"""List the objectives of ``bvae-rl pretrain``: what each is for, its hyperparameters, its cost."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

from bvae_rl.scripts.common import say
from bvae_rl.scripts.study import markdown
from bvae_rl.training.objectives.entry import Entry
from bvae_rl.training.objectives.table import OBJECTIVES

COLUMNS = (
    "`--objective`", "source", "for", "the hyperparameter that matters", "step", "pairs",
    "hyperparameters",
)  # fmt: skip


@dataclass(frozen=True)
class Args:
    """How to print them."""

    markdown: bool = False
    """as the table of docs/objectives.md"""


def main(args: Args) -> str:
    """Print the table and return it."""
    text = page() if args.markdown else "\n\n".join(map(_paragraph, OBJECTIVES.values()))
    say(text)
    return text


def page() -> str:
    """The table of docs/objectives.md: one row an objective, a tuned value behind the paper's."""
    return markdown([COLUMNS, *map(_cells, OBJECTIVES.values())])


def _cells(row: Entry) -> list[str]:
    about = [f"`{row.name}`", row.source, row.purpose, row.advice]
    return [*about, f"{row.cost:.1f}", row.pairs or "-", _hyperparameters(row)]


def _hyperparameters(row: Entry) -> str:
    cells = [
        f"{name} {value:g}" + (f" ({row.tuned[name]:g})" if name in row.tuned else "")
        for name, value in row.paper.items()
    ]
    return ", ".join(cells) or "none"


def _paragraph(row: Entry) -> str:
    lines = [
        f"{row.name}: {row.purpose}",
        f"source: {row.source}",
        f"{row.advice}. Time of a step: {row.cost:.1f} of beta's. Pairs: {row.pairs or 'none'}.",
        f"hyperparameters, the paper's (tuned): {_hyperparameters(row)}",
    ]
    first, *rest = (fill(line, 96, subsequent_indent="  ") for line in lines)
    return "\n".join([first, *(f"  {line}" for line in rest)])
